"""Small facts kept with the record: measured batch sizes and speeds, verdicts on a model's sanity."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.statements import replace_row
from panic_tda.store.tables import settings


def read_setting(connection: Connection, key: str) -> Any:
    """The value under a key, or None."""
    return connection.execute(sa.select(settings.c.value).where(settings.c.key == key)).scalar()


def write_setting(connection: Connection, key: str, value: Any) -> None:
    """Puts a JSON value under a key."""
    replace_row(connection, settings, {"key": key, "value": value, "updated_at": datetime.now(UTC)})


def measurement_key(name: str, version: str) -> str:
    """Where the measurement of a model is kept."""
    return f"measurement:{name}@{version}"


def pace_key(name: str, version: str) -> str:
    """Where the median seconds per item of a model's last work are kept."""
    return f"pace:{name}@{version}"


def sanity_key(name: str, version: str) -> str:
    """Where the verdict on a model's trial outputs is kept."""
    return f"sanity:{name}@{version}"
