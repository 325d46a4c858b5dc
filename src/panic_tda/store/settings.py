"""Small facts kept with the record: speeds, verdicts on sanity, batch sizes that earlier releases measured."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

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


class EarlierMeasurement(NamedTuple):
    """What a release that kept measurements with the record found: the batch size to use, and seconds per item."""

    batch_size: int
    seconds_per_item: float


def earlier_measurement(connection: Connection, name: str, version: str) -> EarlierMeasurement | None:
    """What such a release measured. Nothing writes it any more: measurements belong to the machine."""
    kept = read_setting(connection, f"measurement:{name}@{version}")
    if not kept:
        return None
    return EarlierMeasurement(int(kept["batch_size"]), float(kept["seconds_per_item"][str(kept["batch_size"])]))


def pace_key(name: str, version: str) -> str:
    """Where the median seconds per item of a model's last work are kept."""
    return f"pace:{name}@{version}"


def sanity_key(name: str, version: str) -> str:
    """Where the verdict on a model's trial outputs is kept."""
    return f"sanity:{name}@{version}"
