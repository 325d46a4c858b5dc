from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from panic_tda.analysis.pooled_relaxation import PooledRelaxation, pooled_relaxation_time
from panic_tda.analysis.relaxation import relaxation_time
from panic_tda.errors import RequestError

STEPS = np.arange(50.0)


def wandering(generator: np.random.Generator, runs: int) -> list[np.ndarray[Any, Any]]:
    """Curves of τ = 8 with ends of their own and noise that hangs together."""
    noise = np.zeros((runs, 50))
    for step in range(1, 50):
        noise[:, step] = 0.8 * noise[:, step - 1] + 0.05 * generator.normal(size=runs)
    ends = 1.0 + 0.1 * generator.normal(size=(runs, 1))
    return list(ends - 0.7 * np.exp(-STEPS / 8.0) + noise)


def pooled(curves: list[Any], **options: Any) -> PooledRelaxation:
    return pooled_relaxation_time(curves, np.random.default_rng(0), **{"resamples": 200} | options)


def test_the_mean_curve_is_fitted() -> None:
    curves = wandering(np.random.default_rng(1), 12)
    found = pooled(curves)
    np.testing.assert_allclose(found.curve, np.mean(curves, axis=0))
    single = relaxation_time(found.curve)
    assert found.tau.estimate == pytest.approx(single.tau.estimate, rel=1e-3)
    assert found.start.estimate == pytest.approx(single.start.estimate, abs=1e-3)
    assert found.end.estimate == pytest.approx(single.end.estimate, abs=1e-3)
    assert (found.tau.n, found.cautions) == (12, ())
    np.testing.assert_allclose(found.fitted[0], found.start.estimate)
    assert np.abs(found.fitted - found.curve).max() < 0.1
    assert (found.low < found.curve).all()
    assert (found.curve < found.high).all()


def test_the_interval_holds_the_truth_though_noise_hangs_together() -> None:
    generator = np.random.default_rng(2)
    hits = [found.tau.low <= 8.0 <= found.tau.high for found in (pooled(wandering(generator, 10)) for _ in range(60))]
    assert 52 <= sum(hits) <= 60


def test_equal_runs_have_an_interval_of_no_width() -> None:
    found = pooled([1.0 - np.exp(-STEPS / 5.0)] * 4)
    for interval, truth in zip((found.tau, found.start, found.end), (5.0, 0.0, 1.0), strict=True):
        np.testing.assert_allclose([interval.estimate, interval.low, interval.high], truth, atol=2e-3)
    assert found.cautions == ("only 4 runs: the intervals are rough",)


def test_two_runs_have_no_interval() -> None:
    found = pooled([1.0 - np.exp(-STEPS / 5.0), 1.0 - np.exp(-STEPS / 6.0)])
    assert np.isnan([found.tau.low, found.tau.high, found.start.low, found.end.high]).all()
    assert found.cautions == ("only 2 runs: there are no intervals",)


def test_runs_that_end_early_count_while_they_last() -> None:
    curves = [1.0 - np.exp(-STEPS / 5.0)] * 6
    found = pooled([*curves[:4], curves[4][:30], curves[5][:10]])
    assert len(found.curve) == 50
    assert found.tau.estimate == pytest.approx(5.0, rel=1e-3)
    assert found.cautions == ("2 runs end before the curve does",)


def test_the_curve_ends_where_fewer_than_half_of_the_runs_are_left() -> None:
    curve = 1.0 - np.exp(-STEPS / 5.0)
    assert len(pooled([curve, curve[:20], curve[:10]]).curve) == 20
    assert len(pooled([curve, curve, curve[:20], curve[:10]]).curve) == 50


def test_straight_lines_have_no_relaxation_time() -> None:
    found = pooled([slope * STEPS for slope in (0.9, 1.0, 1.1, 1.2, 1.3)])
    assert (found.tau.estimate, found.tau.low, found.tau.high) == (np.inf, np.inf, np.inf)
    assert np.isnan(found.end.estimate)
    assert "τ is longer than the curve (50 steps), which does not level off" in found.cautions


def test_jumps_are_shorter_than_a_step() -> None:
    found = pooled([np.r_[0.0, np.full(30, height)] for height in (0.9, 1.0, 1.1, 1.2, 1.3)])
    assert (found.tau.estimate, found.tau.high) == (0.0, 0.0)
    assert "τ is shorter than a step" in found.cautions


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ([STEPS], "needs at least 2 runs, got 1"),
        ([STEPS[:4], STEPS[:4]], "needs at least 5 steps, half of the runs have 4"),
        ([STEPS, np.full(50, np.nan)], "finite array"),
    ],
)
def test_curves_that_cannot_be_fitted_are_refused(curves: list[Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        pooled(curves)


@pytest.mark.parametrize("options", [{"level": 1.0}, {"resamples": 0}])
def test_impossible_intervals_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="must"):
        pooled([STEPS, STEPS], **options)
