"""Contents that are not what their hash says."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.errors import RecordError
from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.outputs import decode_row
from panic_tda.store.tables import outputs

_ROWS_AT_ONCE = 200


def count_contents(connection: Connection, scope: Scope) -> int:
    """How many contents :func:`contents` will decode."""
    query = sa.select(sa.func.count()).select_from(outputs).where(scope.outputs(outputs.c.id))
    return int(connection.execute(query).scalar_one())


def contents(connection: Connection, scope: Scope) -> Iterator[Damage | None]:
    """For each content what is wrong with it, or None: it must decode, and its hash must be its key."""
    query = sa.select(outputs).where(scope.outputs(outputs.c.id)).order_by(outputs.c.id)
    for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
        try:
            content = decode_row(row)
        except RecordError as fault:
            yield Damage("content", "outputs", row.id, fault.message, key=(row.id,))
            continue
        size = (row.width, row.height) if row.kind == "image" else None
        if size is not None and size != (getattr(content, "width", None), getattr(content, "height", None)):
            yield Damage("content", "outputs", row.id, f"its size is not {size[0]} x {size[1]}", key=(row.id,))
        else:
            yield None
