"""Importing in tests, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from panic_tda.lab.doctor import examine
from panic_tda.lab.import_source import import_source
from panic_tda.store.database import Record
from panic_tda.store.importing.tally import as_json
from panic_tda.store.tables import metadata
from support.laboratory import bench_on

NOTHING = {"found": 0, "imported": 0, "present": 0, "refused": 0}


def imported(source: Path, record: Record, **options: Any) -> dict[str, Any]:
    """Imports, and gives the shape of ``import --json``."""
    with import_source(source, record, **options) as tally:
        return as_json(tally)


def reasons(result: dict[str, Any], table: str) -> dict[str, str]:
    """Why rows of a table were refused, by id."""
    return {row["id"]: row["reason"] for row in result["refused"] if row["table"] == table}


def everything(record: Record) -> dict[str, list[tuple[str, ...]]]:
    """Every row of every table, vectors as bytes."""
    found = {}
    with record.reading() as connection:
        for table in metadata.sorted_tables:
            columns = [
                sa.type_coerce(each, sa.LargeBinary) if each.name == "vector" else each for each in table.columns
            ]
            found[table.name] = sorted(tuple(map(repr, row)) for row in connection.execute(sa.select(*columns)))
    return found


def damages(record: Record) -> list[str]:
    """What the doctor finds."""
    with bench_on(record) as bench:
        return [damage.detail for damage in examine(bench)]


def rows(record: Record, table: sa.Table) -> list[dict[str, Any]]:
    """The rows of a table in the order of their keys."""
    with record.reading() as connection:
        query = sa.select(table).order_by(*table.primary_key.columns)
        return [dict(row) for row in connection.execute(query).mappings()]
