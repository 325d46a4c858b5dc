from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.rank_correlation import rank_correlation, unexplained_ranks
from panic_tda.errors import RequestError


def correlation_of(one: Any, other: Any, given: Any = None) -> Interval:
    return rank_correlation(one, other, np.random.default_rng(0), given=given, resamples=200)


def test_any_rising_relation_is_a_correlation_of_one() -> None:
    values = np.array([3.0, 1.0, 2.0, 7.0, 5.0])
    assert correlation_of(values, np.exp(values)).estimate == pytest.approx(1.0)
    assert correlation_of(values, -values).estimate == pytest.approx(-1.0)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_correlation_of_spearman_ties_included(seed: int) -> None:
    one, other = np.random.default_rng(seed).integers(0, 5, size=(2, 30))
    assert correlation_of(one, other).estimate == pytest.approx(spearmanr(one, other).statistic)


def test_given_one_number_it_is_the_known_formula() -> None:
    one, other, third = np.random.default_rng(1).normal(size=(3, 40)) + np.random.default_rng(2).normal(size=40)
    xy, xz, yz = (float(spearmanr(*pair).statistic) for pair in ((one, other), (one, third), (other, third)))
    known = (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
    assert correlation_of(one, other, third).estimate == pytest.approx(known)


def test_what_two_numbers_share_only_through_a_third_vanishes_when_it_is_given() -> None:
    rng = np.random.default_rng(3)
    cause = rng.normal(size=400)
    one, other = cause + rng.normal(size=(2, 400))
    assert correlation_of(one, other).low > 0.3
    partial = correlation_of(one, other, np.column_stack((cause, rng.normal(size=400))))
    assert partial.low < 0.0 < partial.high


@pytest.mark.parametrize("constant", [0, 1])
def test_without_variation_there_is_no_correlation(constant: int) -> None:
    pair = [np.arange(5.0), np.arange(5.0)]
    pair[constant] = np.ones(5)
    assert math.isnan(correlation_of(*pair).estimate)


def test_what_the_given_number_determines_has_no_correlation_left() -> None:
    values = np.random.default_rng(4).normal(size=20)
    assert math.isnan(correlation_of(values, np.random.default_rng(5).normal(size=20), values**3).estimate)


def test_ranks_are_explained_by_what_orders_them_alike() -> None:
    values = np.random.default_rng(6).normal(size=30)
    found = unexplained_ranks(values, np.exp(values))
    assert found.explained == pytest.approx(1.0)
    assert not found.ranks.any()


def test_chance_explains_nothing_on_average() -> None:
    rng = np.random.default_rng(7)
    shares = [unexplained_ranks(rng.normal(size=12), rng.normal(size=(12, 2))).explained for _ in range(300)]
    assert np.median(shares) == 0.0
    assert np.mean(shares) < 0.12


def test_what_is_left_is_uncorrelated_with_what_was_given() -> None:
    values, given = np.random.default_rng(8).normal(size=(2, 25))
    left = unexplained_ranks(values, given).ranks
    assert np.argsort(np.argsort(given)) @ left == pytest.approx(0.0, abs=1e-9)
    assert left.any()


def test_constant_predictors_explain_nothing() -> None:
    values = np.array([1.0, 3.0, 2.0, 4.0])
    found = unexplained_ranks(values, np.ones((4, 2)))
    assert found.explained == 0.0
    assert found.ranks.tolist() == [-1.5, 0.5, -0.5, 1.5]


@pytest.mark.parametrize(("values", "given"), [([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]), ([1.0, 2.0], [2.0, 1.0])])
def test_without_variation_or_with_too_few_runs_the_share_is_not_known(values: Any, given: Any) -> None:
    assert math.isnan(unexplained_ranks(values, given).explained)


@pytest.mark.parametrize(
    ("one", "other", "given"),
    [([1.0], [1.0, 2.0], None), ([], [], None), ([1.0, math.nan], [1.0, 2.0], None), ([[1.0]], [[1.0]], None),
     ([1.0, 2.0], [1.0, 2.0], [1.0]), ([1.0], [1.0], [[[1.0]]]), ([1.0, 2.0], [1.0, 2.0], [1.0, math.inf])],
)  # fmt: skip
def test_numbers_that_do_not_belong_to_the_same_runs_are_refused(one: Any, other: Any, given: Any) -> None:
    with pytest.raises(RequestError, match="run"):
        correlation_of(one, other, given)
