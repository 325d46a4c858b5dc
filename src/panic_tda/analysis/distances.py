"""Euclidean distances between the rows of a trajectory, and the merging of its exact repeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.errors import RequestError

CANCELLATION = 1e-4
"""Squared distances below this share of |x|² + |y|² are computed again from the difference of the rows."""

_PAIRS_AT_ONCE = 4096

Precision = TypeVar("Precision", np.float32, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """The distinct rows of a trajectory: ``points[index]`` is the trajectory again.

    ``points`` (n, d) float32, in order of first appearance; ``index`` (T,) int64, the distinct row of each step;
    ``multiplicity`` (n,) int64, how often each distinct row occurs.
    """

    points: NDArray[np.float32]
    index: NDArray[np.int64]
    multiplicity: NDArray[np.int64]


def merge_repeats(points: ArrayLike) -> Distinct:
    """Merges the rows of ``points`` (T, d) that are equal bit for bit as float32, the precision of the record.

    −0.0 is first made 0.0, so that equal numbers are equal bits. Raises ``RequestError`` as ``finite_points`` does.
    """
    rows = finite_points(points, np.float32) + np.float32(0.0)
    if not len(rows):
        return Distinct(rows, np.empty(0, np.int64), np.empty(0, np.int64))
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, first, index, multiplicity = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    rank = np.argsort(order)
    return Distinct(rows[first[order]], rank[index], multiplicity[order])


def euclidean_distances(points: ArrayLike) -> NDArray[np.float64]:
    """Euclidean distances between all rows of ``points`` (n, d): (n, n) float64, exactly symmetric, diagonal 0.

    |x − y|² = |x|² + |y|² − 2⟨x, y⟩ is one matrix product, but its rounding error is about d·ε·(|x|² + |y|²) however
    close x and y are: equal rows would lie up to 1e-8 apart. So every squared distance below ``CANCELLATION`` of
    |x|² + |y|² is computed again as Σ (x − y)²; the rows are centred first, so that these are few. What stays has a
    relative error below 5e-10 at d = 768, a hundredth of what float32 coordinates carry. Equal rows have distance 0.

    Raises ``RequestError`` as ``finite_points`` does, and when squares overflow float64. Uses about 32·n² bytes.
    """
    rows = finite_points(points, np.float64)
    if len(rows) < 2:
        return np.zeros((len(rows), len(rows)))
    centred, squares = centred_with_squares(rows)
    total = squares[:, None] + squares[None, :]
    squared = centred @ centred.T
    squared = total - (squared + squared.T)
    _recompute_close_pairs(squared, rows, np.triu(squared <= CANCELLATION * total, 1))
    np.fill_diagonal(squared, 0.0)
    distances: NDArray[np.float64] = np.sqrt(squared, out=squared)
    return distances


def finite_points(points: ArrayLike, dtype: type[Precision]) -> NDArray[Precision]:
    """``points`` as a (T, d) array of ``dtype``; an empty sequence is (0, 0).

    Raises ``RequestError`` when the array is not two-dimensional, has rows without coordinates, or holds values that
    are not finite in ``dtype``.
    """
    with np.errstate(over="ignore"):
        rows = np.asarray(points, dtype=dtype)
    if rows.ndim == 1 and not rows.size:
        rows = rows.reshape(0, 0)
    if rows.ndim != 2 or (len(rows) and not rows.shape[1]):
        raise RequestError(f"points must be an array (steps, dimensions), got shape {rows.shape}")
    if not np.isfinite(rows).all():
        row = int(np.argmin(np.isfinite(rows).all(axis=1)))
        raise RequestError(
            f"row {row} of the points is not finite as {rows.dtype}", hint="leave out steps without a valid vector"
        )
    return rows


def paired_points(one: ArrayLike, other: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both clouds as (n, d) and (n, e) float64; ``RequestError`` unless they are finite and have equally many rows."""
    first, second = finite_points(one, np.float64), finite_points(other, np.float64)
    if len(first) != len(second) or not len(first):
        raise RequestError(f"two clouds of the same outputs are compared; they have {len(first)} and {len(second)}")
    return first, second


def centred_with_squares(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``rows`` (n, d) minus their mean, and their squared norms (n,); ``RequestError`` when these overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        centred = rows - rows.mean(axis=0)
        squares = np.einsum("ij,ij->i", centred, centred)
    if not squares.max(initial=0.0) < np.finfo(np.float64).max / 8:
        raise RequestError("the points lie so far apart that their squared distances overflow float64")
    return centred, squares


def _recompute_close_pairs(squared: NDArray[np.float64], rows: NDArray[np.float64], close: NDArray[np.bool_]) -> None:
    first, second = np.nonzero(close)
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        i, j = first[start : start + _PAIRS_AT_ONCE], second[start : start + _PAIRS_AT_ONCE]
        difference = rows[i] - rows[j]
        squared[i, j] = squared[j, i] = np.einsum("ij,ij->i", difference, difference)
