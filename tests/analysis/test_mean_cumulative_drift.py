from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from panic_tda.analysis.mean_cumulative_drift import (
    mean_cumulative_drift,
    semantic_drift_rate,
    similarity_to_start,
)
from panic_tda.errors import RequestError

GENERATIONS = np.arange(1, 21)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def decays(runs: int, rate: float = 0.3, spread: float = 0.05) -> NDArray[np.float64]:
    values: NDArray[np.float64] = 0.5 * np.exp(-rate * GENERATIONS) + 0.35 + rng().normal(0, spread, (runs, 20))
    return values


def test_similarity_is_the_cosine_of_the_angle_to_the_first_row() -> None:
    angle = np.array([0.2, 0.2, 1.7, 0.2 + np.pi, 1.2])
    points = np.column_stack((np.cos(angle), np.sin(angle))) * [[2.0], [1.0], [5.0], [1.0], [0.1]]
    assert similarity_to_start(points) == pytest.approx(np.cos(angle[1:] - 0.2))
    assert similarity_to_start([[1.0, 0.0]]).shape == (0,)
    assert similarity_to_start(np.empty((0, 2))).shape == (0,)


def test_vectors_without_direction_are_refused() -> None:
    with pytest.raises(RequestError, match="row 1 has length 0"):
        similarity_to_start([[1.0, 0.0], [0.0, 0.0]])


def test_mean_cumulative_drift_is_the_mean_similarity() -> None:
    found = mean_cumulative_drift([[1.0, 0.5], [0.5, 0.0], [0.9, 0.1]], rng())
    assert found.estimate == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert found.n == 3


def test_its_interval_is_near_students_for_a_mean() -> None:
    table = decays(12, spread=0.0) + rng().normal(0, 0.1, (12, 1))
    found = mean_cumulative_drift(table, rng(), resamples=8000)
    error = table.mean(axis=1).std(ddof=1) / np.sqrt(12)
    assert (found.high - found.low) / 2 == pytest.approx(2.201 * error, rel=0.1)


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.2])
def test_the_rate_of_a_clean_decay_is_recovered(rate: float) -> None:
    found = semantic_drift_rate(decays(6, rate, spread=0.0))
    assert found.rate.estimate == pytest.approx(rate, rel=1e-3)
    assert (found.amplitude, found.plateau) == pytest.approx((0.5, 0.35), abs=1e-3)
    assert found.rmse < 1e-4
    assert found.cautions == ()


def test_the_interval_holds_the_rate_and_narrows_with_the_runs() -> None:
    few, many = (semantic_drift_rate(decays(runs)).rate for runs in (6, 100))
    assert few.low < 0.3 < few.high
    assert many.low < 0.3 < many.high
    assert many.high - many.low < (few.high - few.low) / 2


def test_the_fit_is_the_least_squares_of_a_general_solver() -> None:
    from scipy.optimize import curve_fit

    table = decays(10)
    (amplitude, rate, plateau), _ = curve_fit(
        lambda x, a, b, c: a * np.exp(-b * x) + c, GENERATIONS, table.mean(axis=0), p0=(1, 0.1, 0)
    )
    found = semantic_drift_rate(table)
    assert found.rate.estimate == pytest.approx(rate, rel=1e-3)
    assert (found.amplitude, found.plateau) == pytest.approx((amplitude, plateau), rel=1e-2)


@pytest.mark.parametrize(
    ("curve", "caution"),
    [
        (0.9 - 0.02 * GENERATIONS, "straight line"),
        (0.9 - 0.5 * np.exp(-0.3 * GENERATIONS), "does not fall"),
        (np.where(GENERATIONS == 1, 0.9, 0.3), "fallen at once"),
    ],
)
def test_curves_that_settle_no_rate_are_cautioned(curve: NDArray[np.float64], caution: str) -> None:
    cautions = semantic_drift_rate(np.tile(curve, (8, 1))).cautions
    assert any(caution in each for each in cautions)


def test_few_runs_are_cautioned_and_one_has_no_interval() -> None:
    assert semantic_drift_rate(decays(4)).cautions == ("only 4 runs",)
    lone = semantic_drift_rate(decays(1))
    assert np.isnan(lone.rate.low)
    assert np.isnan(mean_cumulative_drift(decays(1), rng()).low)


def test_a_noisy_flat_curve_has_a_rate_that_is_hardly_known() -> None:
    cautions = semantic_drift_rate(rng().normal(0.5, 0.1, (8, 20))).cautions
    assert cautions


@pytest.mark.parametrize("table", [[], [[1.0], [1.0, 2.0]], [[np.nan]], [0.5, 0.5]])
def test_tables_that_are_ragged_empty_or_not_finite_are_refused(table: Any) -> None:
    for measure in (lambda given: mean_cumulative_drift(given, rng()), semantic_drift_rate):
        with pytest.raises(RequestError, match=r"similarit"):
            measure(table)


def test_too_few_generations_and_levels_outside_0_and_1_are_refused() -> None:
    with pytest.raises(RequestError, match="at least 4 generations"):
        semantic_drift_rate(np.ones((5, 3)))
    with pytest.raises(RequestError, match="level"):
        semantic_drift_rate(decays(5), level=1.0)
    with pytest.raises(RequestError, match="level"):
        mean_cumulative_drift(decays(5), rng(), level=0.0)
