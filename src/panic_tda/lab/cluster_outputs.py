"""Clusters of outputs from their vectors, with a medoid for each; nothing is read from a record, or stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from panic_tda.analysis.clustering import (
    MOST_WITH_ALL_DISTANCES,
    Algorithm,
    Clustering,
    Sizes,
    cluster,
    default_algorithm,
)
from panic_tda.analysis.hdbscan import BYTES_FOR_EACH_PAIR
from panic_tda.analysis.medoids import medoids
from panic_tda.analysis.unit_vectors import unit_vectors
from panic_tda.errors import InsufficientMemory, RequestError
from panic_tda.lab.progress import Progress, ignore_progress
from panic_tda.lab.workbench import ignore_warning
from panic_tda.runtime.residency import available_memory
from panic_tda.store.vectors import Vectors


@dataclass(frozen=True, slots=True)
class ClusterRequest:
    """What to cluster and how.

    ``embedder`` is ``NAME`` or ``NAME@VERSION``; no ``experiment_ids`` (full ids) stand for everything in the record.
    Without an ``algorithm`` it is HDBSCAN as far as all distances fit into memory, else EVoC. ``seed`` is EVoC's.
    """

    embedder: str
    experiment_ids: tuple[str, ...] = ()
    algorithm: Algorithm | None = None
    sizes: Sizes = field(default_factory=Sizes)
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ClusteredOutputs:
    """A clustering of outputs; ``medoids[layer][number]`` is the output id of a cluster's medoid."""

    clustering: Clustering
    medoids: tuple[tuple[str, ...], ...]
    cautions: tuple[str, ...]


def cluster_outputs(
    vectors: Vectors,
    request: ClusterRequest,
    *,
    progress: Callable[[Progress], None] = ignore_progress,
    say: Callable[[str], None] = ignore_warning,
) -> ClusteredOutputs:
    """Clusters vectors as a request says, and stores nothing; a vector counts as often as its output was made.

    Raises ``RequestError`` when there are none and for what ``cluster`` refuses, ``InsufficientMemory`` for distances
    that do not fit, and ``PrerequisiteError`` without EVoC.
    """
    if not vectors.output_ids:
        raise RequestError(f"no output of these experiments has a vector of {request.embedder}")
    count = counting(progress, "cluster")
    count(0, 1)
    clustering = cluster(
        vectors.points,
        np.random.default_rng(request.seed),
        algorithm=_affordable(request.algorithm, len(vectors.output_ids)),
        sizes=request.sizes,
        multiplicity=vectors.visits,
        report=say,
    )
    count(1, 1)
    keys, cautions = _medoids(vectors, clustering, counting(progress, "medoids"))
    return ClusteredOutputs(clustering, keys, (*clustering.cautions, *cautions))


def _affordable(algorithm: Algorithm | None, outputs: int) -> Algorithm:
    """The algorithm asked for, or the one to take; raises ``InsufficientMemory`` for distances that do not fit."""
    chosen = algorithm or default_algorithm(outputs)
    needed = min(outputs, MOST_WITH_ALL_DISTANCES) ** 2 * BYTES_FOR_EACH_PAIR
    budget = available_memory()
    if chosen == "evoc" or needed <= budget:
        return chosen
    if algorithm is None:
        return "evoc"
    raise InsufficientMemory(
        f"{algorithm} of {outputs:,} outputs takes {needed / 2**30:.1f} GiB, of which this machine has "
        f"{budget / 2**30:.1f} to give",
        hint="choose the algorithm evoc",
    )


def _medoids(
    vectors: Vectors, clustering: Clustering, count: Callable[[int, int], None]
) -> tuple[tuple[tuple[str, ...], ...], list[str]]:
    """The medoids of each layer, and what is to be said about them."""
    units, total = unit_vectors(vectors.points), len(clustering.layers)
    keys, cautions = [], []
    for number, layer in enumerate(clustering.layers):
        count(number, total)
        found = medoids(units, layer.labels, multiplicity=vectors.visits)
        keys.append(tuple(vectors.output_ids[row] for row in found.rows))
        cautions += [f"layer {number}: {caution}" for caution in found.cautions]
    count(total, total)
    return tuple(keys), cautions


def counting(progress: Callable[[Progress], None], stage: str) -> Callable[[int, int], None]:
    """Reports (done, total) of a stage."""
    return lambda done, total: progress(Progress(stage, done, total))
