"""Clusterings whose rows contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.clusterings import stored_clusterings
from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.tables import clustering_results, embedding_clusters


def clusters(connection: Connection, scope: Scope) -> Iterator[Damage]:
    """What is wrong with each clustering; those of several experiments are looked at with the whole record.

    A layer has members; every cluster of it has one medoid, a member of its own, and the outliers, number −1, have
    none; the layers of one clustering have the same members.
    """
    mine = scope.of_experiments(clustering_results.c.experiment_id)
    for (result,) in connection.execute(_without_members().where(mine)):
        yield _damage("missing", result, "it has no members")
    for result, cluster in connection.execute(_misnumbered().where(mine)):
        yield _damage("content", result, f"cluster {cluster} has a medoid and must not, or has none and must")
    for result, cluster in connection.execute(_several_medoids().where(mine)):
        yield _damage("content", result, f"cluster {cluster} has several medoids")
    for result, cluster in connection.execute(_medoids_elsewhere().where(mine)):
        yield _damage("chaining", result, f"the medoid of cluster {cluster} is not one of its members")
    yield from _uneven_layers(connection, scope)


def _without_members() -> sa.Select[Any]:
    there = sa.exists().where(embedding_clusters.c.clustering_result_id == clustering_results.c.id)
    return sa.select(clustering_results.c.id).where(~there).order_by(clustering_results.c.id)


def _rows() -> sa.Select[Any]:
    columns = (embedding_clusters.c.clustering_result_id, embedding_clusters.c.cluster)
    results = clustering_results.c.id == embedding_clusters.c.clustering_result_id
    return sa.select(*columns).join(clustering_results, results).order_by(*columns)


def _misnumbered() -> sa.Select[Any]:
    number, medoid = embedding_clusters.c.cluster, embedding_clusters.c.medoid_output_id
    wrong = sa.or_(number < -1, sa.and_(number >= 0, medoid.is_(None)), sa.and_(number < 0, medoid.is_not(None)))
    return _rows().where(wrong).distinct()


def _several_medoids() -> sa.Select[Any]:
    columns = (embedding_clusters.c.clustering_result_id, embedding_clusters.c.cluster)
    number = sa.func.count(sa.distinct(embedding_clusters.c.medoid_output_id))
    return _rows().group_by(*columns).having(number > 1)


def _medoids_elsewhere() -> sa.Select[Any]:
    member = embedding_clusters.alias()
    same = sa.and_(
        member.c.clustering_result_id == embedding_clusters.c.clustering_result_id,
        member.c.output_id == embedding_clusters.c.medoid_output_id,
        member.c.cluster == embedding_clusters.c.cluster,
    )
    alone = embedding_clusters.c.medoid_output_id.is_not(None) & member.c.output_id.is_(None)
    return _rows().outerjoin(member, same).where(alone).distinct()


def _uneven_layers(connection: Connection, scope: Scope) -> Iterator[Damage]:
    """Layers that have fewer members than another one of their clustering."""
    table = embedding_clusters
    query = sa.select(table.c.clustering_result_id, sa.func.count()).group_by(table.c.clustering_result_id)
    sizes = {row[0]: int(row[1]) for row in connection.execute(query)}
    for stored in stored_clusterings(connection):
        looked_at = scope.experiment_ids is None or set(stored.experiment_ids[:1]) <= set(scope.experiment_ids)
        most = max(sizes.get(layer, 0) for layer in stored.layers)
        if looked_at and 0 < sizes.get(stored.id, 0) < most:
            detail = f"it has {sizes[stored.id]:,} members, another layer of the same clustering {most:,}"
            yield _damage("missing", stored.id, detail)


def _damage(kind: str, result: str, detail: str) -> Damage:
    return Damage(kind, clustering_results.name, result, f"clustering {result}: {detail}", key=(result,))
