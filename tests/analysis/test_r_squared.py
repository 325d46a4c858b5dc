from __future__ import annotations

import numpy as np
import pytest

from panic_tda.analysis.r_squared import r_squared


def test_it_is_the_square_of_the_correlation_with_a_straight_line() -> None:
    times = np.arange(30.0)
    values = 0.3 * times + np.random.default_rng(0).normal(size=30)
    line = np.polyval(np.polyfit(times, values, 1), times)
    assert r_squared(values, values - line) == pytest.approx(np.corrcoef(times, values)[0, 1] ** 2)


def test_the_mean_explains_nothing_and_the_values_themselves_all() -> None:
    values = np.array([1.0, 2.0, 4.0])
    assert r_squared(values, values - values.mean()) == pytest.approx(0.0)
    assert r_squared(values, np.zeros(3)) == 1.0


def test_equal_values_leave_nothing_to_explain() -> None:
    assert np.isnan(r_squared(np.full(20, 0.7), np.zeros(20)))
    assert np.isnan(r_squared(np.zeros(3), np.zeros(3)))
