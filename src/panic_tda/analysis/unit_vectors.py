"""Vectors of length 1, and the chord distances between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import finite_points
from panic_tda.errors import RequestError

RESOLUTION = 2.0**-22
"""Least distance between two rows: unit vectors stored as float32 cannot be told apart below it."""


def unit_vectors(points: ArrayLike) -> NDArray[np.float64]:
    """The rows of ``points`` (n, d) divided by their Euclidean lengths; (n, d) float64.

    Raises ``RequestError`` for a row of length 0, and as ``finite_points`` does.
    """
    rows = finite_points(points, np.float64)
    # Dividing by the largest coordinate first keeps the squares from overflowing and from vanishing.
    largest = np.abs(rows).max(axis=1, initial=0.0)
    if not largest.all():
        raise RequestError(
            f"row {int(np.argmin(largest))} of the points is zero and has no direction",
            hint="leave out steps without a valid vector",
        )
    scaled: NDArray[np.float64] = rows / largest[:, None]
    scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
    return scaled


def chord_distances(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean distances √(2 − 2⟨x, y⟩) between distinct rows of length 1; (n, n) float64, symmetric, diagonal 0.

    One matrix product, whose rounding of 1e-16 in the square means 1e-8 in the least distances: those below
    ``RESOLUTION`` are set to it, so that no two rows have distance 0. Uses 8·n² bytes.
    """
    distances: NDArray[np.float64] = units @ units.T
    distances *= -2.0
    distances += 2.0
    np.maximum(distances, RESOLUTION**2, out=distances)
    np.fill_diagonal(distances, 0.0)
    np.sqrt(distances, out=distances)
    return distances
