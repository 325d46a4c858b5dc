from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from panic_tda.analysis.sliding_window import (
    WindowPeriodicity,
    candidate_period,
    return_profile,
    sliding_windows,
    window_periodicity,
)
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]


def unit(rows: Floats) -> Floats:
    scaled: Floats = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return scaled


def hopping(steps: int, period: int, noise: float, seed: int, dimension: int = 64) -> Floats:
    """A cycle through ``period`` random states, with normal noise of about norm ``noise``."""
    rng = np.random.default_rng(seed)
    states = unit(rng.normal(size=(period, dimension)))
    scatter = noise * rng.normal(size=(steps, dimension)) / math.sqrt(dimension)
    return unit(states[np.arange(steps) % period] + scatter)


def walk(steps: int, seed: int, dimension: int = 64) -> Floats:
    return unit(np.cumsum(np.random.default_rng(seed).normal(size=(steps, dimension)), axis=0))


def sine(steps: int, period: float) -> Floats:
    wave: Floats = np.sin(2 * np.pi * np.arange(steps) / period)
    return wave[:, None]


def test_the_windows_of_a_sine_are_a_circle_of_radius_one() -> None:
    result = window_periodicity(sine(400, 40), period=40)
    assert result.score > 0.97
    assert result.bar[0] < 0.05
    assert result.bar[1] == pytest.approx(math.sqrt(3), abs=0.02)
    assert (result.passes, result.windows, result.cautions) == (10.0, 300, ())


def test_where_the_trajectory_is_and_how_large_it_is_does_not_matter() -> None:
    here, there = (window_periodicity(points, period=40) for points in (sine(400, 40), 100.0 + 3.0 * sine(400, 40)))
    assert here.score == pytest.approx(there.score, abs=1e-3)


@pytest.mark.parametrize("period", [2, 3, 5, 8, 13])
def test_a_noisy_cycle_scores_high_and_its_period_is_found(period: int) -> None:
    result = window_periodicity(hopping(100, period, noise=0.3, seed=period))
    assert result.period == period
    assert result.passes == 100 / period
    assert result.score > 0.5
    assert result.cautions == ()


def test_exact_repeats_of_a_cycle_score_as_high_as_can_be() -> None:
    assert window_periodicity(hopping(60, 3, noise=0.0, seed=0)).score > 0.95


def test_a_cycle_entered_after_a_transient_is_found() -> None:
    points = np.vstack((walk(20, seed=1), hopping(60, 4, noise=0.0, seed=2)))
    result = window_periodicity(points)
    assert result.period == 4
    assert result.score > 0.7


@pytest.mark.parametrize("seed", range(5))
def test_a_random_walk_scores_low(seed: int) -> None:
    assert window_periodicity(walk(100, seed)).score < 0.2


def test_more_noise_scores_lower() -> None:
    scores = [window_periodicity(hopping(100, 4, noise, seed=3)).score for noise in (0.0, 0.3, 0.6, 0.9)]
    assert scores == sorted(scores, reverse=True)


def test_a_straight_way_comes_back_nowhere() -> None:
    result = window_periodicity(np.arange(30.0)[:, None] * [1.0, 2.0])
    assert (result.score, result.windows) == (0.0, 0)
    assert math.isnan(result.period)
    assert result.cautions == ("no lag from 2 to 10 steps brings the trajectory back",)


@pytest.mark.parametrize("steps", [0, 1, 30])
def test_a_trajectory_that_stands_still_has_no_period_and_says_so(steps: int) -> None:
    result = window_periodicity(np.ones((steps, 4)))
    assert result.score == 0.0
    assert "stands still" in result.cautions[0]


@pytest.mark.parametrize("steps", [2, 3, 5])
def test_too_few_steps_show_no_period(steps: int) -> None:
    assert "no lag" in window_periodicity(walk(steps, seed=4)).cautions[0]


def test_windows_that_stand_still_are_left_out_and_counted() -> None:
    points = np.vstack((hopping(40, 4, noise=0.0, seed=5), np.ones((60, 64)) / 8))
    result = window_periodicity(points, period=4)
    assert 60 < result.windows < 180
    assert result.cautions == (
        f"{300 - result.windows} of 300 windows stand still and were left out: the score is that of the rest",
    )
    assert result.score > 0.6


