"""Calls that were repeated with the same seeds because the worker that ran them was lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.identifiers import new_id
from panic_tda.store.statements import storable
from panic_tda.store.tables import retries


class Retry(NamedTuple):
    """One repetition of a call with so many items, and the fault before it."""

    experiment_id: str
    stage: str
    model: str
    items: int
    error: str
    message: str


def write_retries(connection: Connection, found: Sequence[Retry]) -> None:
    """Records repetitions."""
    now = datetime.now(UTC)
    rows = [
        retry._asdict() | {"id": new_id(), "message": storable(retry.message), "occurred_at": now} for retry in found
    ]
    if rows:
        connection.execute(sa.insert(retries), rows)


def counted_retries(connection: Connection, experiment_id: str) -> list[dict[str, Any]]:
    """How often calls were repeated, by stage, model and error."""
    key = (retries.c.stage, retries.c.model, retries.c.error)
    query = sa.select(*key, sa.func.count().label("count")).where(retries.c.experiment_id == experiment_id)
    return [dict(row) for row in connection.execute(query.group_by(*key).order_by(*key)).mappings()]
