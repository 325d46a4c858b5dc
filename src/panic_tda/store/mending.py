"""Taking what is damaged out of the record, with all that was derived from it; performing then makes it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.clusterings import stored_clusterings
from panic_tda.store.integrity.damage import Damage
from panic_tda.store.progress import forget_stages
from panic_tda.store.tables import (
    clustering_results,
    embedding_clusters,
    embeddings,
    experiments,
    failures,
    invocations,
    lyapunov_results,
    metadata,
    outputs,
    persistence_diagrams,
    runs,
)


def mend(connection: Connection, damages: Sequence[Damage]) -> set[str]:
    """Deletes what is damaged; returns the experiments that are to be performed again.

    A run is cut at its first damaged step. A content that is not what its hash says goes with its vectors, and every
    run that made it is cut where it did. What is missing needs no deletion. Counters of the experiments are dropped,
    so that they are counted anew.
    """
    touched: set[str] = set()
    cuts: dict[str, int] = {}
    for damage in damages:
        touched.update(experiments_of(connection, damage))
        if damage.table == "outputs" and damage.kind == "content":
            _take_away_content(connection, damage.id, cuts)
        elif damage.run_id is not None and damage.step is not None:
            cuts[damage.run_id] = min(cuts.get(damage.run_id, damage.step), damage.step)
            if damage.kind == "duplicate":
                _delete(connection, damage)
        else:
            _delete(connection, damage)
    for run_id, step in cuts.items():
        touched.update(cut_run(connection, run_id, step))
    for key in touched:
        forget_stages(connection, key)
    reopen(connection, touched)
    return touched


def cut_run(connection: Connection, run_id: str, step: int) -> set[str]:
    """Deletes a run's invocations from ``step`` on, and what was derived from them; returns its experiment."""
    connection.execute(
        sa.delete(invocations).where(invocations.c.run_id == run_id, invocations.c.sequence_number >= step)
    )
    connection.execute(sa.delete(persistence_diagrams).where(persistence_diagrams.c.run_id == run_id))
    connection.execute(sa.delete(failures).where(failures.c.run_id == run_id))
    values = {"length": step, "stop_reason": None, "period": None}
    connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))
    row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).one_or_none()
    if row is None:
        return set()
    group = sa.and_(
        lyapunov_results.c.experiment_id == row.experiment_id, lyapunov_results.c.network_id == row.network_id
    )
    connection.execute(sa.delete(lyapunov_results).where(group, lyapunov_results.c.prompt_id == row.prompt_id))
    return {row.experiment_id}


def reopen(connection: Connection, keys: Iterable[str]) -> None:
    """Experiments with unfinished runs are not completed any more."""
    for key in keys:
        unfinished = sa.exists().where(runs.c.experiment_id == key, runs.c.stop_reason.is_(None))
        mine = sa.and_(experiments.c.id == key, experiments.c.status.in_(("completed", "failed")), unfinished)
        values = {"status": "interrupted", "completed_at": None}
        connection.execute(sa.update(experiments).where(mine).values(**values))


def experiments_of(connection: Connection, damage: Damage) -> set[str]:
    """The experiments that have to do with a damage."""
    if damage.experiment_id is not None:
        return {damage.experiment_id}
    table = metadata.tables[damage.table]
    if damage.run_id is not None:
        query = sa.select(runs.c.experiment_id).where(runs.c.id == damage.run_id)
    elif damage.key and "experiment_id" in table.c:
        query = sa.select(table.c.experiment_id).where(*_row(table, damage))
    elif damage.key and "run_id" in table.c:
        query = sa.select(runs.c.experiment_id).join(table, table.c.run_id == runs.c.id).where(*_row(table, damage))
    elif damage.table in ("embeddings", "outputs"):
        made = sa.select(invocations.c.run_id).where(invocations.c.output_id == damage.key[0])
        query = sa.select(runs.c.experiment_id).distinct().where(runs.c.id.in_(made))
    else:
        return set()
    return {key for key in connection.execute(query).scalars() if key is not None}


def _take_away_content(connection: Connection, output_id: str, cuts: dict[str, int]) -> None:
    """Marks every run that made the content for cutting, and deletes the content where no prompt needs it."""
    made = (
        sa.select(invocations.c.run_id, sa.func.min(invocations.c.sequence_number))
        .where(invocations.c.output_id == output_id)
        .group_by(invocations.c.run_id)
    )
    for run_id, step in connection.execute(made).all():
        cuts[run_id] = min(cuts.get(run_id, step), step)
        cut_run(connection, run_id, cuts[run_id])
    of_clusters = sa.select(embedding_clusters.c.clustering_result_id).where(
        sa.or_(embedding_clusters.c.output_id == output_id, embedding_clusters.c.medoid_output_id == output_id)
    )
    _delete_clusterings(connection, connection.execute(of_clusters).scalars().all())
    connection.execute(sa.delete(embeddings).where(embeddings.c.output_id == output_id))
    connection.execute(sa.delete(failures).where(failures.c.output_id == output_id))
    begins = sa.select(runs.c.prompt_id).where(runs.c.prompt_id == output_id)
    if connection.execute(begins.limit(1)).first() is None:
        connection.execute(sa.delete(outputs).where(outputs.c.id == output_id))


def _delete_clusterings(connection: Connection, keys: Iterable[str]) -> None:
    """A clustering is whole or not there: every layer goes with any of them."""
    wanted = set(keys)
    stored = stored_clusterings(connection) if wanted else []
    together = wanted.union(*(each.layers for each in stored if each.id in wanted))
    connection.execute(sa.delete(clustering_results).where(clustering_results.c.id.in_(together)))


def _delete(connection: Connection, damage: Damage) -> None:
    table = metadata.tables[damage.table]
    if not damage.key:
        return
    if table in (clustering_results, embedding_clusters):
        _delete_clusterings(connection, [str(damage.key[0])])
    connection.execute(sa.delete(table).where(*_row(table, damage)))


def _row(table: sa.Table, damage: Damage) -> list[sa.ColumnElement[bool]]:
    return [column == value for column, value in zip(table.primary_key.columns, damage.key, strict=True)]
