"""What the embed stage reads and writes: distinct outputs without a vector, and their vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.signature import Kind
from panic_tda.store.statements import insert_new
from panic_tda.store.tables import embeddings, failures, invocations, outputs, runs

if TYPE_CHECKING:
    from panic_tda.models.model import Vector

_INVOCATIONS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Measured:
    """One vector to store."""

    output_id: str
    vector: Vector


def count_outputs(connection: Connection, experiment_id: str, kind: Kind, model_version_id: str) -> tuple[int, int]:
    """(with a vector, all): the distinct outputs of a kind that an experiment made."""
    made = (
        sa.select(invocations.c.output_id)
        .distinct()
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .where(runs.c.experiment_id == experiment_id, outputs.c.kind == kind.value)
        .subquery()
    )
    measured = sa.and_(embeddings.c.output_id == made.c.output_id, embeddings.c.model_version_id == model_version_id)
    query = sa.select(sa.func.count(embeddings.c.output_id), sa.func.count()).select_from(
        made.outerjoin(embeddings, measured)
    )
    done, total = connection.execute(query).one()
    return int(done), int(total)


def groups_of_runs(connection: Connection, experiment_id: str) -> Iterator[list[str]]:
    """The run ids in groups of a few thousand invocations, so that work on one group stays small."""
    query = sa.select(runs.c.id, runs.c.length).where(runs.c.experiment_id == experiment_id).order_by(runs.c.id)
    group: list[str] = []
    size = 0
    for run_id, length in connection.execute(query).all():
        group.append(run_id)
        size += length
        if size >= _INVOCATIONS_AT_ONCE or len(group) >= 500:
            yield group
            group, size = [], 0
    if group:
        yield group


def outputs_without_vector(
    connection: Connection, run_ids: Sequence[str], kind: Kind, model_version_id: str, model: str
) -> list[str]:
    """The distinct outputs of these runs that still need a vector; those that failed before are left out.

    What failed in another experiment is tried again here, so that every experiment lists what it lacks.
    """
    measured = sa.and_(
        embeddings.c.output_id == invocations.c.output_id, embeddings.c.model_version_id == model_version_id
    )
    failed = sa.and_(
        failures.c.experiment_id == runs.c.experiment_id,
        failures.c.output_id == invocations.c.output_id,
        failures.c.stage == "embed",
        failures.c.model == model,
    )
    query = (
        sa.select(invocations.c.output_id)
        .distinct()
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .where(
            invocations.c.run_id.in_(run_ids),
            outputs.c.kind == kind.value,
            ~sa.exists().where(measured),
            ~sa.exists().where(failed),
        )
        .order_by(invocations.c.output_id)
    )
    return list(connection.execute(query).scalars())


def write_vectors(connection: Connection, measured: Sequence[Measured], model_version_id: str) -> None:
    """Stores vectors; those already there stay as they are."""
    now = datetime.now(UTC)
    rows = [
        {
            "output_id": item.output_id,
            "model_version_id": model_version_id,
            "vector": item.vector,
            "created_at": now,
        }
        for item in measured
    ]
    insert_new(connection, embeddings, rows)
