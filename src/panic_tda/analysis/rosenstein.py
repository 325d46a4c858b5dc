"""Largest Lyapunov exponent of a single trajectory, from how its own near returns move apart.

Every step has a nearest neighbour among the steps that are not close in time; the exponent is the slope of the mean log
distance of these pairs as both go on. Rosenstein, Collins & De Luca, "A practical method for calculating largest
Lyapunov exponents from small data sets", Physica D 65 (1993).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.r_squared import r_squared
from panic_tda.analysis.saturation import saturation
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEWEST_PAIRS = 50
POOR_FIT = 0.8
SMALLEST_GROWTH = 1.0
BEFORE_THE_BEND = 2 / 3
"""The share of the steps before saturation that is fitted; pairs saturate one by one, which bends the curve earlier."""


class NearestNeighbourExponent(NamedTuple):
    """``exponent`` in nats per step, fitted to steps ``first`` … ``last`` of ``log_divergence`` (horizon + 1,)."""

    exponent: float
    r_squared: float
    first: int
    last: int
    log_divergence: Floats
    pairs: int
    cautions: tuple[str, ...]


def nearest_neighbour_exponent(
    points: ArrayLike, *, theiler: int, horizon: int, first: int = 0
) -> NearestNeighbourExponent:
    """The exponent of the trajectory ``points`` (T, d), following its pairs for ``horizon`` steps.

    Steps less than ``theiler`` apart in time are no neighbours, nor are exact repeats, which never move apart.
    ``first`` leaves out the steps in which pairs turn into the direction that grows. Raises ``RequestError`` for points
    that are not finite, ``theiler`` < 1, ``horizon`` < ``first`` + 2, or a trajectory without a pair to follow.
    """
    if theiler < 1 or first < 0 or horizon < first + 2:
        raise RequestError(
            f"theiler must be at least 1 and horizon 2 more than first (≥ 0), got {theiler}, {horizon} and {first}"
        )
    distances = euclidean_distances(points)
    curve, pairs = _followed(distances, theiler, horizon)
    flat_from = saturation(curve[first:]).step
    last = horizon if flat_from is None else first + max(2, round(BEFORE_THE_BEND * flat_from))
    times = np.arange(last - first + 1) - (last - first) / 2.0
    heights = curve[first : last + 1]
    exponent = float(times @ heights / (times @ times))
    explained = r_squared(heights, heights - heights.mean() - exponent * times)
    cautions = _cautions(pairs, explained, float(heights[-1] - heights[0]))
    return NearestNeighbourExponent(exponent, explained, first, last, curve, pairs, cautions)


def _followed(distances: Floats, theiler: int, horizon: int) -> tuple[Floats, int]:
    """The mean log distance of all pairs after 0 … ``horizon`` steps, and the number of pairs."""
    starts = np.arange(max(len(distances) - horizon, 0))
    near = distances[: len(starts), : len(starts)].copy()
    near[(np.abs(starts[:, None] - starts) < theiler) | (near == 0.0)] = np.inf
    one = np.flatnonzero(np.isfinite(near).any(axis=1))
    if not len(one):
        raise RequestError(
            f"a trajectory of {len(distances)} steps has no two steps {theiler} apart to follow for {horizon} steps"
        )
    other = near[one].argmin(axis=1)
    apart = np.stack([distances[one + step, other + step] for step in range(horizon + 1)])
    logs = np.log(apart, where=apart > 0.0, out=np.full_like(apart, np.nan))
    if np.isnan(logs).all(axis=1).any():
        raise RequestError("the trajectory repeats itself exactly: no pair moves apart")
    return np.nanmean(logs, axis=1), len(one)


def _cautions(pairs: int, explained: float, growth: float) -> tuple[str, ...]:
    said = {
        f"only {pairs} pairs": pairs < FEWEST_PAIRS,
        f"R² {explained:.2f}: the exponent does not describe how neighbours move apart": explained < POOR_FIT,
        f"neighbours move apart by a factor of {np.exp(growth):.1f} only": growth < SMALLEST_GROWTH,
    }
    return tuple(caution for caution, holds in said.items() if holds)
