from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.survival import kaplan_meier
from panic_tda.errors import RequestError


def test_without_censoring_it_is_the_share_that_is_left() -> None:
    found = kaplan_meier([1, 2, 2, 4], [True] * 4)
    assert found.times.tolist() == [1, 2, 4]
    assert found.surviving.tolist() == pytest.approx([0.75, 0.25, 0.0])
    assert (found.median, found.n, found.events) == (2.0, 4, 4)


def test_a_censored_one_counts_as_watched_until_then() -> None:
    # 5 watched; one happens at 2; one is lost at 3; of the 3 left one happens at 5.
    found = kaplan_meier([2, 3, 5, 8, 8], [True, False, True, False, False])
    assert found.surviving.tolist() == pytest.approx([0.8, 0.8 * 2 / 3])
    assert math.isnan(found.median)


def test_nobody_to_whom_it_happened_leaves_no_times() -> None:
    found = kaplan_meier([3.0, 4.0], [False, False])
    assert (found.times.size, found.events) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=40))
def test_survival_falls_and_stays_within_its_band(watched: list[tuple[int, bool]]) -> None:
    times, happened = [time for time, _ in watched], [event for _, event in watched]
    found = kaplan_meier(np.array(times, float), np.array(happened, bool))
    assert (np.diff(found.surviving) < 0).all()
    assert ((found.low <= found.surviving + 1e-12) & (found.surviving <= found.high + 1e-12)).all()
    assert ((found.low >= 0) & (found.high <= 1)).all()


def test_the_band_covers_exponential_waiting_times_about_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(3), []
    for _ in range(400):
        times, limit = rng.exponential(1.0, 60), rng.uniform(0.5, 3.0, 60)
        found = kaplan_meier(np.minimum(times, limit), times <= limit)
        at = int(np.searchsorted(found.times, 0.7, side="right")) - 1
        covered.append(found.low[at] <= math.exp(-0.7) <= found.high[at])
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize(
    ("times", "happened"), [([1.0], [True, False]), ([-1.0], [True]), ([math.inf], [True]), ([[1.0]], [[True]])]
)
def test_impossible_times_are_refused(times: list[float], happened: list[bool]) -> None:
    with pytest.raises(RequestError, match="times"):
        kaplan_meier(times, happened)
