"""What the embed stage reads and writes: distinct outputs without a vector, and their vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.content import Text
from panic_tda.signature import Kind
from panic_tda.store.outputs import decode_text
from panic_tda.store.statements import insert_new
from panic_tda.store.tables import embeddings, failures, invocations, outputs, runs

if TYPE_CHECKING:
    from panic_tda.models.model import Vector

_INVOCATIONS_AT_ONCE = 5_000


class Measured(NamedTuple):
    """One vector to store."""

    output_id: str
    vector: Vector


class Unmeasured(NamedTuple):
    """An output that needs a vector: a text with its content, an image without."""

    output_id: str
    text: Text | None


def count_outputs(connection: Connection, experiment_id: str, kind: Kind, model_version_id: str) -> tuple[int, int]:
    """(with a vector, all): the distinct outputs of a kind that an experiment made."""
    made = (
        sa.select(invocations.c.output_id)
        .join(runs, runs.c.id == invocations.c.run_id)
        .where(runs.c.experiment_id == experiment_id)
    )
    measured = sa.and_(embeddings.c.output_id == outputs.c.id, embeddings.c.model_version_id == model_version_id)
    query = (
        sa.select(sa.func.count(embeddings.c.output_id), sa.func.count())
        .select_from(outputs.outerjoin(embeddings, measured))
        .where(outputs.c.id.in_(made), outputs.c.kind == kind.value)
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
    connection: Connection,
    run_ids: Sequence[str],
    kind: Kind,
    model_version_id: str,
    model: str,
    *,
    after: str = "",
    limit: int | None = None,
) -> list[Unmeasured]:
    """The distinct outputs of these runs that still need a vector, by id; those that failed before are left out.

    ``after`` and ``limit`` turn pages. What failed in another experiment is tried again here, so that every
    experiment lists what it lacks. Raises ``RecordError`` for a text that is not what was stored.
    """
    made = sa.select(invocations.c.output_id).where(invocations.c.run_id.in_(run_ids), invocations.c.output_id > after)
    measured = sa.and_(embeddings.c.output_id == outputs.c.id, embeddings.c.model_version_id == model_version_id)
    failed = sa.and_(
        failures.c.experiment_id.in_(sa.select(runs.c.experiment_id).where(runs.c.id.in_(run_ids))),
        failures.c.output_id == outputs.c.id,
        failures.c.stage == "embed",
        failures.c.model == model,
    )
    query = (
        sa.select(outputs.c.id, outputs.c.text)
        .where(
            outputs.c.id.in_(made),
            outputs.c.kind == kind.value,
            ~sa.exists().where(measured),
            ~sa.exists().where(failed),
        )
        .order_by(outputs.c.id)
        .limit(limit)
    )
    rows = connection.execute(query)
    return [Unmeasured(key, None if kind is Kind.IMAGE else decode_text(key, text)) for key, text in rows]


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
