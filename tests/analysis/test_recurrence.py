from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.recurrence import Absorption, exact_absorption, recurrence_matrix, threshold_at_quantile
from panic_tda.errors import RequestError

LINE = np.abs(np.subtract.outer([0.0, 1.0, 3.0, 7.0], [0.0, 1.0, 3.0, 7.0]))


def test_steps_recur_when_their_distance_is_at_most_the_threshold() -> None:
    expected = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    recurrent = recurrence_matrix(LINE, 2.0)
    assert recurrent.dtype == np.bool_
    assert recurrent.astype(int).tolist() == expected


def test_at_threshold_zero_exact_repeats_recur() -> None:
    points = np.random.default_rng(0).normal(size=(3, 768)).astype(np.float32)[[0, 1, 0, 2]]
    recurrent = recurrence_matrix(euclidean_distances(points), 0.0)
    assert np.argwhere(np.triu(recurrent, 1)).tolist() == [[0, 2]]


@pytest.mark.parametrize(
    ("quantile", "threshold"), [(0.0, 1.0), (1 / 6, 1.0), (0.2, 2.0), (0.5, 3.0), (0.51, 4.0), (1.0, 7.0)]
)
def test_the_threshold_is_the_least_distance_that_reaches_the_quantile(quantile: float, threshold: float) -> None:
    assert threshold_at_quantile(LINE, quantile) == threshold


@given(st.lists(st.integers(0, 5), min_size=2, max_size=12), st.floats(0, 1))
def test_at_least_the_asked_share_of_pairs_recurs(places: list[int], quantile: float) -> None:
    distances = np.abs(np.subtract.outer(places, places))
    recurrent = recurrence_matrix(distances, threshold_at_quantile(distances, quantile))
    assert recurrent[np.triu_indices(len(places), 1)].mean() >= quantile - 1e-12


@pytest.mark.parametrize("threshold", [-1.0, np.nan])
def test_thresholds_that_are_no_distances_are_refused(threshold: float) -> None:
    with pytest.raises(RequestError, match="threshold"):
        recurrence_matrix(LINE, threshold)


@pytest.mark.parametrize("distances", [np.ones(3), np.ones((2, 3)), [[0.0, np.nan], [np.nan, 0.0]]])
def test_matrices_that_hold_no_distances_are_refused(
    distances: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    with pytest.raises(RequestError, match="distances"):
        recurrence_matrix(distances, 1.0)


@pytest.mark.parametrize("quantile", [-0.1, 1.1, np.nan])
def test_quantiles_outside_zero_and_one_are_refused(quantile: float) -> None:
    with pytest.raises(RequestError, match="between 0 and 1"):
        threshold_at_quantile(LINE, quantile)


@pytest.mark.parametrize("count", [0, 1])
def test_a_quantile_needs_a_pair(count: int) -> None:
    with pytest.raises(RequestError, match="at least 2 points"):
        threshold_at_quantile(np.zeros((count, count)), 0.5)


@pytest.mark.parametrize(
    ("keys", "absorption"),
    [
        ("", None),
        ("a", None),
        ("abcdef", None),
        ("aa", Absorption(0, 1)),
        ("abcc", Absorption(2, 1)),
        ("abcdcd", Absorption(2, 2)),
        ("abcdcdc", Absorption(2, 2)),
        ("abcdc", None),
        ("xyabcabca", Absorption(2, 3)),
        ("caacaa", Absorption(0, 3)),
        ("aaaaaa", Absorption(0, 1)),
        ("aabab", Absorption(1, 2)),
        ("abab" + "z", None),
    ],
)
def test_absorption_is_found_where_the_end_is_periodic(keys: str, absorption: Absorption | None) -> None:
    assert exact_absorption(list(keys)) == absorption


@pytest.mark.parametrize("period", [1, 2, 5, 17])
@pytest.mark.parametrize("start", [0, 1, 30])
def test_a_planted_cycle_is_recovered_exactly(start: int, period: int) -> None:
    keys = [("tail", t) for t in range(start)] + [("cycle", t % period) for t in range(100)]
    assert exact_absorption(keys) == Absorption(start, period)


@given(st.lists(st.sampled_from("abc"), max_size=14), st.integers(2, 4))
def test_absorption_agrees_with_trying_every_start_and_period(keys: list[str], passes: int) -> None:
    n = len(keys)
    candidates = [
        Absorption(start, period)
        for start in range(n)
        for period in range(1, n + 1)
        if n - start >= passes * period and all(keys[i] == keys[i + period] for i in range(start, n - period))
    ]
    assert exact_absorption(keys, passes=passes) == min(candidates, default=None)


def test_more_passes_may_be_asked_for() -> None:
    assert exact_absorption("abab", passes=3) is None
    assert exact_absorption("ababab", passes=3) == Absorption(0, 2)


def test_a_single_pass_is_no_evidence_of_a_period() -> None:
    with pytest.raises(RequestError, match="twice"):
        exact_absorption("abc", passes=1)
