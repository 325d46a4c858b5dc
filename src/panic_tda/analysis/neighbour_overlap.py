"""Have outputs the same nearest neighbours in two measurements?

For each output, which share of its ``k`` nearest in one cloud of vectors is among its ``k`` nearest in the other: 1
when all are, k / (n − 1) by chance.

Huh, Cheung, Wang & Isola, "The platonic representation hypothesis", ICML 2024 (as mutual nearest neighbours); Venna &
Kaski, "Neighborhood preservation in nonlinear projection methods", ICANN 2001.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval, clipped
from panic_tda.analysis.distances import euclidean_distances, paired_points
from panic_tda.analysis.grouped_bootstrap import grouped_mean
from panic_tda.errors import RequestError


class NeighbourOverlap(NamedTuple):
    """The mean ``overlap`` with its interval over runs, and what ``chance`` gives; ``of_each`` (n,) output its own.

    ``nearest`` and ``other_nearest`` (n, k): the rows of the neighbours in the two clouds, nearest first.
    """

    overlap: Interval
    chance: float
    of_each: NDArray[np.float64]
    nearest: NDArray[np.int64]
    other_nearest: NDArray[np.int64]


def neighbour_overlap(
    one: ArrayLike,
    other: ArrayLike,
    rng: np.random.Generator,
    *,
    k: int = 10,
    runs: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> NeighbourOverlap:
    """The overlap of the ``k`` nearest neighbours of each row in ``one`` (n, d) and in ``other`` (n, e).

    ``runs`` (n labels) names the run of each output; without it each output is a run. Of equally near ones the first
    count. Raises ``RequestError`` as ``linear_cka`` does, and unless 1 ≤ ``k`` < n.
    """
    points = paired_points(one, other)
    count = len(points[0])
    if not 1 <= k < count:
        raise RequestError(f"{count} outputs have 1 to {count - 1} neighbours, not {k}")
    first, second = (_nearest(euclidean_distances(each), k) for each in points)
    near = np.zeros((2, count, count), np.bool_)
    for table, chosen in zip(near, (first, second), strict=True):
        np.put_along_axis(table, chosen, True, axis=1)
    shared: NDArray[np.float64] = (near[0] & near[1]).sum(axis=1) / k
    overlap = grouped_mean(shared, list(range(count) if runs is None else runs), rng, level=level)
    return NeighbourOverlap(clipped(overlap, 0.0, 1.0), k / (count - 1), shared, first, second)


def _nearest(distances: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    np.fill_diagonal(distances, np.inf)
    nearest: NDArray[np.int64] = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return nearest
