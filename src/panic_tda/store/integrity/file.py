"""Whether SQLite still trusts its own file."""

from __future__ import annotations

from panic_tda.errors import RecordUnavailable
from panic_tda.store.database import Record
from panic_tda.store.integrity.damage import Damage

_MOST = 20


def file_damage(record: Record) -> list[Damage]:
    """What ``PRAGMA integrity_check`` says that is not ok; PostgreSQL looks after its own files."""
    if record.engine.dialect.name != "sqlite":
        return []
    try:
        with record.reading() as connection:
            lines = list(connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})").scalars())
    except RecordUnavailable as fault:
        lines = [fault.message]
    return [Damage("file", "sqlite", record.location, " ".join(line.split())) for line in lines if line != "ok"]