def test_a_period_seen_less_than_three_times_is_said() -> None:
    assert window_periodicity(hopping(25, 10, 0.0, seed=6), period=10).cautions == (
        "the period fits only 2.5 times into the trajectory",
    )


def test_the_return_profile_is_the_mean_squared_distance_at_each_lag() -> None:
    profile = return_profile([[0.0], [1.0], [3.0], [6.0], [10.0], [15.0]])
    assert profile.tolist() == pytest.approx([0.0, 11.0, (9 + 25 + 49 + 81) / 4, (36 + 81 + 144) / 3])


@pytest.mark.parametrize(("steps", "lags"), [(0, 0), (1, 1), (2, 2), (3, 3), (30, 12)])
def test_the_return_profile_goes_one_lag_beyond_a_third_of_the_steps(steps: int, lags: int) -> None:
    assert len(return_profile(np.ones((steps, 2)))) == lags


@pytest.mark.parametrize(
    ("profile", "period"),
    [
        ([0, 5, 1, 5, 0.9, 5], 2),
        ([0, 5, 4, 5, 0.9, 5], 4),
        ([0, 5, 4, 3, 2, 1], None),
        ([0, 1, 2, 3, 4, 5], None),
        ([0, 5, 1, 1, 5], 2),
        ([0, 5, 1, 1, 1], None),
        ([0, 5, 5, 0, 5], 3),
        ([0, 0, 0, 0], None),
        ([], None),
    ],
)
def test_the_first_of_the_deepest_dips_is_the_period(profile: list[float], period: int | None) -> None:
    assert candidate_period(profile) == period


def test_windows_are_centred_scaled_and_spread_over_all_phases() -> None:
    windows = sliding_windows(hopping(50, 5, noise=0.2, seed=7), 5.0, 200).reshape(200, 8, 64)
    np.testing.assert_allclose(windows.sum(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(windows, axis=(1, 2)), 1.0)


@pytest.mark.parametrize(("period", "samples"), [(2, 8), (8, 8), (9.5, 10), (100, 32)])
def test_a_window_has_a_sample_for_each_step_between_8_and_32(period: float, samples: int) -> None:
    assert sliding_windows(walk(250, seed=8, dimension=3), period, 10).shape == (10, 3 * samples)


@pytest.mark.parametrize(("period", "steps"), [(3, 200), (7, 100), (33, 100)])
def test_no_phase_of_the_period_is_left_out(period: int, steps: int) -> None:
    phases = np.sort(np.arctan2(*sliding_windows(circle(steps, period), period, 300)[:, :2].T))
    assert np.diff(phases).max() < 0.15


def circle(steps: int, period: int) -> Floats:
    angle = 2 * np.pi * np.arange(steps) / period
    return np.column_stack((np.cos(angle), np.sin(angle)))


def test_nothing_is_random() -> None:
    points = hopping(40, 4, noise=0.3, seed=9)
    results: list[WindowPeriodicity] = [window_periodicity(points) for _ in range(2)]
    assert results[0] == results[1]


@pytest.mark.parametrize("options", [{"period": 1.9}, {"period": 5.1}, {"period": math.nan}, {"windows": 2}])
def test_impossible_windows_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="windows and a period"):
        window_periodicity(walk(10, seed=0), **options)


@pytest.mark.parametrize(("steps", "period"), [(0, 2.0), (1, 2.0), (3, 2.0), (20, 1.0), (20, 10.5), (20, math.nan)])
def test_windows_need_a_period_that_fits_twice(steps: int, period: float) -> None:
    with pytest.raises(RequestError, match="windows and a period"):
        sliding_windows(np.ones((steps, 2)), period, 10)


def test_windows_of_a_trajectory_that_stands_still_are_none() -> None:
    assert sliding_windows(np.ones((20, 2)), 4.0, 10).shape == (0, 16)


def test_points_that_are_not_finite_are_refused() -> None:
    with pytest.raises(RequestError, match="row 1"):
        window_periodicity([[0.0], [math.nan], [1.0]])


@pytest.mark.parametrize("profile", [[0.0, -1.0], [0.0, math.nan], np.zeros((2, 2))])
def test_a_profile_that_holds_no_distances_is_refused(profile: Any) -> None:
    with pytest.raises(RequestError, match="profile"):
        candidate_period(profile)
