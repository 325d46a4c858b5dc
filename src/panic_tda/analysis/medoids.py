"""Medoids: of each cluster the member that is nearest to all the others, a point that really occurs.

Kaufman & Rousseeuw, "Clustering by means of medoids" (1987).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import centred_with_squares, finite_points
from panic_tda.errors import RequestError

EXACT_UP_TO = 3_000
"""Members up to which every one of a cluster is tried."""

CANDIDATES = 500
"""Members of a larger cluster that are tried: those nearest to its mean."""

_ROWS_AT_ONCE = 1_024
_TIE = 1e-9
"""Total distances that differ by less than this share are equal: the rest is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Medoids:
    """The medoid of each of k clusters.

    ``rows`` (k,) int64: its row; ``mean_distance`` (k,) float64: of the members to it, by multiplicity, in the unit of
    the points; ``exact`` (k,) bool: whether every member was tried.
    """

    rows: NDArray[np.int64]
    mean_distance: NDArray[np.float64]
    exact: NDArray[np.bool_]
    cautions: tuple[str, ...]


def medoids(
    points: ArrayLike, labels: ArrayLike, *, multiplicity: ArrayLike | None = None, exact_up_to: int = EXACT_UP_TO
) -> Medoids:
    """The member of each cluster with the least total Euclidean distance to its members, of equal ones the first.

    ``points`` (n, d); ``labels`` (n,) integers, clusters 0 … k − 1, negative for outliers, which have no medoid. A
    distance counts ``multiplicity`` (n,) times, as often as the point it leads to occurs (once, unless given).

    Time m²·d for a cluster of m members. Of more than ``exact_up_to`` only the ``CANDIDATES`` nearest to the mean are
    tried (against all members), so another member might have a smaller total; ``exact`` and a caution say so. Totals
    within 1e-9 of the least count as equal. Raises ``RequestError`` when the arrays do not fit each other, a
    multiplicity is not positive, a cluster below the highest number is empty, or as ``finite_points`` does.
    """
    rows = finite_points(points, np.float64)
    symbols = np.asarray(labels)
    weights = np.asarray(np.ones(len(rows)) if multiplicity is None else multiplicity, dtype=np.float64)
    _check(rows, symbols, weights)
    members = [np.flatnonzero(symbols == name) for name in range(int(symbols.max(initial=-1)) + 1)]
    if empty := [name for name, each in enumerate(members) if not len(each)]:
        raise RequestError(f"cluster {empty[0]} has no members")
    found = [_medoid(rows[each], weights[each], exact_up_to) for each in members]
    inexact = sum(len(each) > exact_up_to for each in members)
    return Medoids(
        rows=np.array([each[at] for each, (at, _) in zip(members, found, strict=True)], dtype=np.int64),
        mean_distance=np.array([mean for _, mean in found], dtype=np.float64),
        exact=np.array([len(each) <= exact_up_to for each in members], dtype=np.bool_),
        cautions=(f"{inexact} of {len(members)} medoids found among candidates only",) if inexact else (),
    )


def _check(rows: NDArray[np.float64], symbols: NDArray[np.generic], weights: NDArray[np.float64]) -> None:
    if symbols.shape != (len(rows),) or not np.issubdtype(symbols.dtype, np.integer):
        raise RequestError(f"labels must be an integer for each of the {len(rows)} points, got shape {symbols.shape}")
    if weights.shape != (len(rows),) or not (np.isfinite(weights) & (weights > 0)).all():
        raise RequestError(f"the multiplicity must be a positive number for each of the {len(rows)} points")


def _medoid(rows: NDArray[np.float64], weights: NDArray[np.float64], exact_up_to: int) -> tuple[int, float]:
    """Which of ``rows`` it is, and the mean distance to it."""
    centred, squares = centred_with_squares(rows)
    tried = np.arange(len(rows))
    if len(rows) > exact_up_to:
        to_mean = np.linalg.norm(centred - np.average(centred, axis=0, weights=weights), axis=1)
        tried = np.sort(np.argsort(to_mean, kind="stable")[:CANDIDATES])
    totals = np.concatenate(
        [
            _distances(centred, squares, tried[start : start + _ROWS_AT_ONCE]) @ weights
            for start in range(0, len(tried), _ROWS_AT_ONCE)
        ]
    )
    best = int(np.argmax(totals <= totals.min() * (1.0 + _TIE)))
    return int(tried[best]), float(totals[best] / weights.sum())


def _distances(
    centred: NDArray[np.float64], squares: NDArray[np.float64], tried: NDArray[np.int64]
) -> NDArray[np.float64]:
    """From the ``tried`` rows to all, through one matrix product; rounding below 1e-7 of the cluster's size."""
    squared = squares[tried, None] + squares[None, :] - 2.0 * (centred[tried] @ centred.T)
    squared[np.arange(len(tried)), tried] = 0.0
    distances: NDArray[np.float64] = np.sqrt(np.maximum(squared, 0.0, out=squared), out=squared)
    return distances
