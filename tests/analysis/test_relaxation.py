from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from panic_tda.analysis.relaxation import relaxation_time
from panic_tda.errors import RequestError

STEPS = np.arange(60.0)


def relaxing(tau: float, *, start: float = 0.3, end: float = 1.0, steps: int = 60) -> np.ndarray[Any, Any]:
    return end - (end - start) * np.exp(-np.arange(steps) / tau)


def noise(seed: int, steps: int = 60) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=steps)


@pytest.mark.parametrize("tau", [0.5, 1.0, 8.0, 40.0])
@pytest.mark.parametrize(("start", "end"), [(0.3, 1.0), (1.2, -0.4), (0.0, 1e-6)])
def test_a_curve_without_noise_gives_its_numbers_back(tau: float, start: float, end: float) -> None:
    found = relaxation_time(relaxing(tau, start=start, end=end))
    assert found.tau.estimate == pytest.approx(tau, rel=1e-4)
    assert found.start.estimate == pytest.approx(start, abs=1e-4 * abs(end - start))
    assert found.end.estimate == pytest.approx(end, abs=1e-4 * abs(end - start))
    assert found.r_squared == pytest.approx(1.0)
    assert not any("flat" in caution or "residuals" in caution for caution in found.cautions)


@pytest.mark.parametrize(("tau", "steps", "strength"), [(10.0, 60, 0.05), (3.0, 30, 0.1), (5.0, 8, 0.1)])
def test_intervals_hold_the_truth_as_often_as_they_say(tau: float, steps: int, strength: float) -> None:
    curve, hits = relaxing(tau, steps=steps), np.zeros(3)
    for seed in range(200):
        found = relaxation_time(curve + strength * noise(seed, steps), level=0.9)
        pairs = zip((found.tau, found.start, found.end), (tau, 0.3, 1.0), strict=True)
        hits += [interval.low <= truth <= interval.high for interval, truth in pairs]
    assert (hits / 200 >= 0.84).all()
    assert (hits / 200 <= 0.97).all()


def test_the_standard_error_is_the_spread_of_the_estimates() -> None:
    found = [relaxation_time(relaxing(8.0) + 0.02 * noise(seed)) for seed in range(100)]
    spread = np.std([each.tau.estimate for each in found])
    assert np.mean([each.standard_error for each in found]) == pytest.approx(spread, rel=0.2)
    assert np.mean([each.noise for each in found]) == pytest.approx(0.02, rel=0.05)


def test_estimates_lie_in_their_intervals() -> None:
    for seed in range(30):
        found = relaxation_time(relaxing(15.0) + 0.2 * noise(seed))
        for interval in (found.tau, found.start):
            assert interval.low <= interval.estimate <= interval.high
            assert (interval.level, interval.n) == (0.95, 60)


def test_a_jump_is_shorter_than_a_step() -> None:
    found = relaxation_time(np.r_[0.0, np.ones(40)])
    assert found.tau.estimate == 0.0
    np.testing.assert_allclose([found.start.estimate, found.end.estimate], [0.0, 1.0], atol=1e-4)
    assert found.cautions == ("τ is shorter than a step",)
    assert np.isnan(found.standard_error)


def test_a_straight_line_never_levels_off() -> None:
    found = relaxation_time(0.1 * STEPS + 2.0)
    assert (found.tau.estimate, found.tau.high) == (np.inf, np.inf)
    assert found.start.estimate == pytest.approx(2.0)
    assert np.isnan(found.end.estimate)
    assert found.end.high == np.inf
    assert "τ is longer than the curve (60 steps), which does not level off" in found.cautions


def test_a_curve_that_ends_before_it_levels_off_does_not_bound_tau() -> None:
    found = relaxation_time(relaxing(100.0, steps=30) + 0.01 * noise(3, 30))
    assert found.tau.high == np.inf
    assert found.end.high == np.inf
    assert "the curve does not bound τ from above" in found.cautions


def test_a_falling_curve_that_does_not_level_off_has_no_lower_end() -> None:
    found = relaxation_time(-0.1 * STEPS + 0.01 * noise(4))
    assert found.end.low == -np.inf
    assert found.end.high < 0.0


def test_noise_alone_is_flat() -> None:
    flat = ["flat: no relaxation can be told from the noise" in relaxation_time(noise(s)).cautions for s in range(100)]
    assert sum(flat) >= 85


def test_a_constant_curve_is_flat() -> None:
    found = relaxation_time(np.full(20, 0.7))
    assert found.cautions[0] == "flat: no relaxation can be told from the noise"
    assert (found.tau.low, found.tau.high) == (0.0, np.inf)
    assert np.isnan(found.r_squared)
    assert found.start.estimate == pytest.approx(0.7)


def test_noise_that_hangs_together_is_told() -> None:
    white = noise(5)
    wandering = white.copy()
    for step in range(1, 60):
        wandering[step] = 0.9 * wandering[step - 1] + 0.4 * white[step]
    found = relaxation_time(relaxing(5.0) + 0.05 * wandering)
    assert found.correlation > 0.5
    assert any("the residuals hang together" in caution for caution in found.cautions)
    assert not any("hang together" in caution for caution in relaxation_time(relaxing(5.0) + 0.05 * white).cautions)


def test_a_poor_fit_is_told() -> None:
    found = relaxation_time(relaxing(8.0) + 0.6 * noise(6))
    assert any(caution.startswith("R² 0.") for caution in found.cautions)


@pytest.mark.parametrize("curve", [np.ones((3, 3)), [1.0, 2.0, np.nan, 4.0, 5.0], [1.0, 2.0, np.inf, 4.0, 5.0]])
def test_what_is_no_curve_is_refused(curve: Any) -> None:
    with pytest.raises(RequestError, match="distances must be a finite array"):
        relaxation_time(curve)


def test_too_few_steps_and_impossible_levels_are_refused() -> None:
    with pytest.raises(RequestError, match="needs at least 5 steps, got 4"):
        relaxation_time([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(RequestError, match="level must lie between 0 and 1"):
        relaxation_time(STEPS, level=1.0)
