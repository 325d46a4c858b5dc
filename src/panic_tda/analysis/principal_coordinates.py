"""Principal coordinates: points whose distances are those of a given matrix.

Gower, "Some distance properties of latent root and vector methods used in multivariate analysis", Biometrika 53 (1966).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.errors import RequestError

_RANK_TOLERANCE = 1e-12


class PrincipalCoordinates(NamedTuple):
    """``points`` (n, r) float64 around the origin, and the ``signs`` (r,) ±1 with which squares of coordinates count.

    D² = Σ signs · (difference)²; a −1 is a direction that no Euclidean space has.
    """

    points: NDArray[np.float64]
    signs: NDArray[np.float64]

    def squares(self, points: NDArray[np.float64]) -> float:
        """The signed sum of squares of ``points`` (·, r)."""
        return float(((points**2) @ self.signs).sum())


def principal_coordinates(distances: ArrayLike) -> PrincipalCoordinates:
    """The principal coordinates of ``distances`` (n, n), which need not be Euclidean.

    Raises ``RequestError`` when the matrix is not square, symmetric, free of NaN, infinities and negative numbers, and
    zero on its diagonal, or has fewer than 2 rows.
    """
    matrix = np.asarray(distances, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise RequestError(f"distances must be a square matrix of at least 2 runs, got shape {matrix.shape}")
    if not np.isfinite(matrix).all() or (matrix < 0.0).any():
        raise RequestError("distances must be finite and at least 0")
    if np.diagonal(matrix).any() or not np.allclose(matrix, matrix.T):
        raise RequestError("distances must be symmetric with a diagonal of 0")
    gower = -0.5 * matrix**2
    gower = gower - gower.mean(axis=0) - gower.mean(axis=1)[:, None] + gower.mean()
    values, vectors = np.linalg.eigh((gower + gower.T) / 2)
    kept = np.abs(values) > _RANK_TOLERANCE * max(1e-300, float(np.abs(values).max()))
    return PrincipalCoordinates(vectors[:, kept] * np.sqrt(np.abs(values[kept])), np.sign(values[kept]))
