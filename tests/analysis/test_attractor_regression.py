from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from panic_tda.analysis.attractor_regression import attractor_regression
from panic_tda.errors import RequestError


def contraction(slope: float, runs: int = 40, noise: float = 1.0, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    initial = rng.normal(10.0, 4.0, runs)
    return initial, 3.0 + slope * initial + noise * rng.normal(size=runs)


def test_position_and_strength_of_a_line_without_noise() -> None:
    initial = np.array([1.0, 4.0, 9.0, 2.0, 5.0])
    found = attractor_regression(initial, 6.0 + 0.25 * initial)
    assert (found.intercept, found.slope, found.r_squared) == pytest.approx((6.0, 0.25, 1.0))
    assert found.position[:3] == pytest.approx((8.0, 8.0, 8.0))
    assert found.strength[:3] == pytest.approx((0.75, 0.75, 0.75))
    assert found.cautions == ("only 5 runs",)


def test_the_regression_is_that_of_least_squares() -> None:
    initial, final = contraction(0.6)
    line, found = stats.linregress(initial, final), attractor_regression(initial, final)
    assert (found.slope, found.intercept) == pytest.approx((line.slope, line.intercept))
    assert found.r_squared == pytest.approx(line.rvalue**2)
    assert (found.position.n, found.cautions) == (40, ())
    # With even noise the jackknife comes near the classical standard error.
    half = (found.strength.high - found.strength.low) / 2
    assert half == pytest.approx(line.stderr * stats.t.ppf(0.975, 38), rel=0.2)


def test_the_interval_of_the_position_moves_and_scales_with_the_property() -> None:
    initial, final = contraction(0.6)
    found, moved = attractor_regression(initial, final), attractor_regression(1e4 + 5 * initial, 1e4 + 5 * final)
    assert moved.position[:3] == pytest.approx([1e4 + 5 * end for end in found.position[:3]])
    assert moved.strength[:3] == pytest.approx(found.strength[:3])


def test_the_interval_of_the_position_is_where_the_line_may_cross_the_diagonal() -> None:
    """Fieller's ends: the band about final − initial just touches 0 there."""
    initial, final = contraction(0.6)
    found = attractor_regression(initial, final)
    lines = [np.polyfit(np.delete(initial, run), np.delete(final, run), 1) for run in range(40)]
    reach = stats.t.ppf(0.975, 38)
    for end in (found.position.low, found.position.high):
        offsets = [np.polyval(line, end) - end for line in lines]
        full = np.polyval(np.polyfit(initial, final, 1), end) - end
        error = np.sqrt(39 / 40 * ((np.array(offsets) - full) ** 2).sum())
        assert abs(full) == pytest.approx(reach * error, rel=1e-6)


def test_without_attraction_the_position_has_no_ends() -> None:
    rng = np.random.default_rng(1)
    initial = rng.normal(size=30)
    found = attractor_regression(initial, initial + rng.normal(size=30))
    assert (found.position.low, found.position.high) == (-np.inf, np.inf)
    assert found.strength.low < 0 < found.strength.high
    assert found.cautions == (
        "the slope cannot be told from 1: there may be no attractor, and its position means nothing",
    )


def test_runs_that_overshoot_are_cautioned() -> None:
    initial, _ = contraction(0.0)
    found = attractor_regression(initial, 20.0 - 1.5 * initial)
    assert found.cautions == ("the slope may be −1 or less: runs overshoot instead of settling",)
    assert found.position.estimate == pytest.approx(8.0)


def test_an_unchanged_property_has_strength_0_and_no_position() -> None:
    found = attractor_regression([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
    assert found.strength.estimate == 0.0
    assert np.isnan(found.position.estimate)


def test_runs_of_a_prompt_that_are_alike_count_as_one() -> None:
    initial, final = contraction(0.6, runs=20)
    alone = attractor_regression(initial, final)
    many = attractor_regression(np.repeat(initial, 5), np.repeat(final, 5), groups=np.repeat(np.arange(20), 5).tolist())
    assert many.position[:3] == pytest.approx(alone.position[:3])
    assert many.position.n == 100
    assert attractor_regression(initial, final, groups=[run // 4 for run in range(20)]).cautions == ("only 5 prompts",)


@pytest.mark.parametrize(
    ("initial", "final", "more", "match"),
    [
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0], {}, "shapes"),
        ([[1.0, 2.0, 3.0, 4.0]], [[1.0, 2.0, 3.0, 4.0]], {}, "shapes"),
        ([1.0, 2.0, 3.0, np.nan], [1.0, 2.0, 3.0, 4.0], {}, "finite"),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], {"level": 0.0}, "level"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], {}, "at least 4"),
        ([], [], {}, "at least 4"),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], {"groups": [0, 0, 1, 2]}, "at least 4"),
        ([1.0, 1.0, 1.0, 4.0], [1.0, 2.0, 3.0, 4.0], {}, "hardly differs"),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], {"groups": [0]}, "one prompt"),
    ],
)
def test_requests_without_sense_are_refused(initial: Any, final: Any, more: dict[str, Any], match: str) -> None:
    with pytest.raises(RequestError, match=match):
        attractor_regression(initial, final, **more)
