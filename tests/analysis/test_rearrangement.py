from __future__ import annotations

import math

import numpy as np
import pytest

from panic_tda.analysis.factor_design import numbered
from panic_tda.analysis.rearrangement import rearrangements, scheme_of, ways_to_deal


@pytest.mark.parametrize(
    ("levels", "strata", "ways"), [("aaabbb", "111111", 20), ("abab", "1122", 4), ("abc", "111", 6), ("aab", "112", 1)]
)
def test_ways_to_deal_levels_are_counted(levels: str, strata: str, ways: int) -> None:
    assert ways_to_deal(numbered(levels), numbered(strata)) == ways


def test_more_ways_than_can_be_counted_are_infinite() -> None:
    assert ways_to_deal(numbered("ab" * 100), np.zeros(200, np.int64)) == math.inf


def test_every_rearrangement_keeps_each_run_in_its_stratum_and_uses_each_once() -> None:
    strata = np.array([2, 0, 1, 0, 2, 2, 1, 0])
    orders = rearrangements(strata, 200, np.random.default_rng(0))
    assert (strata[orders] == strata).all()
    assert (np.sort(orders, axis=1) == np.arange(8)).all()
    assert len({tuple(order) for order in orders.tolist()}) > 40  # of 3! · 2! · 3! = 72


def test_levels_are_dealt_inside_cells_when_all_their_differences_show_there() -> None:
    code, cells, blocks = np.arange(24) % 2, np.arange(24) // 2, np.zeros(24, np.int64)
    found = scheme_of(code, cells, blocks, df=1)
    assert (found.scheme, found.ways) == ("within cells", 2**12)
    assert found.strata.tolist() == cells.tolist()


def test_residuals_are_dealt_when_cells_say_nothing_or_too_little() -> None:
    code, blocks = np.arange(8) % 2, np.zeros(8, np.int64)
    assert scheme_of(code, np.arange(8), blocks, df=1).scheme == "residuals"
    few = scheme_of(code, np.arange(8) // 2, blocks, df=1)
    assert (few.scheme, few.ways) == ("residuals", 70)
