"""Clusterings of the record's outputs: load, compute, store; and the clusters that fit a question.

Loading, computing and storing are apart: a reading transaction, none, and a short writing one that takes the place of
an earlier result. Interrupted before that one, nothing has changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from panic_tda.analysis.clustering import OUTLIER, Clustering, Sizes, layer_cautions
from panic_tda.analysis.evoc import require_evoc
from panic_tda.lab.cluster_outputs import ClusteredOutputs, ClusterRequest, cluster_outputs, counting
from panic_tda.lab.progress import Progress, ignore_progress
from panic_tda.lab.workbench import ignore_warning
from panic_tda.store.cluster_members import clusters_of, covers, visits_of_outputs
from panic_tda.store.clusterings import (
    Identity,
    Made,
    StoredClustering,
    StoredLayer,
    stored_clusterings,
    write_clustering,
)
from panic_tda.store.database import Record
from panic_tda.store.vectors import Vectors, embedder_version, load_vectors

_LIBRARIES: dict[str, str] = {"hdbscan": "scikit-learn", "optics": "scikit-learn", "evoc": "evoc"}


class OutputClusters(NamedTuple):
    """Which cluster each output is in.

    ``labels``: by output id, −1 for an outlier; ``medoids``: an output id for each cluster; ``outlier_share`` of all
    invocations whose output has a vector. ``stored`` is the id of the layer in the record, None when it was computed
    for the question and stored nowhere.
    """

    labels: dict[str, int]
    medoids: dict[int, str]
    algorithm: str
    parameters: dict[str, Any]
    outlier_share: float
    stored: str | None
    cautions: tuple[str, ...]


def compute_clustering(
    record: Record,
    request: ClusterRequest,
    *,
    progress: Callable[[Progress], None] = ignore_progress,
    say: Callable[[str], None] = ignore_warning,
) -> list[StoredClustering]:
    """Clusters the outputs that a request names, and stores every layer; the stored layers, the finest first.

    ``progress`` is called on this thread; ``say`` is told what takes long, and cautions. Raises ``RequestError`` for an
    embedder that measured nothing and for what ``cluster`` refuses, ``InsufficientMemory``, ``PrerequisiteError``
    without EVoC, and ``RecordError`` when outputs are deleted meanwhile.
    """
    if request.algorithm == "evoc":
        require_evoc()
    started = datetime.now(UTC)
    with record.reading() as connection:
        embedder = embedder_version(connection, request.embedder, request.experiment_ids)
        vectors = load_vectors(connection, embedder.id, request.experiment_ids, report=counting(progress, "load"))
    found = cluster_outputs(vectors, request, progress=progress, say=say)
    for caution in found.cautions:
        say(caution)
    made = found.clustering
    layers = [
        StoredLayer(layer.labels, keys, layer.persistence)
        for layer, keys in zip(made.layers, found.medoids, strict=True)
    ]
    identity = Identity(embedder.id, request.experiment_ids, made.algorithm, _parameters(made, request.seed))
    count = counting(progress, "store")
    count(0, 1)
    with record.writing() as connection:
        by_whom = Made(_library(made.algorithm), started, datetime.now(UTC))
        keys = write_clustering(connection, identity, vectors.output_ids, layers, by_whom)
        stored = {each.id: each for each in stored_clusterings(connection)}
    count(1, 1)
    return [stored[key] for key in keys]


def fitting_clusters(
    record: Record,
    experiment_ids: Sequence[str],
    embedder: str,
    *,
    sizes: Sizes | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] = ignore_progress,
    say: Callable[[str], None] = ignore_warning,
) -> OutputClusters:
    """The clusters of these experiments' outputs (full ids): the stored ones that fit, or else computed.

    A stored clustering fits when it is of these experiments alone, or else of everything, under the embedder's
    version, and holds every output that has a vector; of several it is the most persistent layer of the one stored
    last. With ``sizes`` it must have been made with them. Raises what ``compute_clustering`` does.
    """
    if (stored := stored_clusters(record, experiment_ids, embedder, sizes=sizes)) is not None:
        return stored
    with record.reading() as connection:
        version = embedder_version(connection, embedder, experiment_ids)
        vectors = load_vectors(connection, version.id, experiment_ids)
    request = ClusterRequest(embedder, tuple(experiment_ids), sizes=sizes or Sizes(), seed=seed)
    return _of_computed(vectors, cluster_outputs(vectors, request, progress=progress, say=say), seed)


def stored_clusters(
    record: Record, experiment_ids: Sequence[str], embedder: str, *, sizes: Sizes | None = None
) -> OutputClusters | None:
    """The stored clusters that fit, or None; a medoid may be an output of another experiment."""
    with record.reading() as connection:
        version = embedder_version(connection, embedder, experiment_ids)
        for stored in _candidates(connection, version.id, experiment_ids, sizes):
            if covers(connection, stored, experiment_ids):
                return _of_stored(connection, stored, experiment_ids)
    return None


def _candidates(
    connection: Connection, model_version_id: str, experiment_ids: Sequence[str], sizes: Sizes | None
) -> list[StoredClustering]:
    """Those of exactly these experiments, then those of everything; the last stored of each first."""
    wanted = {} if sizes is None else sizes._asdict()
    usable = [
        each
        for each in stored_clusterings(connection)
        if each.most_persistent and each.embedder.id == model_version_id and wanted.items() <= each.parameters.items()
    ]
    own = [each for each in usable if set(each.experiment_ids) == set(experiment_ids)]
    return own + [each for each in usable if not each.experiment_ids]


def _of_stored(connection: Connection, stored: StoredClustering, experiment_ids: Sequence[str]) -> OutputClusters:
    visits = visits_of_outputs(connection, stored, experiment_ids)
    labels = {output_id: number for output_id, number, _ in visits}
    times: Counter[int] = Counter()
    for _, number, count in visits:
        times[number] += count
    total, outliers = max(1, times.total()), times.pop(OUTLIER, 0)
    medoids = {
        each.cluster: each.medoid for each in clusters_of(connection, stored) if each.medoid and times[each.cluster]
    }
    cautions = layer_cautions(len(times), outliers / total, max(times.values(), default=0) / total)
    return OutputClusters(labels, medoids, stored.algorithm, stored.parameters, outliers / total, stored.id, cautions)


def _of_computed(vectors: Vectors, found: ClusteredOutputs, seed: int) -> OutputClusters:
    best = found.clustering.best
    return OutputClusters(
        labels=dict(zip(vectors.output_ids, best.labels.tolist(), strict=True)),
        medoids=dict(enumerate(found.medoids[found.clustering.most_persistent])),
        algorithm=found.clustering.algorithm,
        parameters=_parameters(found.clustering, seed),
        outlier_share=best.outlier_share,
        stored=None,
        cautions=(*found.cautions, *best.cautions),
    )


def _parameters(clustering: Clustering, seed: int) -> dict[str, Any]:
    """What, beside the algorithm's name, tells this clustering from another of the same vectors."""
    drawn = {"seed": seed} if clustering.algorithm == "evoc" else {}
    return {**clustering.sizes._asdict(), **drawn}


def _library(algorithm: str) -> str:
    """Name and version of what clustered, ``evoc 0.3.2``."""
    name = _LIBRARIES[algorithm]
    return f"{name} {metadata.version(name)}"
