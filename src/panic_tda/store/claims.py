"""Who performs an experiment: one process at a time, and what becomes of the claim of one that died."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from panic_tda.errors import RecordBusy
from panic_tda.store.tables import experiments


def claim(connection: Connection, key: str, *, take_over: bool = False) -> None:
    """Marks this process as the one that performs the experiment.

    Raises ``RecordBusy`` while another process lives that does, or may live on another machine, unless ``take_over``.
    """
    query = sa.select(experiments).where(experiments.c.id == key).with_for_update()
    row = connection.execute(query).one()
    if _performer_lives(row.performer) and not (take_over or _is_this_process(row.performer)):
        raise RecordBusy(
            f"experiment {key} is being performed by process {row.performer['pid']} on {row.performer['host']}",
            hint="wait for it; if that process is dead: panic-tda experiment resume --take-over",
        )
    performer = {"host": socket.gethostname(), "pid": os.getpid()}
    values = {"performer": performer, "status": "running", "completed_at": None}
    connection.execute(sa.update(experiments).where(experiments.c.id == key).values(**values))


def release(connection: Connection, key: str, status: str) -> None:
    """The inverse of :func:`claim`; records how the work ended."""
    finished = datetime.now(UTC) if status in ("completed", "failed") else None
    values = {"performer": None, "status": status, "completed_at": finished}
    connection.execute(sa.update(experiments).where(experiments.c.id == key).values(**values))


def status_of(row: Row[Any]) -> str:
    """``pending``, ``running``, ``completed``, ``failed``, or ``interrupted`` (also when its process died)."""
    if row.status == "running" and not _performer_lives(row.performer):
        return "interrupted"
    return str(row.status)


def _is_this_process(performer: Mapping[str, Any]) -> bool:
    return bool(performer["host"] == socket.gethostname() and performer["pid"] == os.getpid())


def _performer_lives(performer: Mapping[str, Any] | None) -> bool:
    if not performer:
        return False
    if performer["host"] != socket.gethostname():
        return True
    try:
        os.kill(performer["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
