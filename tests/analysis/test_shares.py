from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.shares import share_interval
from panic_tda.errors import RequestError


def test_wilsons_interval_of_15_in_50_is_the_published_one() -> None:
    found = share_interval(15, 50)
    assert (found.low, found.high) == pytest.approx((0.1910, 0.4375), abs=5e-5)


@given(st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_lies_in_0_1_and_holds_the_share(pair: tuple[int, int]) -> None:
    hits, n = pair
    found = share_interval(hits, n)
    assert 0.0 <= found.low < found.high <= 1.0
    if n:
        assert found.low - 1e-12 <= hits / n <= found.high + 1e-12
    else:
        assert math.isnan(found.estimate)


def test_none_of_twelve_is_not_never() -> None:
    assert share_interval(0, 12).high == pytest.approx(0.2425, abs=5e-4)


def test_it_covers_about_as_often_as_it_says() -> None:
    hits = np.random.default_rng(1).binomial(20, 0.3, 2000)
    covered = [found.low <= 0.3 <= found.high for found in (share_interval(int(each), 20) for each in hits)]
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize(("hits", "n", "level"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_impossible_shares_are_refused(hits: int, n: int, level: float) -> None:
    with pytest.raises(RequestError, match="a share needs"):
        share_interval(hits, n, level=level)
