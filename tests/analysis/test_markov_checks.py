from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from panic_tda.analysis.markov_checks import loops, markov_checks
from panic_tda.errors import RequestError


def chain_runs(matrix: list[list[float]], runs: int, steps: int, seed: int) -> list[NDArray[np.int64]]:
    rng, k = np.random.default_rng(seed), len(matrix)
    ladder, path = np.cumsum(matrix, axis=1)[:, :-1], [np.arange(runs) % k]
    for _ in range(steps - 1):
        path.append((rng.random(runs)[:, None] >= ladder[path[-1]]).sum(axis=1))
    return list(np.array(path).T)


LAZY = [[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]]
ROUND = [[0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.7, 0.1, 0.2]]


def test_nothing_speaks_against_runs_of_one_reversible_chain() -> None:
    found = markov_checks(chain_runs(LAZY, 8, 60, seed=1), np.random.default_rng(0))
    assert min(found.memory, found.shared, found.reversible) > 0.05
    assert found.permutations == 199


def test_a_second_order_chain_is_noticed() -> None:
    # A, A, B, B, A, A, …: what follows A depends on whether A has just begun.
    found = markov_checks([[0, 0, 1, 1] * 20], np.random.default_rng(0))
    assert found.memory <= 0.01


def test_groups_of_runs_with_different_matrices_are_noticed() -> None:
    runs = chain_runs(LAZY, 6, 40, seed=2) + chain_runs(ROUND, 6, 40, seed=3)
    found = markov_checks(runs, np.random.default_rng(0), groups=["lazy"] * 6 + ["round"] * 6)
    assert found.shared <= 0.01


def test_a_chain_that_goes_round_one_way_is_noticed_however_it_starts() -> None:
    assert markov_checks(chain_runs(ROUND, 6, 40, seed=4), np.random.default_rng(0)).reversible <= 0.01


def test_going_away_for_good_is_no_arrow_of_time() -> None:
    runs = [[0, 1, 2, 3, 3, 3, 3], [0, 1, 1, 2, 3, 3, 3]]
    assert markov_checks(runs, np.random.default_rng(0)).reversible == 1.0


def test_two_states_are_always_reversible_and_a_lone_run_shares_its_matrix() -> None:
    found = markov_checks([[0, 1, 1, 0, 1, 0, 0, 0, 1, 0]], np.random.default_rng(0))
    assert (found.shared, found.reversible) == (1.0, 1.0)


def test_gaps_and_borders_of_runs_are_no_transitions() -> None:
    # Joined end to end, or with the gap closed, these would be an alternation.
    found = markov_checks([[0, 0, -1, 1, 1], [0, 0], [1, 1]], np.random.default_rng(0))
    assert (found.memory, found.shared, found.reversible) == (1.0, 1.0, 1.0)


def test_without_a_state_nothing_can_speak_against_anything() -> None:
    assert markov_checks([[-1, -1], []], np.random.default_rng(0))[:3] == (1.0, 1.0, 1.0)


def test_loops_are_cut_at_the_commonest_state_and_then_inside() -> None:
    #                   0  1  2  1  0  3  0 : both ways from 0 to 0 are loops, and the way from 1 to 1 inside.
    found = loops(np.array([0, 1, 2, 1, 0, 3, 0]))
    first, inner, last = found[0], found[1], found[4]
    assert found.tolist() == [first, inner, inner, first, last, last]
    assert len({first, inner, last}) == 3
    assert min(first, inner, last) >= 0


def test_the_way_before_and_after_the_loops_belongs_to_none() -> None:
    assert loops(np.array([5, 0, 0, 6])).tolist()[::2] == [-1, -1]
    assert loops(np.array([1, -1, 1])).tolist() == [-1, -1]


@pytest.mark.parametrize(("groups", "permutations"), [([1], 9), (None, 0)])
def test_groups_and_permutations_that_do_not_fit_are_refused(groups: list[int] | None, permutations: int) -> None:
    with pytest.raises(RequestError, match=r"1 groups were given for 2 runs|at least 1"):
        markov_checks([[0, 1], [1, 0]], np.random.default_rng(0), groups=groups, permutations=permutations)
