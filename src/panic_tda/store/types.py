"""Column types that read back exactly what was written, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

Identifier = sa.String(36)
"""A UUIDv7 as dashed text. Text, because a column declared UUID has numeric affinity in SQLite."""

Digest = sa.String(64)
"""A SHA-256 as lower-case hex."""


class UtcTimestamp(sa.TypeDecorator[datetime]):
    """An aware datetime in UTC with microseconds; a naive one is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Converts to UTC; SQLite stores no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a timestamp needs a time zone")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class FloatVector(sa.TypeDecorator[Any]):
    """A one-dimensional float32 array, stored as little-endian bytes without a header."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        """The array's bytes."""
        return None if value is None else value.astype("<f4", copy=False).tobytes()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """A read-only array over the bytes."""
        import numpy as np

        return None if value is None else np.frombuffer(value, dtype="<f4")
