"""Edge collapse: the same persistent homology from far fewer edges, where the shape of a cloud allows it.

An edge is *dominated* at its own length when another point is at most that far from every common neighbour of its two
ends; dominated edges can be removed (or put off to a greater length) without changing the persistent homology of the
flag complex. Clouds on curves, surfaces and around attractors lose nine edges in ten and more, and homology
then costs next to nothing; clouds that fill many dimensions lose none, and trying costs more than the homology
itself. A sample of edges tells the two apart first.

Sources: Boissonnat & Pritam, "Edge collapse and persistence of flag complexes" (2020); Glisse & Pritam, "Swap, shift
and trim to edge collapse a filtration" (2022); https://gudhi.inria.fr.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLED_EDGES = 40
SMALLEST_CLOUD = 100
"""Points below which homology takes milliseconds whatever the shape."""


def is_collapsible(distances: NDArray[np.float64]) -> bool:
    """Whether at least nine in ten of the sampled edges are dominated at their own length.

    ``distances`` (n, n) is symmetric. The sample is the same in every call, so the answer depends on the distances
    only. Edges beyond the enclosing radius are left out, where the complex is a cone.
    """
    if len(distances) < SMALLEST_CLOUD:
        return False
    first, second = np.nonzero(np.triu(distances <= enclosing_radius(distances), k=1))
    sample = np.random.default_rng(0).permutation(len(first))[:SAMPLED_EDGES]
    spared = len(sample) // 10
    for one, other in zip(first[sample], second[sample], strict=True):
        spared -= not _is_dominated(distances, one, other)
        if spared < 0:
            return False
    return True


def collapse_edges(distances: NDArray[np.float64], absent: float) -> NDArray[np.float64]:
    """Lengths (n, n) with the persistent homology of ``distances`` up to its enclosing radius.

    Each entry is one of the given lengths, or ``absent`` where no edge is left; the diagonal is 0.
    """
    from gudhi.flag_filtration.edge_collapse import reduce_graph
    from scipy.sparse import coo_matrix

    ends = np.nonzero(np.triu(distances <= enclosing_radius(distances), k=1))
    kept = reduce_graph(coo_matrix((distances[ends], ends), shape=distances.shape))
    lengths = np.full_like(distances, absent)
    lengths[kept.row, kept.col] = lengths[kept.col, kept.row] = kept.data
    np.fill_diagonal(lengths, 0.0)
    return lengths


def enclosing_radius(distances: NDArray[np.float64]) -> float:
    """The least radius at which one point reaches all others; the Rips complex is a cone from there on."""
    return float(distances.max(axis=1).min())


def _is_dominated(distances: NDArray[np.float64], one: np.intp, other: np.intp) -> bool:
    length = distances[one, other]
    detour = np.maximum(distances[one], distances[other])
    common = np.flatnonzero(detour <= length)
    nearest_first = common[np.argsort(detour[common], kind="stable")]
    return any(
        bool((distances[point, common] <= length).all()) for point in nearest_first if point != one and point != other
    )
