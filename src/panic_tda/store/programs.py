"""The table of programs: rows by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from panic_tda.errors import ProgramNotFound
from panic_tda.models.catalogue import close_names
from panic_tda.store.identifiers import new_id
from panic_tda.store.tables import programs


def write_program(connection: Connection, name: str, definition: Mapping[str, Any]) -> None:
    """Stores signature, strategy, model and parameters under a name, in place of what it had before."""
    row = {**definition, "created_at": datetime.now(UTC)}
    replaced = connection.execute(sa.update(programs).where(programs.c.name == name).values(**row))
    if not replaced.rowcount:
        connection.execute(sa.insert(programs), {"id": new_id(), "name": name, **row})


def find_program(connection: Connection, name: str) -> Row[Any]:
    """The row of that name; raises ``ProgramNotFound`` with the nearest names."""
    row = connection.execute(sa.select(programs).where(programs.c.name == name)).one_or_none()
    if row is None:
        near = close_names(name, [each.name for each in all_programs(connection)])
        hint = f"did you mean {' or '.join(near)}?" if near else "panic-tda program list shows every program"
        raise ProgramNotFound(f"there is no program {name!r}", hint=hint)
    return row


def all_programs(connection: Connection) -> Sequence[Row[Any]]:
    """Every row, by name."""
    return connection.execute(sa.select(programs).order_by(programs.c.name)).all()


def delete_program(connection: Connection, name: str) -> None:
    """Deletes the row of that name."""
    connection.execute(sa.delete(programs).where(programs.c.name == name))
