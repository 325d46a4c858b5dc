"""Does a curve grow and then stay flat? A line that ends in a constant, held against a straight line.

The two are compared by the Bayesian information criterion (Schwarz, Ann. Statist. 6 (1978)), each at its best break and
its best lag-1 correlation of the noise. Without that correlation a curve with the noise of a random walk, such as the
log divergence of chaotic runs, would look broken wherever it wanders.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

STRONG_EVIDENCE = 6.0
"""The difference in BIC from which Kass & Raftery, J. Am. Stat. Assoc. 90 (1995), call evidence strong."""

FLAT = 0.25
"""The greatest share of the early slope that a curve may keep after the break and still be called flat."""

FEWEST_FLAT_STEPS = 3
_MOST_BREAKS = 200
_CORRELATIONS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.99)


class Saturation(NamedTuple):
    """``step``: the first step of the flat part, or None; ``evidence``: BIC of the line minus BIC of the broken line.

    ``late_slope``: the slope from the best break on, per step; NaN when the curve is too short to have a break.
    """

    step: int | None
    evidence: float
    late_slope: float


def saturation(curve: ArrayLike) -> Saturation:
    """Whether ``curve`` (T,), one value for each step, becomes flat; NaN where there is no value.

    It is saturated when a continuous line that turns constant at some step explains it better than a straight line,
    with strong evidence, and what follows has less than ``FLAT`` of the slope before. The flat part has at least
    ``FEWEST_FLAT_STEPS`` steps. Raises ``RequestError`` when the curve is not one-dimensional or holds infinities.
    """
    values = np.asarray(curve, dtype=np.float64)
    if values.ndim != 1 or np.isinf(values).any():
        raise RequestError(f"a curve must be a finite array (steps,), got shape {values.shape} or infinite values")
    steps = np.flatnonzero(~np.isnan(values)).astype(np.float64)
    heights = values[~np.isnan(values)]
    breaks = steps[1:-FEWEST_FLAT_STEPS]
    if not len(breaks):
        return Saturation(None, -np.inf, np.nan)
    if len(breaks) > _MOST_BREAKS:
        breaks = breaks[np.linspace(0, len(breaks) - 1, _MOST_BREAKS).round().astype(int)]
    straight, _ = _least_bic(heights, steps[None, :], 3)
    broken, best = _least_bic(heights, np.minimum(steps, breaks[:, None]), 4)
    step = int(breaks[best])
    late = _slope(steps[steps >= step], heights[steps >= step])
    early = _slope(steps[steps <= step], heights[steps <= step])
    flat = straight - broken >= STRONG_EVIDENCE and abs(late) <= FLAT * abs(early)
    return Saturation(step if flat else None, straight - broken, late)


def _least_bic(heights: Floats, shapes: Floats, parameters: int) -> tuple[float, int]:
    """The least BIC of a + b · shape over ``shapes`` (k, n) and correlations of the noise, and which shape it was."""
    found = [_bic(heights, shapes, rho, parameters) for rho in _CORRELATIONS]
    best = min(found, key=lambda bic: float(bic.min()))
    return float(best.min()), int(best.argmin())


def _bic(heights: Floats, shapes: Floats, rho: float, parameters: int) -> Floats:
    """BIC of each shape when the noise is a stationary process with lag-1 correlation ``rho``.

    The first value counts with its stationary variance: given it, a relaxing curve would pass for noise coming to rest.
    """
    count = len(heights)
    ones = _whitened(np.ones(count), rho)
    ones /= np.linalg.norm(ones)
    height, shape = _whitened(heights, rho), _whitened(shapes, rho)
    height = height - (height @ ones) * ones
    shape = shape - np.outer(shape @ ones, ones)
    explained = (shape @ height) ** 2 / np.maximum(np.einsum("ij,ij->i", shape, shape), np.finfo(float).tiny)
    # What rounding leaves of a curve without noise must not count as a better fit.
    least = 1e-18 * float(heights @ heights) + np.finfo(float).tiny
    errors = np.maximum(height @ height - explained, least)
    bic: Floats = count * np.log(errors / count) - np.log(1.0 - rho**2) + parameters * np.log(count)
    return bic


def _whitened(values: Floats, rho: float) -> Floats:
    """Prais & Winsten's transform along the last axis: noise of lag-1 correlation ``rho`` becomes white."""
    white = values.copy()
    white[..., 1:] -= rho * values[..., :-1]
    white[..., 0] *= np.sqrt(1.0 - rho**2)
    return white


def _slope(steps: Floats, heights: Floats) -> float:
    centred = steps - steps.mean()
    return float(centred @ heights / (centred @ centred))
