from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from panic_tda.analysis.saturation import saturation
from panic_tda.errors import RequestError

STEPS = np.arange(60.0)
Curve = np.ndarray[Any, np.dtype[np.float64]]


def walk(generator: np.random.Generator, count: int) -> Curve:
    return np.cumsum(generator.normal(size=count))


@pytest.mark.parametrize("step", [1, 2, 10, 30, 56])
def test_a_line_that_turns_constant_is_flat_from_there(step: int) -> None:
    assert saturation(np.minimum(STEPS, step) * 0.1).step == step
    assert saturation(-np.minimum(STEPS, step) * 0.1 + 7.0).step == step


def test_a_flat_part_of_two_steps_is_no_evidence() -> None:
    assert saturation(np.minimum(STEPS, 57)).step is None


@pytest.mark.parametrize("curve", [0.1 * STEPS, np.zeros(60), np.full(60, -3.7), -0.3 * STEPS + 1e6], ids=repr)
def test_a_straight_line_is_never_flat(curve: Curve) -> None:
    assert saturation(curve).step is None


def test_a_curve_that_relaxes_is_flat() -> None:
    found = saturation(1.0 - np.exp(-STEPS / 5.0))
    assert found.step is not None
    assert 3 <= found.step <= 15


def test_a_curve_that_only_slows_down_is_not_flat() -> None:
    found = saturation(np.minimum(STEPS, 20) + 0.3 * np.maximum(STEPS - 20, 0))
    assert (found.step, found.evidence > 6.0) == (None, True)
    assert found.late_slope == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize(
    "noise",
    [
        lambda generator: 0.1 * generator.normal(size=60),
        lambda generator: 3.0 * generator.normal(size=60),
        lambda generator: 0.05 * walk(generator, 60),
        lambda generator: 0.2 * walk(generator, 60),
    ],
    ids=["white", "strong white", "wandering", "strong wandering"],
)
def test_a_noisy_line_is_seldom_called_flat(noise: Callable[[np.random.Generator], Curve]) -> None:
    generator = np.random.default_rng(1)
    assert sum(saturation(0.05 * STEPS + noise(generator)).step is not None for _ in range(100)) <= 12


@pytest.mark.parametrize("noise", [lambda g: 0.05 * g.normal(size=60), lambda g: 0.02 * walk(g, 60)])
def test_a_noisy_saturating_curve_is_called_flat(noise: Callable[[np.random.Generator], Curve]) -> None:
    generator = np.random.default_rng(2)
    assert sum(saturation(1.0 - np.exp(-STEPS / 8.0) + noise(generator)).step is not None for _ in range(50)) >= 45


def test_steps_without_a_value_are_passed_over() -> None:
    curve = np.minimum(STEPS, 20)
    curve[[0, 3, 40]] = np.nan
    assert saturation(curve).step == 20


@pytest.mark.parametrize("curve", [[], [1.0], [1.0, 2.0, 2.0, 2.0], [np.nan] * 9])
def test_a_curve_too_short_for_a_flat_part_is_not_flat(curve: list[float]) -> None:
    found = saturation(curve)
    assert found.step is None
    assert found.evidence == -np.inf


def test_long_curves_try_a_limited_number_of_breaks() -> None:
    found = saturation(np.minimum(np.arange(2000.0), 700))
    assert found.step == pytest.approx(700, abs=10)


@pytest.mark.parametrize("curve", [np.ones((2, 3)), [1.0, np.inf]])
def test_what_is_no_curve_is_refused(curve: object) -> None:
    with pytest.raises(RequestError, match="a curve must be a finite array"):
        saturation(curve)  # type: ignore[arg-type]
