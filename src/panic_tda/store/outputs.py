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


def encode_row(content: Content, encoded: bytes | None = None) -> dict[str, Any]:
    """The row of a content; images are encoded here, which takes milliseconds: do it outside a transaction.

    ``encoded`` is the image as lossless WebP, where that is at hand.
    """
    row: dict[str, Any] = dict.fromkeys(("text", "data", "mode", "width", "height"))
    row |= {"id": content.sha256, "kind": content.kind.value, "created_at": datetime.now(UTC)}
    row["degenerate"] = degeneracy(content)
    if isinstance(content, Text):
        return row | {"text": content.value}
    return row | {
        "data": encoded or encode_image(content),
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
            loaded[row.id] = decode_row(row)
    if missing := wanted - loaded.keys():
        raise RecordError(f"output {min(missing)} is referred to but not stored", hint="the database is damaged")
    return loaded


def decode_row(row: Any) -> Content:
    """The content of a row; raises ``RecordError`` when it does not decode, or is not what its hash says."""
    return decode_text(row.id, row.text) if row.kind == "text" else _decode_image(row)


def decode_text(key: str, value: str) -> Text:
    """The text stored under a key; raises ``RecordError`` when it does not decode, or is not what its hash says."""
    try:
        text = Text(value)
    except Exception as fault:  # SQLite keeps any type of value in any column
        raise _undecodable(key, fault) from fault
    _check_hash(key, text)
    return text


def _decode_image(row: Any) -> Image:
    try:
        image = decode_image(row.data, row.mode)
    except Exception as fault:  # an image library may raise anything on damaged bytes
        raise _undecodable(row.id, fault) from fault
    _check_hash(row.id, image)
    return image


def _undecodable(key: str, fault: Exception) -> RecordError:
    return RecordError(f"output {key} does not decode: {fault}", hint="the database is damaged")


def _check_hash(key: str, content: Content) -> None:
    if content.sha256 != key:
        raise RecordError(f"output {key} is not what was stored: its hash differs", hint="the database is damaged")


def load_image(connection: Connection, key: str) -> Image:
    """One image by key."""
    content = load_outputs(connection, [key])[key]
    if not isinstance(content, Image):
        raise RecordError(f"output {key} is a text, not an image")
    return content
