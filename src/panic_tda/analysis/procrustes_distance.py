"""Procrustes distance: how far apart are two clouds of vectors once one is laid upon the other as well as it can be?

A and B are the clouds centred and scaled to Σ |row|² = 1. The distance is the least ‖A − B Q‖ over rotations and
reflections Q: √(2 − 2 ‖AᵀB‖⁎), with ‖·‖⁎ the sum of singular values; in [0, √2], 0 for a rotated, shifted and
rescaled copy. Few points in many dimensions can always be laid upon each other: ``chance`` says how far apart they
are when whole runs are dealt anew, and a distance near it says nothing.

Gower, "Generalized Procrustes analysis", Psychometrika 40 (1975); Schönemann, "A generalized solution of the
orthogonal Procrustes problem", Psychometrika 31 (1966); Williams, Kunz, Kornblith & Linderman, "Generalized shape
metrics on neural representations", NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval, clipped
from panic_tda.analysis.distances import paired_points
from panic_tda.analysis.grouped_bootstrap import group_codes, student_interval
from panic_tda.analysis.pair_bootstrap import run_weights
from panic_tda.analysis.run_permutations import run_orders

Floats = NDArray[np.float64]

FURTHEST = float(np.sqrt(2.0))
_ROUNDING = 1e-12


class Procrustes(NamedTuple):
    """The ``distance`` with its interval over runs, and its mean by ``chance``: with whole runs dealt anew."""

    distance: Interval
    chance: float


def procrustes_distance(
    one: ArrayLike,
    other: ArrayLike,
    rng: np.random.Generator,
    *,
    runs: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 60,
    permutations: int = 20,
) -> Procrustes:
    """The distance of ``one`` (n, d) and ``other`` (n, e), with its bootstrap interval over runs.

    ``runs`` (n labels) names the run of each output; without it each output is a run. NaN where a cloud has no extent.
    Time about (``resamples`` + ``permutations``) · min(n, max(d, e))³. Raises ``RequestError`` as ``linear_cka`` does.
    """
    first, second = (_along_axes(each) for each in paired_points(one, other))
    labels = range(len(first)) if runs is None else runs
    codes = group_codes(labels, len(first))
    count = int(codes.max()) + 1
    weights = run_weights(np.zeros(count, np.int64), rng, resamples)[:, codes]
    distance = student_interval(np.array([_distance(first, second, each) for each in weights]), count, level)
    dealt = [_distance(first, second[order], weights[0]) for order in run_orders(labels, permutations, rng)]
    return Procrustes(clipped(distance, 0.0, FURTHEST), float(np.mean(dealt)))


def _along_axes(points: Floats) -> Floats:
    """The same cloud turned so that it takes no more coordinates than it needs."""
    centred = points - points.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    kept = values > _ROUNDING * max(1e-300, float(np.abs(points).max()) * np.sqrt(len(points)))
    turned: Floats = left[:, kept] * values[kept]
    return turned


def _distance(one: Floats, other: Floats, weights: Floats) -> float:
    first, second = (_scaled(each, weights) for each in (one, other))
    if not (first.any() and second.any()):
        return np.nan
    overlap = float(np.linalg.svd(first.T @ second, compute_uv=False).sum())
    return float(np.sqrt(max(0.0, 2.0 - 2.0 * overlap)))


def _scaled(points: Floats, weights: Floats) -> Floats:
    """The cloud centred and of unit size, when each row counts as often as its weight says."""
    if not points.shape[1]:
        return points
    centred = (points - np.average(points, axis=0, weights=weights)) * np.sqrt(weights)[:, None]
    size = float(np.linalg.norm(centred))
    scaled: Floats = centred / size if size > 0.0 else centred
    return scaled
