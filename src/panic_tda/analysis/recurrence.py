"""Has the trajectory been here before? Recurrence matrices, and exact absorption into a cycle.

Eckmann, Kamphorst & Ruelle, "Recurrence plots of dynamical systems", Europhys. Lett. 4 (1987); Marwan, Romano, Thiel &
Kurths, "Recurrence plots for the analysis of complex systems", Phys. Rep. 438 (2007).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.errors import RequestError


class Absorption(NamedTuple):
    """From step ``start`` (counted from 0) to its end the sequence has ``period``; period 1 is a fixed point."""

    start: int
    period: int


def recurrence_matrix(distances: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Which pairs of steps lie at most ``threshold`` apart, for ``distances`` (T, T); (T, T) bool, diagonal included.

    Raises ``RequestError`` when ``distances`` is not square or holds NaN, or ``threshold`` is negative or NaN.
    """
    if not threshold >= 0.0:
        raise RequestError(f"the recurrence threshold must be at least 0, got {threshold}")
    recurrent: NDArray[np.bool_] = _square(distances) <= threshold
    return recurrent


def threshold_at_quantile(distances: ArrayLike, quantile: float) -> float:
    """The least distance that at least the share ``quantile`` of all pairs i < j do not exceed.

    It is a distance that occurs (inverted distribution function), so with ties more pairs may recur than asked for.
    ``distances`` (T, T), symmetric. Raises ``RequestError`` when it is not square, holds NaN or has no pairs, or
    ``quantile`` is outside [0, 1].
    """
    if not 0.0 <= quantile <= 1.0:
        raise RequestError(f"the quantile must lie between 0 and 1, got {quantile}")
    matrix = _square(distances)
    if len(matrix) < 2:
        raise RequestError(f"a quantile of pairwise distances needs at least 2 points, got {len(matrix)}")
    return float(np.quantile(matrix[np.triu_indices(len(matrix), 1)], quantile, method="inverted_cdf"))


def exact_absorption(keys: Sequence[Hashable], *, passes: int = 2) -> Absorption | None:
    """The first step from which ``keys`` (content hashes) is periodic to its end, and the least such period.

    ``None`` when there is none. A period p counts when the periodic end holds at least ``passes`` full passes, that is
    ``passes`` · p steps, so a sequence without repeats is never absorbed. A value only repeated at the very end
    (A, B, C, C) is absorbed, with period 1. Raises ``RequestError`` when ``passes`` < 2. Time T² / 2 comparisons.
    """
    if passes < 2:
        raise RequestError(f"a period must be seen at least twice, got passes={passes}")
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    found = None
    for period in range(1, len(codes) // passes + 1):
        changes = np.flatnonzero(codes[:-period] != codes[period:])
        start = int(changes[-1]) + 1 if len(changes) else 0
        if len(codes) - start >= passes * period and (found is None or start < found.start):
            found = Absorption(start, period)
    return found


def _square(distances: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(distances, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise RequestError(f"distances must be a square matrix, got shape {matrix.shape}")
    if np.isnan(matrix).any():
        raise RequestError("the distances hold NaN")
    return matrix
