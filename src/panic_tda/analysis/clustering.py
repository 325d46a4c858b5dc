"""What states are visited? Vectors grouped by direction into clusters of high density, the others called outliers.

How often a vector occurs does not enter the density: repeats would have distance 0 from each other, so every repeated
vector would be a cluster of infinite density and tear the clusters around it apart. Exact repeats are therefore merged
first, and density, ``min_cluster_size`` and ``min_samples`` count distinct vectors. Then the repeats count again:
a vector that no cluster takes but that occurs at least ``min_cluster_size`` times is a cluster of its own (a run stuck
on one output is in a state, not astray), and all shares are shares of the occurrences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import merge_repeats
from panic_tda.analysis.evoc import evoc_layers
from panic_tda.analysis.hdbscan import hdbscan_labels
from panic_tda.analysis.optics import optics_labels
from panic_tda.analysis.unit_vectors import unit_vectors
from panic_tda.errors import RequestError

Algorithm = Literal["hdbscan", "evoc", "optics"]
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)

OUTLIER = -1
MOST_WITH_ALL_DISTANCES = 30_000
"""Distinct vectors that HDBSCAN and OPTICS, which hold the distance of every pair, take at most."""

FEWEST_DISTINCT = 50
"""With fewer distinct vectors densities are hardly estimated at all."""

MANY_OUTLIERS, NEARLY_ALL = 0.5, 0.9
"""Shares of the points above which outliers, and a single cluster, need a word of caution."""


class Sizes(NamedTuple):
    """``min_cluster_size``: distinct vectors in the least cluster; ``min_samples``: neighbours a density rests on."""

    min_cluster_size: int = 5
    min_samples: int = 5


class Layer(NamedTuple):
    """One way to divide the points.

    ``labels`` (n,) int64: 0 is the cluster with the most points, and so on; −1 is an outlier. ``clusters`` is their
    number, of which ``repeated`` are a single vector that recurs. ``outlier_share`` of all points in [0, 1].
    ``persistence``: over how long a range of sizes the layer lasts, None for algorithms without layers.
    """

    labels: NDArray[np.int64]
    clusters: int
    repeated: int
    outlier_share: float
    persistence: float | None
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """The ``layers`` of a clustering, that of most clusters (the ``finest``) first; HDBSCAN and OPTICS make one.

    ``most_persistent``: number of the layer to use when one is wanted. ``points``: rows; ``distinct_points``: rows left
    when exact repeats are merged. ``cautions`` concern every layer.
    """

    layers: tuple[Layer, ...]
    most_persistent: int
    algorithm: Algorithm
    sizes: Sizes
    points: int
    distinct_points: int
    cautions: tuple[str, ...]

    @property
    def finest(self) -> Layer:
        """The layer of most clusters."""
        return self.layers[0]

    @property
    def best(self) -> Layer:
        """The most persistent layer."""
        return self.layers[self.most_persistent]


def cluster(
    points: ArrayLike,
    rng: np.random.Generator,
    *,
    algorithm: Algorithm | None = None,
    sizes: Sizes | None = None,
    multiplicity: ArrayLike | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Clustering:
    """Clusters the rows of ``points`` (n, d), taken as float32, by their directions.

    ``multiplicity`` (n,), whole numbers from 1: how often each row occurs (once, unless given); rows that are equal are
    merged and theirs added. Without an ``algorithm`` it is HDBSCAN up to ``MOST_WITH_ALL_DISTANCES`` distinct vectors
    and EVoC above. Only EVoC draws from ``rng``. ``report`` is told in a few words what begins.

    Raises ``RequestError`` for no points, points that are not finite, zero or not two-dimensional, sizes below 2, a
    multiplicity that does not fit, an unknown algorithm, and more distinct vectors than it takes;
    ``PrerequisiteError`` when EVoC is wanted and missing.
    """
    sizes = sizes or Sizes()
    if min(sizes) < 2:
        raise RequestError(f"min_cluster_size and min_samples must be at least 2, got {min(sizes)}")
    distinct = merge_repeats(points)
    count = len(distinct.points)
    if not count:
        raise RequestError("there are no points to cluster")
    times = _times(multiplicity, distinct.index, count)
    algorithm = algorithm_named(algorithm or default_algorithm(count))
    layers = tuple(
        _layer(labels, persistence, times, distinct.index, sizes.min_cluster_size)
        for labels, persistence in _found(algorithm, distinct.points, sizes, rng, report)
    )
    return Clustering(
        layers=layers,
        most_persistent=max(range(len(layers)), key=lambda number: layers[number].persistence or 0.0),
        algorithm=algorithm,
        sizes=sizes,
        points=len(distinct.index),
        distinct_points=count,
        cautions=(f"only {count} distinct vectors",) if count < FEWEST_DISTINCT else (),
    )


def algorithm_named(name: str) -> Algorithm:
    """The algorithm of that name; raises ``RequestError`` for any other."""
    for algorithm in ALGORITHMS:
        if name == algorithm:
            return algorithm
    raise RequestError(f"no clustering algorithm is named {name!r}", hint=f"choose {', '.join(ALGORITHMS)}")


def default_algorithm(distinct_points: int) -> Algorithm:
    """HDBSCAN as long as the distances of all pairs fit into memory, else EVoC."""
    return "hdbscan" if distinct_points <= MOST_WITH_ALL_DISTANCES else "evoc"


def layer_cautions(clusters: int, outlier_share: float, largest_share: float) -> tuple[str, ...]:
    """In what way a layer may not mean what it seems to; shares of all points in [0, 1]."""
    cautions = []
    if not clusters:
        cautions.append("no clusters: all are outliers, or all are one cluster, which cannot be told apart")
    elif outlier_share > MANY_OUTLIERS:
        cautions.append(f"{100 * outlier_share:.0f} % outliers: sparse or an artefact; try another min_cluster_size")
    if largest_share > NEARLY_ALL:
        cautions.append(f"one cluster holds {100 * largest_share:.0f} % of the points")
    return tuple(cautions)


def _times(multiplicity: ArrayLike | None, index: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """How often each of the ``count`` distinct rows occurs."""
    given = np.ones(len(index)) if multiplicity is None else np.asarray(multiplicity, dtype=np.float64)
    if given.shape != index.shape or not ((given >= 1) & (given == np.floor(given)) & np.isfinite(given)).all():
        raise RequestError(f"the multiplicity must be a whole number from 1 for each of the {len(index)} points")
    return np.bincount(index, weights=given, minlength=count).astype(np.int64)


def _found(
    algorithm: Algorithm,
    distinct: NDArray[np.float32],
    sizes: Sizes,
    rng: np.random.Generator,
    report: Callable[[str], None],
) -> Sequence[tuple[NDArray[np.int64], float | None]]:
    count = len(distinct)
    if algorithm == "evoc":
        report(f"EVoC on {count:,} vectors; its first use compiles it, which takes minutes")
        return evoc_layers(unit_vectors(distinct), *sizes, rng)
    if count > MOST_WITH_ALL_DISTANCES:
        raise RequestError(
            f"{algorithm} takes at most {MOST_WITH_ALL_DISTANCES:,} distinct vectors, there are {count:,}",
            hint="choose the algorithm evoc",
        )
    report(f"{algorithm.upper()} on the distances of {count:,} vectors")
    labels = hdbscan_labels if algorithm == "hdbscan" else optics_labels
    return [(labels(unit_vectors(distinct), *sizes), None)]


def _layer(
    labels: NDArray[np.int64],
    persistence: float | None,
    times: NDArray[np.int64],
    index: NDArray[np.int64],
    min_cluster_size: int,
) -> Layer:
    """From labels of the distinct vectors to those of all points."""
    alone = np.flatnonzero((labels < 0) & (times >= min_cluster_size))
    raw = labels.copy()
    raw[alone] = labels.max() + 1 + np.arange(len(alone))
    numbered = _by_size(raw, times)
    occupied = np.bincount(numbered + 1, weights=times) / times.sum()
    clusters = len(occupied) - 1
    outlier_share, largest = float(occupied[0]), float(occupied[1:].max(initial=0.0))
    cautions = layer_cautions(clusters, outlier_share, largest)
    return Layer(numbered[index], clusters, len(alone), outlier_share, persistence, cautions)


def _by_size(labels: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Clusters numbered from the one with the most occurrences on, ties by the row each of them begins with."""
    inside = labels >= 0
    names, first, of = np.unique(labels[inside], return_index=True, return_inverse=True)
    size = np.bincount(of, weights=times[inside], minlength=len(names))
    rank = np.empty(len(names), np.int64)
    rank[np.lexsort((first, -size))] = np.arange(len(names))
    numbered = np.full(len(labels), OUTLIER)
    numbered[inside] = rank[of]
    return numbered
