"""Who performs an experiment: one process at a time, and what becomes of the claim of one that died."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from panic_tda.errors import RecordBusy
from panic_tda.store.identifiers import new_id
from panic_tda.store.tables import experiments


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to perform an experiment; ``status`` is what the experiment was before."""

    experiment_id: str
    token: str
    status: str


def claim(connection: Connection, key: str, *, take_over: bool = False) -> Claim:
    """Makes the caller the one that performs the experiment.

    Raises ``RecordBusy`` while another process lives that does, or may live on another machine, unless ``take_over``.
    """
    row = _locked(connection, key)
    if not take_over:
        refuse_if_busy(row)
    token = new_id()
    performer = {"host": socket.gethostname(), "pid": os.getpid(), "token": token}
    values = {"performer": performer, "status": "running", "completed_at": None}
    connection.execute(sa.update(experiments).where(experiments.c.id == key).values(**values))
    return Claim(key, token, status_of(row))


def release(connection: Connection, held: Claim, status: str) -> None:
    """Gives a claim back and records how the work ended; nothing changes when another has taken over since."""
    row = _locked(connection, held.experiment_id)
    if row is None or (row.performer or {}).get("token") != held.token:
        return
    finished = datetime.now(UTC) if status in ("completed", "failed") else None
    values = {"performer": None, "status": status, "completed_at": finished}
    connection.execute(sa.update(experiments).where(experiments.c.id == held.experiment_id).values(**values))


def refuse_if_busy(row: Row[Any]) -> None:
    """Raises ``RecordBusy`` while a living process performs the experiment of this row."""
    if _performer_lives(row.performer):
        raise RecordBusy(
            f"experiment {row.id} is being performed by process {row.performer['pid']} on {row.performer['host']}",
            hint=f"wait for it; if that process is dead: panic-tda experiment resume {row.id} --take-over",
        )


def _locked(connection: Connection, key: str) -> Any:
    return connection.execute(sa.select(experiments).where(experiments.c.id == key).with_for_update()).one_or_none()


def status_of(row: Row[Any]) -> str:
    """``pending``, ``running``, ``completed``, ``failed``, or ``interrupted`` (also when its process died)."""
    if row.status == "running" and not _performer_lives(row.performer):
        return "interrupted"
    return str(row.status)


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
