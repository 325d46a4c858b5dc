from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.transition_matrix import (
    continue_loop,
    posterior_matrices,
    transition_counts,
    transition_matrix,
)
from panic_tda.errors import RequestError

A, B, C, D, OUTLIER = 0, 1, 2, 3, -1


def test_transitions_never_cross_from_one_run_to_the_next() -> None:
    found = transition_counts([[A] * 5 + [B] * 5, [C] * 5 + [D] * 5])
    assert found.counts.tolist() == [[4, 1, 0, 0], [0, 4, 0, 0], [0, 0, 4, 1], [0, 0, 0, 4]]
    assert (found.runs, found.transitions, found.lost) == (2, 18, 0)


def test_an_outlier_breaks_the_chain_and_the_lost_transitions_are_told() -> None:
    found = transition_counts([[A, A, OUTLIER, B, B]])
    assert found.counts.tolist() == [[1, 0], [0, 1]]
    assert found.lost == 2
    assert "2 of 4 transitions are lost to steps without a state" in found.cautions


def test_states_are_the_symbols_that_occur_and_keep_their_numbers() -> None:
    found = transition_counts([[7, 3, 7]])
    assert found.states.tolist() == [3, 7]
    assert found.counts.tolist() == [[0, 1], [1, 0]]


def test_states_that_no_run_visits_can_be_named() -> None:
    assert transition_counts([[1, 1]], states=[0, 1, 2]).counts.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_a_state_seen_only_at_the_end_of_runs_is_told() -> None:
    assert "seen only at the end of runs: state 1" in transition_counts([[A] * 20 + [B]]).cautions


def test_plenty_of_transitions_have_no_caution_and_few_have() -> None:
    assert transition_counts([[A, B] * 20]).cautions == ()
    assert transition_counts([[A, B, A]]).cautions == ("only 2 transitions for 2 states",)


@given(st.lists(st.lists(st.integers(-1, 3), max_size=12), min_size=1, max_size=5))
def test_every_pair_of_steps_is_counted_or_lost(runs: list[list[int]]) -> None:
    if all(symbol < 0 for run in runs for symbol in run):
        with pytest.raises(RequestError, match="no run visits a state"):
            transition_counts(runs)
        return
    found = transition_counts(runs)
    assert found.transitions + found.lost == sum(max(0, len(run) - 1) for run in runs)
    assert found.counts.sum() == sum(a >= 0 and b >= 0 for run in runs for a, b in pairwise(run))


@pytest.mark.parametrize("states", [[0], [-1, 0, 1], []])
def test_states_that_do_not_hold_every_symbol_are_refused(states: list[int]) -> None:
    with pytest.raises(RequestError, match="states must be numbers"):
        transition_counts([[0, 1]], states=states)


def test_a_stopped_loop_goes_on_periodically() -> None:
    assert continue_loop([A, B, C, B, C], 2, 9).tolist() == [A, B, C, B, C, B, C, B, C]
    assert continue_loop([A, B], 1, 4).tolist() == [A, B, B, B]
    assert continue_loop([A, B, C], 3, 2).tolist() == [A, B, C]


@pytest.mark.parametrize("period", [0, 4])
def test_a_period_outside_the_run_is_refused(period: int) -> None:
    with pytest.raises(RequestError, match="between 1 and the 3 steps"):
        continue_loop([A, B, C], period, 9)


def test_the_prior_weighs_as_much_as_one_transition() -> None:
    np.testing.assert_allclose(transition_matrix([[3, 1], [0, 0]]), [[3.5 / 5, 1.5 / 5], [0.5, 0.5]])


def test_matrices_from_the_posterior_have_its_mean_and_its_spread() -> None:
    counts = np.array([[8, 2, 0], [0, 0, 0], [1, 1, 1]])
    drawn = posterior_matrices(counts, np.random.default_rng(0), samples=20_000)
    weights = counts + 1 / 3
    shares = weights / weights.sum(axis=1, keepdims=True)
    variance = shares * (1 - shares) / (weights.sum(axis=1, keepdims=True) + 1)
    np.testing.assert_allclose(drawn.mean(axis=0), transition_matrix(counts), atol=0.01)
    np.testing.assert_allclose(drawn.var(axis=0), variance, atol=0.004)
    np.testing.assert_allclose(drawn.sum(axis=2), 1.0)


def test_no_transition_is_held_impossible_however_many_states_there_are() -> None:
    drawn = posterior_matrices(np.eye(200, dtype=int), np.random.default_rng(0), samples=5)
    assert (drawn > 0.0).all()
    np.testing.assert_allclose(drawn.sum(axis=2), 1.0)


@pytest.mark.parametrize("counts", [[[1, 2]], [], [[-1, 2], [0, 1]], [[np.nan]], [1, 2]])
def test_what_is_no_table_of_counts_is_refused(counts: list[list[float]]) -> None:
    with pytest.raises(RequestError, match="transition counts"):
        transition_matrix(counts)


def test_no_samples_are_refused() -> None:
    with pytest.raises(RequestError, match="at least 1"):
        posterior_matrices([[1]], np.random.default_rng(0), samples=0)
