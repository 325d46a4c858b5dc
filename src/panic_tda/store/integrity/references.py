"""Rows that refer to what is not there, and rows that are there twice; read off the tables' own declarations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.tables import invocations, metadata


def dangling(connection: Connection, scope: Scope) -> Iterator[Damage]:
    """Every reference to a row that is not there."""
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            parent = key.column.table.alias()
            target = parent.c[key.column.name]
            query = (
                sa.select(*_named(table), key.parent.label("wanted"))
                .select_from(table.outerjoin(parent, target == key.parent))
                .where(key.parent.is_not(None), target.is_(None), _within(table, scope))
                .order_by(*_identity(table))
            )
            for row in connection.execute(query):
                detail = f"{key.parent.name} {row.wanted} is not in {key.column.table.name}"
                yield _damage("dangling", table, row, detail)


def duplicates(connection: Connection, scope: Scope) -> Iterator[Damage]:
    """Rows that share what may be there only once, from the second on; only a damaged schema lets them in."""
    for table in metadata.sorted_tables:
        for names in _unique_names(table):
            columns = [table.c[name] for name in names]
            place = sa.func.row_number().over(partition_by=columns, order_by=_identity(table))
            ranked = sa.select(*_named(table), place.label("place")).where(_within(table, scope))
            rows = ranked.where(*(column.is_not(None) for column in columns)).subquery()
            for row in connection.execute(sa.select(rows).where(rows.c.place > 1)):
                yield _damage("duplicate", table, row, f"there is another row with the same {', '.join(names)}")


def _unique_names(table: sa.Table) -> list[list[str]]:
    constraints = [each for each in table.constraints if isinstance(each, sa.UniqueConstraint)]
    return [[column.name for column in each.columns] for each in [table.primary_key, *constraints]]


def _identity(table: sa.Table) -> list[sa.ColumnElement[Any]]:
    return list(table.primary_key.columns)


def _named(table: sa.Table) -> list[sa.ColumnElement[Any]]:
    """What names a row: its key, and for an invocation its run and step."""
    return [*_identity(table), *([table.c.run_id, table.c.sequence_number] if table is invocations else [])]


def _within(table: sa.Table, scope: Scope) -> sa.ColumnElement[bool]:
    """Rows of no experiment (settings, programs, global clusterings) are looked at with the whole record."""
    if scope.experiment_ids is None:
        return sa.true()
    for name, test in (("experiment_id", None), ("run_id", scope.of_runs), ("output_id", scope.outputs)):
        if name in table.c:
            return test(table.c[name]) if test else table.c[name].in_(scope.experiment_ids)
    return table.c.id.in_(scope.experiment_ids) if table.name == "experiments" else sa.false()


def _damage(kind: str, table: sa.Table, row: Any, detail: str) -> Damage:
    values = row._mapping
    key = tuple(values[column.name] for column in table.primary_key.columns)
    place: dict[str, Any] = {}
    if table is invocations:
        place = {"run_id": values["run_id"], "step": values["sequence_number"]}
    return Damage(kind, table.name, "/".join(map(str, key)), detail, key=key, **place)
