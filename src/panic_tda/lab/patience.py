"""Outlasting a database server that goes away: wait until it answers again, then begin the piece of work anew.

A piece of work reads from the record what is to be done, so beginning anew repeats nothing that was committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from panic_tda.lab.workbench import Workbench

_LONGEST_PAUSE_S = 5.0
_SHUTTING_DOWN = {"57P01", "57P02", "57P03"}
"""An administrator ended the connection, the server crashed, the server is still starting."""

T = TypeVar("T")


def patiently(bench: Workbench, work: Callable[[], T]) -> T:
    """What ``work`` returns; it is called again whenever the connection was lost and the server has come back.

    Raises the fault when the server stays away for longer than the bench's patience, or when asked to stop.
    """
    while True:
        try:
            return work()
        except sa.exc.DBAPIError as fault:
            if not connection_lost(fault) or not _answers_again(bench):
                raise
            bench.warn("the database answers again; going on")


def connection_lost(fault: sa.exc.DBAPIError) -> bool:
    """Whether the server went away, or cannot be reached; a SQLite file has no server."""
    state = getattr(fault.orig, "sqlstate", "")
    unreached = isinstance(fault, sa.exc.OperationalError) and state is None
    return fault.connection_invalidated or unreached or str(state)[:2] == "08" or state in _SHUTTING_DOWN


def _answers_again(bench: Workbench) -> bool:
    bench.warn(f"{bench.record.location} does not answer; waiting for it")
    deadline = time.monotonic() + bench.patience_s
    pause = 0.1
    while not bench.stop.wait(pause) and time.monotonic() < deadline:
        try:
            with bench.record.reading():
                return True
        except sa.exc.DBAPIError as fault:
            if not connection_lost(fault):
                raise
            pause = min(2 * pause, _LONGEST_PAUSE_S)
    return False
