"""Reading what can be read of a damaged SQLite file into a new one, row by row.

The source is opened read-only and stays as it is. A damaged page takes the rows on it with it; what they referred to is
then for the doctor to find in the new database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from panic_tda.errors import RecordUnavailable, RequestError
from panic_tda.store.database import open_record
from panic_tda.store.tables import metadata

_RANGE = 4_096
_HINT = "a backup copy beside the file, or an export, is all that is left"


class Count(NamedTuple):
    """Rows of one table that were ``read``, and places in it that could not be (``lost``, at least so many rows)."""

    read: int
    lost: int


def salvage(source: Path, target: Path, *, report: Callable[[str], None] = lambda _: None) -> dict[str, Count]:
    """Copies every readable row of ``source`` into the new database ``target``; counts by table.

    Raises ``RequestError`` when the target exists or the source does not, ``RecordUnavailable`` when not even its
    schema can be read.
    """
    if target.exists():
        raise RequestError(f"{target} exists already", hint="name a new file")
    if not source.is_file():
        raise RequestError(f"there is no SQLite file {source}")
    with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old:
        tables = _tables(old, source)
        open_record(target).close()
        with closing(sqlite3.connect(target)) as new:
            new.execute("PRAGMA foreign_keys=OFF")
            copied = {}
            for table in metadata.sorted_tables:
                if table.name in tables:
                    report(f"reading {table.name}")
                    copied[table.name] = _copy(old, new, table.name, tables[table.name])
            new.commit()
    return copied


def _tables(old: sqlite3.Connection, source: Path) -> dict[str, list[str]]:
    try:
        names = [row[0] for row in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [row[1] for row in old.execute(f'PRAGMA table_info("{name}")')] for name in names}
    except sqlite3.DatabaseError as fault:
        raise RecordUnavailable(f"{source}: not even its list of tables can be read: {fault}", hint=_HINT) from fault


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str, there: Sequence[str]) -> Count:
    known = [column.name for column in metadata.tables[table].columns if column.name in there]
    names, marks = ", ".join(f'"{name}"' for name in known), ", ".join("?" * len(known))
    lost = _Lost()
    read = 0
    for rows in _pieces(old, table, names, lost):
        # A row that breaks a rule of the schema, because damage made a value NULL, is as good as lost.
        before = new.total_changes
        new.executemany(f'INSERT OR IGNORE INTO "{table}" ({names}) VALUES ({marks})', rows)
        kept = new.total_changes - before
        read += kept
        lost.places += len(rows) - kept
    return Count(read, lost.places)


class _Lost:
    """How many places could not be read."""

    places = 0


def _pieces(old: sqlite3.Connection, table: str, names: str, lost: _Lost) -> Iterator[list[Any]]:
    """The rows in ranges of rowids; a range that cannot be read is halved until the damage is alone."""
    last = _last_rowid(old, table)
    ranges = [(start, min(start + _RANGE - 1, last)) for start in range(1, last + 1, _RANGE)]
    ranges.reverse()
    while ranges:
        low, high = ranges.pop()
        try:
            query = f'SELECT {names} FROM "{table}" WHERE rowid BETWEEN ? AND ?'
            yield old.execute(query, (low, high)).fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError, OverflowError):
            if low == high:
                lost.places += 1
            else:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]


def _last_rowid(old: sqlite3.Connection, table: str) -> int:
    """The greatest rowid; where the end of the table cannot be read, a generous guess by doubling."""
    try:
        return int(old.execute(f'SELECT max(rowid) FROM "{table}"').fetchone()[0] or 0)
    except sqlite3.DatabaseError:
        return _furthest_readable(old, table)


def _furthest_readable(old: sqlite3.Connection, table: str) -> int:
    last, power = 0, 1
    while power <= 2**40:
        try:
            row = old.execute(f'SELECT rowid FROM "{table}" WHERE rowid >= ? LIMIT 1', (power,)).fetchone()
        except sqlite3.DatabaseError:
            row = (power,)
        if row is None:
            break
        last, power = max(last, int(row[0])), power * 2
    return min(last * 2, last + 1_000_000)
