from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.clustered_share import clustered_share
from panic_tda.analysis.shares import share_interval
from panic_tda.errors import RequestError


@given(st.lists(st.booleans(), max_size=30))
def test_with_one_value_for_each_run_it_is_wilsons_interval(happened: list[bool]) -> None:
    found, plain = clustered_share(happened, range(len(happened))), share_interval(sum(happened), len(happened))
    assert repr(found) == repr(plain)


@pytest.mark.parametrize("value", [True, False])
def test_where_all_or_none_happened_a_run_counts_as_one(value: bool) -> None:
    found, plain = clustered_share([value] * 12, [1, 2, 3] * 4), share_interval(3 * value, 3)
    assert [found.low, found.high] == pytest.approx([plain.low, plain.high])
    assert (found.estimate, found.n) == (float(value), 12)


def test_twins_that_all_do_as_their_run_does_tell_no_more_than_runs() -> None:
    runs = np.repeat(np.arange(40), 5)
    found, plain = clustered_share((runs < 10).tolist(), runs.tolist()), share_interval(10, 40)
    assert found.estimate == plain.estimate
    assert [found.low, found.high] == pytest.approx([plain.low, plain.high], abs=0.01)
    assert found.high - found.low >= plain.high - plain.low


def test_twins_that_differ_in_every_run_alike_are_as_good_as_runs() -> None:
    found, plain = clustered_share([True, False] * 10, np.repeat(np.arange(10), 2).tolist()), share_interval(10, 20)
    assert [found.low, found.high] == pytest.approx([plain.low, plain.high])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=40))
def test_it_holds_the_share_and_stays_between_zero_and_one(values: list[tuple[bool, int]]) -> None:
    happened, runs = [happened for happened, _ in values], [run for _, run in values]
    found = clustered_share(happened, runs)
    assert 0.0 <= found.low <= found.estimate <= found.high <= 1.0
    assert found.n == len(values)
    plain = share_interval(sum(happened), len(happened))
    assert found.high - found.low >= plain.high - plain.low - 1e-12


def test_of_nothing_nothing_is_known() -> None:
    found = clustered_share([], [])
    assert math.isnan(found.estimate)
    assert (found.low, found.high, found.n) == (0.0, 1.0, 0)


def test_of_a_single_run_little_is_known() -> None:
    found = clustered_share([True, False, False], ["a"] * 3)
    assert found.high - found.low > 0.6


def test_what_cannot_be_a_share_is_refused() -> None:
    with pytest.raises(RequestError, match="one run"):
        clustered_share([True], [1, 2])
    with pytest.raises(RequestError, match="level"):
        clustered_share([True], [1], level=1.0)
