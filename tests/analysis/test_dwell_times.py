from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from panic_tda.analysis.dwell_times import DwellTime, dwell_time, stays
from panic_tda.analysis.transition_matrix import transition_counts
from panic_tda.errors import RequestError


def dwell(runs: list[list[int]], state: int) -> DwellTime:
    return dwell_time(stays(runs), state, np.random.default_rng(0))


def test_the_last_stay_of_a_run_is_not_completed() -> None:
    found = stays([[0, 0, 1, 1, 1, 0], [1, 1]])
    assert found.state.tolist() == [0, 1, 0, 1]
    assert found.steps.tolist() == [2, 3, 1, 2]
    assert found.completed.tolist() == [True, True, False, False]
    assert (found.run.tolist(), found.runs) == ([0, 0, 0, 1], 2)


def test_a_stay_before_a_step_without_a_state_is_not_completed() -> None:
    found = stays([[0, 0, -1, 1, 0]])
    assert (found.state.tolist(), found.completed.tolist()) == ([0, 1, 0], [False, True, False])


def test_leading_steps_can_be_left_out() -> None:
    assert stays([[0, 0, 0, 1]], skip=[2]).steps.tolist() == [1, 1]
    assert len(stays([[0, 0]], skip=[2]).steps) == 0


@given(st.lists(st.lists(st.integers(0, 2), max_size=15), min_size=1, max_size=5))
@settings(max_examples=15)
def test_the_mean_is_one_over_the_chance_of_leaving_at_each_step(runs: list[list[int]]) -> None:
    found = stays(runs)
    for state in np.unique(found.state).tolist():
        row = transition_counts(runs, states=[0, 1, 2]).counts[state]
        exits = row.sum() - row[state]
        expected = row.sum() / exits if exits else math.inf
        assert dwell_time(found, state, np.random.default_rng(0)).mean.estimate == pytest.approx(expected)


def test_the_interval_is_over_runs() -> None:
    found = dwell([[0, 0, 1], [0, 1], [0, 0, 0, 1]], 0)
    assert (found.mean.estimate, found.mean.n) == (2.0, 3)
    assert 1.0 <= found.mean.low < 2.0 < found.mean.high <= 3.0
    assert (found.median, found.completed, found.censored) == (2.0, 3, 0)


def test_a_state_nobody_left_dwells_for_ever() -> None:
    found = dwell([[1, 0, 0, 0], [0, 0]], 0)
    assert found.mean.estimate == math.inf
    assert math.isnan(found.median)
    assert found.cautions == ("no stay was seen to end",)


def test_few_exits_and_stays_cut_off_are_told() -> None:
    found = dwell([[0, 1], [0, 0], [0, 0]], 0)
    assert found.law.verdict == "too few"
    assert found.cautions == (
        "only 1 completed stay",
        "2 of 3 stays are cut off by the end of the run",
        "the exits come from 1 run",
    )


def test_a_heavy_tail_is_told() -> None:
    lengths = np.ceil(3 * np.random.default_rng(2).pareto(1.2, 200) + 1e-9).astype(int)
    found = dwell([[0] * length + [1] for length in lengths], 0)
    assert found.cautions == ("leaving gets less likely with time, so the mean rests on a few long stays",)


def test_enough_stays_without_memory_have_no_caution() -> None:
    lengths = np.random.default_rng(3).geometric(0.2, 60)
    assert dwell([[0] * length + [1] for length in lengths], 0).cautions == ()


@pytest.mark.parametrize("skip", [[1], [-1, 0], [0.5, 0.5]])
def test_what_cannot_be_skipped_is_refused(skip: ArrayLike) -> None:
    with pytest.raises(RequestError, match="for each of the 2 runs"):
        stays([[0, 1], [1]], skip=skip)


def test_a_state_nobody_visits_is_refused() -> None:
    with pytest.raises(RequestError, match="no run visits state 7"):
        dwell([[0, 1]], 7)
