"""Max–min landmarks: a few points that stay close to all of them.

Gonzalez, "Clustering to minimize the maximum intercluster distance", Theor. Comput. Sci. 38 (1985); used for
persistent homology by de Silva & Carlsson, "Topological estimation using witness complexes" (2004).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import centred_with_squares, finite_points
from panic_tda.errors import RequestError


class Landmarks(NamedTuple):
    """``rows`` (k,) int64, row numbers in order of choice; ``covering_radius``, greatest distance to a landmark."""

    rows: NDArray[np.int64]
    covering_radius: float


def maxmin_landmarks(points: ArrayLike, count: int) -> Landmarks:
    """Chooses ``count`` rows of ``points`` (n, d): the first row, then always the row farthest from those chosen.

    The covering radius (same unit as the points) is at most twice the best possible for ``count`` points. All rows,
    with radius 0, when there are no more than ``count``. Raises ``RequestError`` when ``count`` < 1, and as
    ``finite_points`` does. Time n · count · d; memory n · d.
    """
    if count < 1:
        raise RequestError(f"the number of landmarks must be at least 1, got {count}")
    rows = finite_points(points, np.float64)
    if len(rows) <= count:
        return Landmarks(np.arange(len(rows)), 0.0)
    index, nearest = _farthest_first(rows, count)
    # The Gram distances that guided the choice are rounded; the radius, on which a bound rests, is measured afresh.
    return Landmarks(index, float(np.linalg.norm(rows - rows[nearest], axis=1).max()))


def _farthest_first(rows: NDArray[np.float64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    centred, squares = centred_with_squares(rows)
    index = np.zeros(count, np.int64)
    nearest = np.zeros(len(rows), np.int64)
    squared = np.full(len(rows), np.inf)
    for step in range(count):
        chosen = index[step] = np.argmax(squared)
        to_chosen = squares + squares[chosen] - 2 * (centred @ centred[chosen])
        closer = to_chosen < squared
        nearest[closer] = chosen
        squared[closer] = to_chosen[closer]
        squared[chosen] = -np.inf  # never chosen again
        nearest[chosen] = chosen
    return index, nearest
