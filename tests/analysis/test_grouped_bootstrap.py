from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.grouped_bootstrap import group_codes, grouped_mean, grouped_means, student_interval
from panic_tda.errors import RequestError


def mean(values: Any, runs: Any, **options: Any) -> Interval:
    return grouped_mean(values, runs, np.random.default_rng(0), **options)


def test_with_one_value_for_each_run_it_is_students_interval() -> None:
    values = np.random.default_rng(1).normal(size=12)
    found = mean(values, range(12), resamples=20_000)
    low, high = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    assert found.estimate == pytest.approx(values.mean())
    assert [found.low, found.high] == pytest.approx([low, high], abs=0.02)
    assert (found.n, found.level) == (12, 0.95)


def test_more_values_of_the_same_runs_do_not_make_it_narrower() -> None:
    values = np.random.default_rng(1).normal(size=6)
    one, many = mean(values, range(6)), mean(np.repeat(values, 50), np.repeat(np.arange(6), 50))
    assert many == pytest.approx(one)


def test_what_is_not_known_does_not_count_and_nor_do_its_runs() -> None:
    found = mean([1.0, np.nan, 3.0, np.nan], ["a", "a", "b", "c"])
    assert (found.estimate, found.n) == (2.0, 2)
    assert mean([np.nan], ["a"])[3:] == (0.95, 0)
    assert np.isnan(mean([np.nan], ["a"]).estimate)


def test_a_single_run_has_no_interval() -> None:
    found = mean([1.0, 2.0], ["a", "a"])
    assert (found.estimate, found.n) == (1.5, 1)
    assert np.isnan([found.low, found.high]).all()


def test_runs_are_numbered_in_order_of_first_appearance() -> None:
    assert group_codes(["b", "a", "b", "c"], 4).tolist() == [0, 1, 0, 2]


def test_weights_of_runs_are_weights_of_all_their_values() -> None:
    values = np.array([[1.0, 10.0], [3.0, np.nan], [8.0, np.nan]])
    means = grouped_means(values, np.array([0, 0, 1]), np.array([[1.0, 1.0], [2.0, 1.0], [0.0, 1.0]]))
    assert means[:, 0].tolist() == [4.0, 3.2, 8.0]
    assert means[:2, 1].tolist() == [10.0, 10.0]
    assert np.isnan(means[2, 1])


def test_estimates_that_are_not_known_are_left_out() -> None:
    found = student_interval(np.array([1.0, 0.0, np.nan, 2.0]), 5, 0.95)
    assert found.high - 1.0 == pytest.approx(stats.t.ppf(0.975, 4) * np.sqrt(5 / 4))
    assert np.isnan(student_interval(np.array([1.0, np.nan]), 5, 0.95).low)


@pytest.mark.parametrize(
    ("values", "runs", "options", "words"),
    [
        ([1.0], ["a", "b"], {}, "one run"),
        ([[1.0]], ["a"], {}, "one run"),
        ([1.0], ["a"], {"level": 0.0}, "level"),
        ([1.0], ["a"], {"resamples": 0}, "resamples"),
    ],
)
def test_what_cannot_be_averaged_is_refused(values: Any, runs: Any, options: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        mean(values, runs, **options)


def test_no_runs_have_no_numbers() -> None:
    with pytest.raises(RequestError, match="one run"):
        group_codes([], 0)
