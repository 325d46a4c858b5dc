"""Statements both databases understand, where SQLAlchemy needs to be told which one it speaks to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

CHUNK = 500
"""How many keys go into one IN list, far below any database's limit."""

T = TypeVar("T")


def insert_new(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts the rows whose keys are not there yet, in the order of their primary keys.

    In PostgreSQL, two processes that insert the same keys wait for each other; in one order, never in a circle.
    """
    if rows:
        keys = [column.name for column in table.primary_key]
        ordered = sorted(rows, key=lambda row: [row[key] for key in keys])
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), ordered)


def replace_row(connection: Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Inserts the row, or updates the one with the same primary key."""
    keys = [column.name for column in table.primary_key]
    values = {name: value for name, value in row.items() if name not in keys}
    statement = _insert(connection, table).values(**row).on_conflict_do_update(index_elements=keys, set_=values)
    connection.execute(statement)


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The items in consecutive pieces."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _insert(connection: Connection, table: sa.Table) -> Any:
    """The dialect's own INSERT; only the dialect in use is imported, since either costs a command its start."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def storable(message: str) -> str:
    """A message that came from anywhere, without the characters that databases refuse."""
    return message.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\N{REPLACEMENT CHARACTER}")
