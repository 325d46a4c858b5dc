"""What is in the clusters of a stored layer: sizes, medoids, and the cluster of each invocation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.clusterings import StoredClustering
from panic_tda.store.database import Record
from panic_tda.store.frames import schema
from panic_tda.store.statements import chunks
from panic_tda.store.tables import embedding_clusters, embeddings, invocations, outputs, runs

if TYPE_CHECKING:
    import polars as pl

_LABELS = {"run_id": "String", "sequence_number": "Int64", "output_id": "String", "cluster": "Int64"}


class Members(NamedTuple):
    """A cluster, or the outliers as number −1: its ``outputs``, the ``visits`` that made them, and its medoid."""

    cluster: int
    outputs: int
    visits: int
    medoid: str | None
    medoid_kind: str | None
    medoid_text: str | None


class Counts(NamedTuple):
    """What a layer holds: clusters, outputs, and those of them that are outliers."""

    clusters: int
    outputs: int
    outliers: int


def count_members(connection: Connection, stored: Sequence[StoredClustering]) -> dict[str, Counts]:
    """The counts of some layers by id."""
    table = embedding_clusters
    outlier = table.c.cluster < 0
    counts = sa.select(
        table.c.clustering_result_id,
        sa.func.count(sa.distinct(sa.case((outlier, None), else_=table.c.cluster))),
        sa.func.count(),
        sa.func.sum(sa.case((outlier, 1), else_=0)),
    ).group_by(table.c.clustering_result_id)
    found = {each.id: Counts(0, 0, 0) for each in stored}
    for keys in chunks(list(found)):
        rows = connection.execute(counts.where(table.c.clustering_result_id.in_(keys)))
        found |= {key: Counts(clusters, members, int(outliers)) for key, clusters, members, outliers in rows}
    return found


def clusters_of(connection: Connection, stored: StoredClustering) -> list[Members]:
    """The clusters of a layer by number, the outliers first where there are any."""
    table = embedding_clusters
    mine = table.c.clustering_result_id == stored.id
    query = (
        sa.select(table.c.cluster, sa.func.count(), sa.func.min(table.c.medoid_output_id))
        .where(mine)
        .group_by(table.c.cluster)
        .order_by(table.c.cluster)
    )
    found = connection.execute(query).all()
    visits = _visits(connection, stored)
    medoids = sa.select(outputs.c.id, outputs.c.kind, outputs.c.text).where(
        outputs.c.id.in_(sa.select(table.c.medoid_output_id).where(mine))
    )
    known = {row.id: (row.kind, row.text) for row in connection.execute(medoids)}
    return [
        Members(cluster, size, visits.get(cluster, 0), medoid, *known.get(medoid, (None, None)))
        for cluster, size, medoid in found
    ]


def _visits(connection: Connection, stored: StoredClustering) -> dict[int, int]:
    """How many invocations, of the experiments that were clustered, made an output of each cluster."""
    table = embedding_clusters
    columns = (table.c.cluster, sa.func.count().label("visits"))
    query = sa.select(*columns).join(invocations, invocations.c.output_id == table.c.output_id)
    if stored.experiment_ids:
        query = query.join(runs, runs.c.id == invocations.c.run_id)
        query = query.where(runs.c.experiment_id.in_(stored.experiment_ids))
    query = query.where(table.c.clustering_result_id == stored.id).group_by(table.c.cluster)
    return {row.cluster: row.visits for row in connection.execute(query)}


def covers(connection: Connection, stored: StoredClustering, experiment_ids: Sequence[str]) -> bool:
    """Whether every output of these experiments that has a vector of the embedder is in the layer."""
    missing = _labels_query(stored, experiment_ids).where(embedding_clusters.c.cluster.is_(None)).limit(1)
    return connection.execute(missing).first() is None


def visits_of_outputs(
    connection: Connection, stored: StoredClustering, experiment_ids: Sequence[str]
) -> list[tuple[str, int, int]]:
    """(output id, cluster, invocations of these experiments that made it) of each of their outputs in the layer."""
    labels = _labels_query(stored, experiment_ids).where(embedding_clusters.c.cluster.is_not(None)).subquery()
    columns = (labels.c.output_id, labels.c.cluster)
    query = sa.select(*columns, sa.func.count()).group_by(*columns).order_by(labels.c.output_id)
    return [(output_id, cluster, count) for output_id, cluster, count in connection.execute(query)]


def labels_frame(record: Record, stored: StoredClustering, experiment_ids: Sequence[str]) -> pl.DataFrame:
    """Columns run_id, sequence_number, output_id, cluster: one row for each invocation of these experiments whose
    output has a vector of the embedder, in run and sequence order.

    ``cluster`` is −1 for an outlier, and null for an output that was measured after it was clustered.
    """
    import polars as pl

    query = _labels_query(stored, experiment_ids).order_by(invocations.c.run_id, invocations.c.sequence_number)
    with record.reading() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    return pl.DataFrame(rows, schema=schema(_LABELS), orient="row")


def _labels_query(stored: StoredClustering, experiment_ids: Sequence[str]) -> sa.Select[Any]:
    measured = sa.and_(
        embeddings.c.output_id == invocations.c.output_id, embeddings.c.model_version_id == stored.embedder.id
    )
    labelled = sa.and_(
        embedding_clusters.c.output_id == invocations.c.output_id,
        embedding_clusters.c.clustering_result_id == stored.id,
    )
    columns = (invocations.c.run_id, invocations.c.sequence_number, invocations.c.output_id)
    return (
        sa.select(*columns, embedding_clusters.c.cluster)
        .select_from(invocations)
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(embeddings, measured)
        .outerjoin(embedding_clusters, labelled)
        .where(runs.c.experiment_id.in_(experiment_ids))
    )
