from __future__ import annotations

import math

import numpy as np
import pytest

from panic_tda.analysis.bootstrap import Interval
from panic_tda.training.evaluation import Retrieval, mean_over_sources, metrics, ndcg_change
from panic_tda.training.gate import general_pairs, judge
from panic_tda.training.pairs import normalised


def change(estimate: float, low: float) -> Interval:
    return Interval(estimate, low, estimate + 0.02, 0.95, 20)


def test_what_is_surely_better_and_nothing_worse_passes() -> None:
    assert judge(change(0.02, 0.001), -0.01, 0.9, allowed_drop=0.01).accepted


@pytest.mark.parametrize(
    ("low", "general", "directions", "said"),
    [
        (0.0, 0.0, 1.0, "may not have risen"),
        (math.nan, 0.0, 1.0, "may not have risen"),
        (0.01, -0.0101, 1.0, "general set"),
        (0.01, math.nan, 1.0, "general set"),
        (0.01, 0.0, 0.49, "collapsed"),
        (0.01, 0.0, math.nan, "collapsed"),
    ],
)
def test_each_condition_is_enough_to_reject_and_says_why(
    low: float, general: float, directions: float, said: str
) -> None:
    verdict = judge(change(0.02, low), general, directions, allowed_drop=0.01)
    assert not verdict.accepted
    assert len(verdict.objections) == 1
    assert said in verdict.objections[0]


def test_the_general_set_is_frozen_and_without_repeats() -> None:
    pairs = general_pairs()
    assert len(pairs) == 80
    assert len({normalised(text) for pair in pairs for text in (pair.anchor, pair.positive)}) == 160


def test_an_interval_is_over_sources_and_not_over_their_pairs() -> None:
    rng = np.random.default_rng(1)
    of_sources = rng.normal(size=12)
    values, sources = np.repeat(of_sources, 30), [f"s{number}" for number in range(12) for _ in range(30)]
    grouped = mean_over_sources(values, sources, seed=0)
    single = mean_over_sources(values, [str(number) for number in range(360)], seed=0)
    assert grouped.estimate == pytest.approx(single.estimate)
    assert grouped.n == 12
    assert grouped.high - grouped.low > 4 * (single.high - single.low)


def test_the_change_is_taken_pair_by_pair() -> None:
    rng = np.random.default_rng(2)
    before = rng.integers(2, 12, size=200)
    sources = tuple(f"s{number // 4}" for number in range(200))
    found = ndcg_change(Retrieval(before - 1, sources, 1.0), Retrieval(before, sources, 1.0), seed=0)
    assert found.low > 0
    assert metrics(Retrieval(before, sources, 1.0), seed=0)["ndcg@10"].high > found.high
