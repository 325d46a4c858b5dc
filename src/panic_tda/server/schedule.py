"""Tunings that begin by themselves, when a cron expression is due."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING

from panic_tda.errors import PanicError
from panic_tda.lab.experiment_file import folder_of, read_mapping
from panic_tda.server.due import next_due
from panic_tda.server.finetunes import By
from panic_tda.training.config import TuningConfig, validate_tuning

if TYPE_CHECKING:
    from panic_tda.server.facilities import Facilities

_GLANCE_S = 15.0


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Schedule:
    """What is tuned, and when; the file is read anew each time."""

    expression: str
    zone: tzinfo
    file: Path
    clock: Callable[[], datetime] = _now
    glance_s: float = _GLANCE_S
    """Seconds between two looks at the clock, which may be put forward or back, or stand still with the machine."""

    def config(self) -> TuningConfig:
        """The tuning file as it is now; raises ``ConfigurationError``."""
        return validate_tuning(read_mapping(self.file, "a tuning"), folder=folder_of(self.file).absolute())


class ScheduledTuning:
    """Looks at the clock on a thread. Each due time is met once; of those that were missed, only the last.

    What is due while a tuning waits or is at work in this server is skipped, and the log says so.
    """

    def __init__(self, schedule: Schedule, facilities: Facilities) -> None:
        self._schedule = schedule
        self._facilities = facilities
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="panic-tda-schedule")

    def start(self) -> None:
        """Raises ``RequestError`` for an expression that is never due, before anything is begun."""
        self._due = self._next(self._schedule.clock())
        self._thread.start()

    def close(self) -> None:
        """Begins nothing more; may be called twice."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self._seconds()):
            now = self._schedule.clock()
            if now >= self._due:
                self._begin()
                self._due = self._next(now)

    def _seconds(self) -> float:
        left = (self._due - self._schedule.clock()).total_seconds()
        return min(max(left, 0.0), self._schedule.glance_s)

    def _next(self, after: datetime) -> datetime:
        return next_due(self._schedule.expression, after, self._schedule.zone)

    def _begin(self) -> None:
        due = self._due.astimezone(self._schedule.zone).isoformat()
        try:
            made = self._facilities.finetunes.begin(self._schedule.config(), by=By.SCHEDULE)
        except PanicError as fault:
            self._facilities.tell("error", "finetune due", due=due, fault=fault.message)
        except Exception as fault:  # a defect; the next time has its turn
            self._facilities.tell("error", "finetune due", due=due, fault="".join(format_exception(fault)))
        else:
            self._facilities.tell("info", "finetune due", due=due, id=made.id, state=made.state, reason=made.reason)
