"""Who performs an experiment: any number of processes at once, each for as long as it renews its stay.

A performer is a process at work on one experiment. What it has leased (see :mod:`panic_tda.store.leases`) is its own
until it leaves, or until it is gone: its time has run out, or it is known to have died. The clock is the database's,
so that machines whose clocks differ agree.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from panic_tda.errors import RecordBusy
from panic_tda.store.identifiers import new_id
from panic_tda.store.statements import insert_new
from panic_tda.store.tables import experiments, performers

_HELD = sa.select(performers.c.id).where(performers.c.id == sa.bindparam("key"))
_HELD = _HELD.with_for_update(read=True, key_share=True)  # PostgreSQL: nobody dismisses it before the commit


@dataclass(frozen=True, slots=True)
class Performer:
    """A process at work on an experiment; without a sign of life for ``lease_s`` seconds it counts as gone."""

    experiment_id: str
    lease_s: float
    id: str = field(default_factory=new_id)


def join(connection: Connection, performer: Performer, *, take_over: bool = False) -> str:
    """Lets a process take part in an experiment, and returns the status that the experiment had before.

    Those that are gone are dismissed; with ``take_over`` all others are, whether they seem to live or not. Joining
    twice is joining once.
    """
    key = performer.experiment_id
    status = status_of(connection, lock_experiment(connection, key))
    if take_over:
        others = sa.and_(performers.c.experiment_id == key, performers.c.id != performer.id)
        connection.execute(sa.delete(performers).where(others))
    dismiss_gone(connection, key)
    row = {"id": performer.id, "experiment_id": key, "host": socket.gethostname(), "pid": os.getpid()}
    insert_new(connection, performers, [row | {"expires_at": _expiry(connection, performer)}])
    values = {"status": "running", "completed_at": None}
    connection.execute(sa.update(experiments).where(experiments.c.id == key).values(**values))
    return status


def leave(connection: Connection, performer: Performer, status: str) -> None:
    """Gives back all that a performer has leased, and records how the work ended.

    One that others have dismissed changes nothing. ``interrupted`` and ``failed`` are only recorded by the last one.
    """
    there = sa.select(performers.c.id).where(performers.c.id == performer.id)
    if connection.execute(there).first() is None:
        return
    lock_experiment(connection, performer.experiment_id)
    connection.execute(sa.delete(performers).where(performers.c.id == performer.id))
    dismiss_gone(connection, performer.experiment_id)
    if status != "completed" and count_performers(connection, performer.experiment_id):
        return
    finished = datetime.now(UTC) if status in ("completed", "failed") else None
    mine = sa.and_(experiments.c.id == performer.experiment_id, experiments.c.status == "running")
    connection.execute(sa.update(experiments).where(mine).values(status=status, completed_at=finished))


def renew(connection: Connection, performer: Performer) -> None:
    """A sign of life; it does not bring back one that was dismissed."""
    mine = performers.c.id == performer.id
    connection.execute(sa.update(performers).where(mine).values(expires_at=_expiry(connection, performer)))


def hold(connection: Connection, held: Iterable[Performer]) -> None:
    """Makes sure that these are still performers, until the transaction ends.

    Raises ``RecordBusy`` when others have dismissed one because it gave no sign of life, and have done its work.
    """
    for performer in held:
        if connection.execute(_HELD, {"key": performer.id}).first() is None:
            raise RecordBusy(
                f"experiment {performer.experiment_id} was taken over from this process",
                hint=f"join those that perform it: panic-tda experiment resume {performer.experiment_id}",
            )


def dismiss_gone(connection: Connection, experiment_id: str) -> None:
    """Removes the performers of an experiment that are gone; what they had leased is free."""
    now = database_time(connection)
    for row in connection.execute(sa.select(performers).where(performers.c.experiment_id == experiment_id)).all():
        if not _lives(row, now):
            still = sa.and_(performers.c.id == row.id, performers.c.expires_at == row.expires_at)
            connection.execute(sa.delete(performers).where(still))


def count_performers(connection: Connection, experiment_id: str) -> int:
    """How many there are, those that are gone and not yet dismissed included."""
    query = sa.select(sa.func.count()).select_from(performers).where(performers.c.experiment_id == experiment_id)
    return int(connection.execute(query).scalar_one())


def status_of(connection: Connection, row: Row[Any]) -> str:
    """``pending``, ``running``, ``completed``, ``failed``, or ``interrupted`` (also when all its processes died)."""
    if row.status == "running" and not _living(connection, row.id):
        return "interrupted"
    return str(row.status)


def refuse_if_busy(connection: Connection, row: Row[Any]) -> None:
    """Raises ``RecordBusy`` while somebody performs the experiment of this row."""
    for performer in _living(connection, row.id):
        raise RecordBusy(
            f"experiment {row.id} is being performed by process {performer.pid} on {performer.host}",
            hint=f"wait for it; if that process is dead: panic-tda experiment resume {row.id} --take-over",
        )


def lock_experiment(connection: Connection, experiment_id: str) -> Row[Any]:
    """The experiment's row, which others who want to change who performs what wait for until the commit."""
    query = sa.select(experiments).where(experiments.c.id == experiment_id)
    return connection.execute(query.with_for_update(key_share=True)).one()


def database_time(connection: Connection) -> datetime:
    """The time on the machine of the database; a SQLite file lies on this one."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    found: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return found.astimezone(UTC)


def _expiry(connection: Connection, performer: Performer) -> datetime:
    return database_time(connection) + timedelta(seconds=performer.lease_s)


def _living(connection: Connection, experiment_id: str) -> list[Row[Any]]:
    now = database_time(connection)
    query = sa.select(performers).where(performers.c.experiment_id == experiment_id).order_by(performers.c.id)
    return [row for row in connection.execute(query) if _lives(row, now)]


def _lives(row: Row[Any], now: datetime) -> bool:
    """Whether its time has not run out; of a process on this machine it is known at once when it is dead."""
    if row.expires_at <= now:
        return False
    if row.host != socket.gethostname():
        return True
    try:
        os.kill(row.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
