"""Drift of a trajectory: how far it is from its start, and how far each step goes.

Both are chord distances, the Euclidean length of the difference of two vectors, and are named so; for vectors of
length 1 and cosine similarity c the chord is √(2 − 2c). Used as global and local drift by Tacheny, arXiv 2512.10350.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import finite_points


def distance_to_start(points: ArrayLike) -> NDArray[np.float64]:
    """Euclidean (chord) distance of each row of ``points`` (T, d) to the first row; (T,) float64, 0 at the start.

    Raises ``RequestError`` when the points are not finite or not two-dimensional.
    """
    rows = finite_points(points, np.float64)
    return _norms(rows - rows[:1])


def distance_to_previous(points: ArrayLike) -> NDArray[np.float64]:
    """Euclidean (chord) distance between consecutive rows of ``points`` (T, d); (max(T − 1, 0),) float64.

    Entry i is the distance from step i to step i + 1. Raises ``RequestError`` when the points are not finite or not
    two-dimensional.
    """
    return _norms(np.diff(finite_points(points, np.float64), axis=0))


def _norms(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    norms: NDArray[np.float64] = np.linalg.norm(differences, axis=1)
    return norms
