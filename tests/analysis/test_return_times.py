from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.recurrence import recurrence_matrix
from panic_tda.analysis.return_times import Returns, first_returns, return_times, symbol_returns
from panic_tda.errors import RequestError


def seen(returns: Returns) -> list[tuple[int, bool]]:
    return sorted(zip(returns.steps.tolist(), returns.returned.tolist(), strict=True))


def test_the_returns_of_a_symbol_are_its_gaps_and_the_last_visit_is_censored() -> None:
    assert seen(symbol_returns("abcaab", of="a")) == [(1, False), (1, True), (3, True)]
    assert seen(symbol_returns("abcaab")) == [(1, False), (1, True), (3, False), (3, True), (4, True)]


def test_a_visit_at_the_very_end_is_not_watched() -> None:
    assert seen(symbol_returns("ba", of="a")) == []


@given(st.lists(st.integers(0, 4), max_size=15))
def test_returns_to_equal_points_are_those_of_their_symbols(symbols: list[int]) -> None:
    near = np.equal.outer(symbols, symbols) if symbols else np.empty((0, 0), bool)
    assert seen(first_returns(near)) == seen(symbol_returns(symbols))


def test_a_stay_counts_as_a_return_unless_the_ball_must_be_left_first() -> None:
    near = recurrence_matrix(np.abs(np.subtract.outer([0, 0, 5, 0], [0, 0, 5, 0])), 1.0)
    assert seen(first_returns(near)) == [(1, False), (1, True), (2, True)]
    assert seen(first_returns(near, leave_first=True)) == [(1, False), (2, True), (3, True)]


def test_a_place_that_is_never_left_is_not_waited_for() -> None:
    places = [7.0, 3.0, 0.0, 0.0, 0.0]
    near = recurrence_matrix(np.abs(np.subtract.outer(places, places)), 1.0)
    assert seen(first_returns(near, leave_first=True)) == [(3, False), (4, False)]


def test_a_cycle_returns_after_its_period() -> None:
    found = return_times([symbol_returns([0, 1, 2] * 10)])
    assert (found.mean, found.median, found.unresolved) == (3.0, 3.0, 0.0)
    assert (found.returns, found.censored, found.cautions) == (27, 2, ())


def test_the_mean_is_the_area_under_the_product_limit_curve() -> None:
    found = return_times([Returns(np.array([1, 2, 4]), np.array([True, False, True]))])
    assert found.times.tolist() == [1, 4]
    assert found.not_returned == pytest.approx([2 / 3, 0.0])
    assert found.mean == pytest.approx(1 + 3 * 2 / 3)


def test_visits_that_never_came_back_make_the_mean_a_lower_bound() -> None:
    found = return_times([Returns(np.array([1] * 12 + [5] * 4), np.array([True] * 12 + [False] * 4))])
    assert found.mean == pytest.approx(1 + 4 * 0.25)
    assert found.unresolved == pytest.approx(0.25)
    assert found.cautions == ("the mean is a lower bound: 25% are not back after 5 steps",)


def test_few_returns_are_cautioned() -> None:
    assert return_times([symbol_returns("aa")]).cautions == ("only 1 return",)


def test_the_mean_return_time_of_a_markov_chain_is_the_inverse_of_its_probability() -> None:
    """Runs of 40 steps: the completed returns alone are far too short."""
    rng = np.random.default_rng(0)
    transitions = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.05, 0.15, 0.8]])
    stationary = np.linalg.matrix_power(transitions, 200)[0]
    paths = np.empty((400, 40), int)
    paths[:, 0] = rng.choice(3, size=400, p=stationary)
    for step in range(1, 40):
        bounds = transitions.cumsum(axis=1)[paths[:, step - 1]]
        paths[:, step] = (rng.random((400, 1)) > bounds).sum(axis=1)
    for state in range(3):
        runs = [symbol_returns(path, of=state) for path in paths.tolist()]
        completed = np.concatenate([run.steps[run.returned] for run in runs])
        assert return_times(runs).mean == pytest.approx(1 / stationary[state], rel=0.05)
        assert completed.mean() < 0.9 / stationary[state]


def test_no_visits_and_matrices_that_are_not_square_are_refused() -> None:
    for none in ([], [symbol_returns("")]):
        with pytest.raises(RequestError, match="at least one visit"):
            return_times(none)
    with pytest.raises(RequestError, match="square"):
        first_returns(np.ones((2, 3), bool))
