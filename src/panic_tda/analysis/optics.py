"""OPTICS: the points in an order in which dense regions are valleys, and the valleys as clusters.

Ankerst, Breunig, Kriegel & Sander, "OPTICS: ordering points to identify the clustering structure", SIGMOD 1999. The
valleys are cut out by scikit-learn; the order is made here, on the whole distance matrix at once, because
scikit-learn's own takes minutes for a few thousand points. A test holds the two together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.unit_vectors import chord_distances

STEEPNESS = 0.05
"""A valley's sides fall and rise by at least this share from one point to the next (ξ)."""

_DECIMALS = np.finfo(np.float64).precision


class Reachability(NamedTuple):
    """``order`` (n,) int64, the points as they are visited; for each point its distance to those before it and from
    which of them it was reached: ``distance`` (n,) float64, ``predecessor`` (n,) int64, inf and −1 for the first."""

    order: NDArray[np.int64]
    distance: NDArray[np.float64]
    predecessor: NDArray[np.int64]


def optics_labels(units: NDArray[np.float64], min_cluster_size: int, min_samples: int) -> NDArray[np.int64]:
    """A cluster for each of the distinct ``units`` (n, d), rows of length 1; (n,) int64, −1 for an outlier.

    Fewer rows than ``min_samples`` or ``min_cluster_size`` are all outliers. Time n²·d, memory 16·n² bytes.
    """
    if len(units) < max(2, min_samples, min_cluster_size):
        return np.full(len(units), -1)
    from sklearn.cluster import cluster_optics_xi

    order, distance, predecessor = reachability(chord_distances(units), min_samples)
    labels, _ = cluster_optics_xi(
        reachability=distance,
        predecessor=predecessor,
        ordering=order,
        min_samples=min_samples,
        min_cluster_size=min_cluster_size,
        xi=STEEPNESS,
    )
    return np.asarray(labels, dtype=np.int64)


def reachability(distances: NDArray[np.float64], min_samples: int) -> Reachability:
    """Visits the points of ``distances`` (n, n): always the one nearest in reach to those visited, ties by number.

    The reach from p to q is max(core distance of p, distance), the core distance being that to the
    ``min_samples``-th point, p itself the first.
    """
    count = len(distances)
    core = np.partition(distances, min_samples - 1, axis=1)[:, min_samples - 1].round(_DECIMALS)
    order, predecessor = np.zeros(count, np.int64), np.full(count, -1)
    distance, waiting = np.full(count, np.inf), np.full(count, np.inf)
    visited = np.zeros(count, np.bool_)
    for step in range(count):
        point = order[step] = np.argmin(np.where(visited, np.inf, waiting)) if step else 0
        distance[point], visited[point] = waiting[point], True
        reach = np.maximum(distances[point], core[point]).round(_DECIMALS)
        nearer = ~visited & (reach < waiting)
        waiting[nearer], predecessor[nearer] = reach[nearer], point
    return Reachability(order, distance, predecessor)
