"""Contents in the record: each stored once, under its SHA-256."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.content import Content, Image, Text, decode_image, degeneracy, encode_image
from panic_tda.errors import RecordError
from panic_tda.store.statements import chunks, insert_new
from panic_tda.store.tables import outputs

_CONTENT = (outputs.c.id, outputs.c.kind, outputs.c.text, outputs.c.data, outputs.c.mode)


def encode_row(content: Content) -> dict[str, Any]:
    """The row of a content; images are encoded here, which takes milliseconds: do it outside a transaction."""
    row: dict[str, Any] = dict.fromkeys(("text", "data", "mode", "width", "height"))
    row |= {"id": content.sha256, "kind": content.kind.value, "created_at": datetime.now(UTC)}
    row["degenerate"] = degeneracy(content)
    if isinstance(content, Text):
        return row | {"text": content.value}
    return row | {
        "data": encode_image(content),
        "mode": content.mode,
        "width": content.width,
        "height": content.height,
    }


def insert_outputs(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Stores rows made by :func:`encode_row`; those already there stay as they are."""
    insert_new(connection, outputs, rows)


def known_outputs(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Which of the keys are stored."""
    found: set[str] = set()
    for piece in chunks(sorted(set(keys))):
        found.update(connection.execute(sa.select(outputs.c.id).where(outputs.c.id.in_(piece))).scalars())
    return found


def load_outputs(connection: Connection, keys: Iterable[str]) -> dict[str, Content]:
    """The contents by key. Raises ``RecordError`` for a key that is not stored or does not decode to itself."""
    wanted = set(keys)
    loaded = {}
    for piece in chunks(sorted(wanted)):
        for row in connection.execute(sa.select(*_CONTENT).where(outputs.c.id.in_(piece))):
            loaded[row.id] = _content(row)
    if missing := wanted - loaded.keys():
        raise RecordError(f"output {min(missing)} is referred to but not stored", hint="the database is damaged")
    return loaded


def _content(row: Any) -> Content:
    try:
        content: Content = Text(row.text) if row.kind == "text" else decode_image(row.data, row.mode)
    except Exception as fault:  # an image library may raise anything on damaged bytes
        raise RecordError(f"output {row.id} does not decode: {fault}", hint="the database is damaged") from fault
    if content.sha256 != row.id:
        raise RecordError(f"output {row.id} is not what was stored: its hash differs", hint="the database is damaged")
    return content


def load_image(connection: Connection, key: str) -> Image:
    """One image by key."""
    content = load_outputs(connection, [key])[key]
    if not isinstance(content, Image):
        raise RecordError(f"output {key} is a text, not an image")
    return content
