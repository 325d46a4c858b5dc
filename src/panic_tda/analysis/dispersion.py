"""Do groups of runs differ in spread? The companion of a test for differences in location.

Anderson, "Distance-based tests for homogeneity of multivariate dispersions", Biometrics 62 (2006).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.principal_coordinates import PrincipalCoordinates


def dispersion_p_value(
    coordinates: PrincipalCoordinates,
    others: NDArray[np.float64],
    code: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    permutations: int = 199,
) -> float:
    """p-value of equal spread of the groups ``code`` (n,), after what ``others`` (n, ·) explain is taken off.

    ``others``: an orthonormal basis. The spread of a run is its distance to the centroid of its group, widened by
    √(m / (m − 1)) for a group of m; groups of one say nothing. The statistic is F of the analysis of variance of these
    distances, its distribution comes from dealing their residuals anew. NaN when fewer than two groups have two runs.
    """
    sizes = np.bincount(code)
    told = sizes[code] > 1
    if (sizes > 1).sum() < 2:
        return float("nan")
    left = coordinates.points - others @ (others.T @ coordinates.points)
    centroids = np.array([left[code == group].mean(axis=0) for group in range(len(sizes))])
    squares = ((left - centroids[code]) ** 2) @ coordinates.signs
    spread = np.sqrt(np.maximum(squares, 0.0) * sizes[code] / np.maximum(sizes[code] - 1, 1))[told]
    group = np.unique(code[told], return_inverse=True)[1]
    counts = np.bincount(group)
    means = np.bincount(group, spread) / counts
    if float((spread**2).sum()) <= 1e-12 * abs(coordinates.squares(coordinates.points)):
        return 1.0
    residuals = spread - means[group]

    def between_to_within(values: NDArray[np.float64]) -> float:
        explained = float((np.bincount(group, values) ** 2 / counts).sum() - values.sum() ** 2 / len(values))
        rest = float((values**2).sum() - values.sum() ** 2 / len(values)) - explained
        return explained / rest if rest > 1e-12 * explained else np.inf

    if float((residuals**2).sum()) <= 1e-12 * float((spread**2).sum()):
        return 1.0 if np.ptp(means) <= 1e-9 * means.max() else 1.0 / (1 + permutations)
    observed = between_to_within(spread)
    as_great = sum(between_to_within(rng.permutation(residuals)) >= observed - 1e-12 for _ in range(permutations))
    return (1 + as_great) / (1 + permutations)
