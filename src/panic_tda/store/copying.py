"""Copying experiments from one record into another, whatever databases they are.

Each experiment is copied in one transaction with everything it refers to: outputs, vectors, model versions, diagrams,
failures, results, its own clusterings and the stored programs of the names it uses, with their ids and timestamps. What
the target holds of it is replaced, so copying again changes nothing, and copying an experiment that has grown brings
the copy up to date. Only a program that the target has under the same name stays as it is there: the definitions that
the experiment was begun with are in its configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.database import Record
from panic_tda.store.performers import refuse_if_busy, status_of
from panic_tda.store.statements import insert_new
from panic_tda.store.tables import (
    clustering_results,
    embedding_clusters,
    embeddings,
    experiments,
    failures,
    invocations,
    lyapunov_results,
    model_versions,
    outputs,
    persistence_diagrams,
    programs,
    retries,
    runs,
    stage_progress,
    twins,
)
from panic_tda.store.types import FloatVector

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Copied:
    """Rows copied for one experiment, by table."""

    experiment_id: str
    rows: dict[str, int]


def copy_experiments(
    source: Record,
    target: Record,
    experiment_ids: Sequence[str],
    *,
    report: Callable[[str], None] = lambda _: None,
) -> list[Copied]:
    """Copies experiments (full ids) from ``source`` into ``target``.

    Raises ``RecordBusy`` when the target's copy is being performed; experiments copied before stay.
    """
    copied = []
    for key in experiment_ids:
        with source.reading() as reading, target.writing() as writing:
            copied.append(_copy(reading, writing, key, report))
    return copied


def _copy(source: Connection, target: Connection, key: str, report: Callable[[str], None]) -> Copied:
    there = target.execute(sa.select(experiments).where(experiments.c.id == key)).one_or_none()
    if there is not None:
        refuse_if_busy(target, there)
        target.execute(sa.delete(clustering_results).where(clustering_results.c.experiment_id == key))
        target.execute(sa.delete(experiments).where(experiments.c.id == key))
    versions = _copy_versions(source, target, key)
    counts: dict[str, int] = {}
    for table, query in (*_queries(key), _programs(source, key)):
        report(f"experiment {key}: {table.name}")
        counts[table.name] = 0
        for rows in _rows(source, query):
            for row in rows:
                if "model_version_id" in row:
                    row["model_version_id"] = versions[row["model_version_id"]]
            if table is experiments:
                rows = [_at_rest(source, row) for row in rows]
            insert_new(target, table, rows)
            counts[table.name] += len(rows)
    return Copied(key, counts)


def _at_rest(source: Connection, row: dict[str, Any]) -> dict[str, Any]:
    """The copy is performed by nobody, whoever performs the original."""
    original = source.execute(sa.select(experiments).where(experiments.c.id == row["id"])).one()
    status = status_of(source, original)
    return row | {"status": "interrupted" if status == "running" else status}


def _copy_versions(source: Connection, target: Connection, key: str) -> dict[str, str]:
    """For each model version of the source its id in the target, where the same version may have another."""
    used = _used_versions(key)
    known = {(row.name, row.version): row.id for row in target.execute(sa.select(model_versions))}
    ids: dict[str, str] = {}
    for row in source.execute(sa.select(model_versions).where(model_versions.c.id.in_(used)).order_by("id")).mappings():
        name = (row["name"], row["version"])
        if name not in known:
            insert_new(target, model_versions, [dict(row)])
            known[name] = row["id"]
        ids[row["id"]] = known[name]
    return ids


def _mine(key: str) -> sa.Select[Any]:
    return sa.select(runs.c.id).where(runs.c.experiment_id == key)


def _contents(key: str) -> sa.CompoundSelect[Any]:
    """Keys of every output an experiment began with, took or made."""
    made = invocations.c.run_id.in_(_mine(key))
    return sa.union(
        sa.select(runs.c.prompt_id).where(runs.c.experiment_id == key),
        sa.select(invocations.c.input_id).where(made),
        sa.select(invocations.c.output_id).where(made),
    )


def _used_versions(key: str) -> sa.CompoundSelect[Any]:
    return sa.union(
        sa.select(invocations.c.model_version_id).where(invocations.c.run_id.in_(_mine(key))),
        sa.select(embeddings.c.model_version_id).where(embeddings.c.output_id.in_(_contents(key))),
        sa.select(persistence_diagrams.c.model_version_id).where(persistence_diagrams.c.run_id.in_(_mine(key))),
        sa.select(lyapunov_results.c.model_version_id).where(lyapunov_results.c.experiment_id == key),
        sa.select(clustering_results.c.model_version_id).where(clustering_results.c.experiment_id == key),
    )


def _queries(key: str) -> Iterator[tuple[sa.Table, sa.Select[Any]]]:
    """Every table with the rows to copy, parents before children."""
    own_clusterings = sa.select(clustering_results.c.id).where(clustering_results.c.experiment_id == key)
    wanted: list[tuple[sa.Table, sa.ColumnElement[bool]]] = [
        (outputs, outputs.c.id.in_(_contents(key))),
        (experiments, experiments.c.id == key),
        (runs, runs.c.experiment_id == key),
        (twins, twins.c.run_id.in_(_mine(key))),
        (invocations, invocations.c.run_id.in_(_mine(key))),
        (_VECTORS, _VECTORS.c.output_id.in_(_contents(key))),
        (persistence_diagrams, persistence_diagrams.c.run_id.in_(_mine(key))),
        (lyapunov_results, lyapunov_results.c.experiment_id == key),
        (clustering_results, clustering_results.c.experiment_id == key),
        (embedding_clusters, embedding_clusters.c.clustering_result_id.in_(own_clusterings)),
        (failures, failures.c.experiment_id == key),
        (retries, retries.c.experiment_id == key),
        (stage_progress, stage_progress.c.experiment_id == key),
    ]
    for table, test in wanted:
        yield table, sa.select(table).where(test)


def _programs(source: Connection, key: str) -> tuple[sa.Table, sa.Select[Any]]:
    config = source.execute(sa.select(experiments.c.config).where(experiments.c.id == key)).scalar_one()
    return programs, sa.select(programs).where(programs.c.name.in_(config.get("programs") or {}))


def _rows(source: Connection, query: sa.Select[Any]) -> Iterator[list[dict[str, Any]]]:
    streaming = source.execution_options(yield_per=_ROWS_AT_ONCE)
    for piece in streaming.execute(query).mappings().partitions():
        yield [dict(row) for row in piece]


def _with_bytes(table: sa.Table) -> sa.Table:
    """The table as it is stored: vectors are copied as bytes and not through arrays."""
    copy = table.to_metadata(sa.MetaData())
    for column in copy.columns:
        if isinstance(column.type, FloatVector):
            column.type = sa.LargeBinary()
    return copy


_VECTORS = _with_bytes(embeddings)
