"""Tunings of this server: one after the other, each in a process of its own, all of them remembered until it ends."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from panic_tda.errors import NotFound, PanicError, QueueFull, TrainingBusy
from panic_tda.models.versions.entries import numbered
from panic_tda.server.watching import Watched
from panic_tda.settings import Settings
from panic_tda.training.config import TuningConfig
from panic_tda.training.finetune import Tuned, base_of
from panic_tda.training.process.child import finetune_aside
from panic_tda.training.process.messages import Task

MOST = 1_000
"""Tunings that are remembered; the oldest that has ended is forgotten first."""


class State(StrEnum):
    """``skipped``: nothing was to be done, or others were at it."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class By(StrEnum):
    """Who wanted a tuning."""

    REQUEST = "request"
    SCHEDULE = "schedule"


_STATES = {
    "accepted": State.SUCCEEDED,
    "rejected": State.REJECTED,
    "unchanged": State.SKIPPED,
    "interrupted": State.CANCELLED,
}


class Finetune(Watched):
    """One tuning: how it stands, and what came of it."""

    def __init__(self, config: TuningConfig, by: By) -> None:
        super().__init__()
        self.id = secrets.token_hex(8)
        self.config = config
        self.by = by
        self.stop = threading.Event()
        self.state = State.QUEUED
        self.reason = ""
        self._progress: dict[str, Any] | None = None
        self._tuned: Tuned | None = None
        self._fault: PanicError | None = None
        self._times = {"created_at": _now(), "started_at": None, "ended_at": None}

    @property
    def has_ended(self) -> bool:
        """See :class:`~panic_tda.server.watching.Watched`."""
        return self.state not in (State.QUEUED, State.RUNNING)

    def told(self) -> tuple[str, Any]:
        """``waiting``, ``progress``, and at last ``end`` or ``failed``."""
        if self.has_ended:
            return ("failed" if self.state is State.FAILED else "end"), self.to_json()
        return ("progress", self._progress) if self._progress else ("waiting", {"id": self.id})

    def report(self, stage: str, done: int, total: int) -> None:
        """Remembers how far it is."""
        self._progress = {"stage": stage, "done": done, "total": total}
        self.changed()

    def begin(self) -> None:
        """Its turn has come."""
        self.state, self._times["started_at"] = State.RUNNING, _now()
        self.changed()

    def end(
        self, state: State, *, reason: str = "", tuned: Tuned | None = None, fault: PanicError | None = None
    ) -> None:
        """Remembers how it ended."""
        self.reason, self._tuned, self._fault, self._times["ended_at"] = reason, tuned, fault, _now()
        self.state = state
        self.changed()

    def to_json(self) -> dict[str, Any]:
        """As ``GET /finetunes/ID`` answers."""
        found = self._tuned.to_json() if self._tuned else {}
        fault = self._fault
        return {
            "id": self.id,
            "state": self.state,
            "by": self.by,
            "model": self.config.model,
            **self._times,
            "progress": self._progress,
            "reason": self.reason,
            **{name: found.get(name) for name in ("version", "champion", "seconds", "data", "metrics", "verdict")},
            "error": fault and {"code": type(fault).__name__, "message": fault.message, "hint": fault.hint},
        }


class Finetunes:
    """The tunings of this server. Those that others did are in the register of versions as well."""

    def __init__(self, settings: Settings, tell: Callable[..., None], *, most: int = MOST) -> None:
        """``tell`` takes a line of the log when a tuning has ended."""
        self._settings = settings
        self._tell = tell
        self._most = most
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="panic-tda-finetune")
        self._known: dict[str, Finetune] = {}
        self._lock = threading.Lock()

    def begin(self, config: TuningConfig, *, by: By = By.REQUEST) -> Finetune:
        """Puts a tuning into the queue. What the schedule wants is skipped while another one is there.

        Raises ``RequestError`` for a model that cannot be tuned, ``PrerequisiteError`` without the libraries, and
        ``QueueFull``.
        """
        base_of(config.model)
        made = Finetune(config, by)
        with self._lock:
            before = next((each for each in self._known.values() if not each.has_ended), None)
            self._make_room()
            self._known[made.id] = made
        if by is By.SCHEDULE and before is not None:
            self._end(made, State.SKIPPED, reason=f"{before.id} is {before.state}")
        else:
            self._thread.submit(self._perform, made)
        return made

    def of(self, key: str) -> Finetune:
        """One of them; raises ``NotFound``."""
        if (known := self._known.get(key)) is None:
            raise NotFound(f"this server knows no tuning {key}", hint="GET /finetunes lists those it knows")
        return known

    def newest_first(self) -> list[Finetune]:
        """All that are remembered."""
        with self._lock:
            return list(reversed(self._known.values()))

    def cancel(self, key: str) -> Finetune:
        """Stops it after the step in progress, to be gone on with when the same is asked for again.

        Raises ``NotFound`` for what has ended.
        """
        known = self.of(key)
        with self._lock:
            if known.has_ended:
                raise NotFound(f"tuning {key} has ended: {known.state}")
            known.stop.set()
            waiting = known.state is State.QUEUED
        if waiting:
            self._end(known, State.CANCELLED)
        return known

    def close(self) -> None:
        """Stops what is at work, and forgets the queue."""
        for known in self.newest_first():
            known.stop.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _make_room(self) -> None:
        if len(self._known) >= self._most:
            ended = next((key for key, each in self._known.items() if each.has_ended), None)
            if ended is None:
                raise QueueFull(f"{self._most} tunings wait already", hint="wait until some have ended, or cancel them")
            del self._known[ended]

    def _perform(self, known: Finetune) -> None:
        with self._lock:
            if known.stop.is_set():
                return
            known.begin()
        task = Task(known.config, self._settings)
        try:
            tuned = finetune_aside(task, report=known.report, stop=known.stop)
            self._end(known, _STATES[tuned.status], reason=_reason(tuned), tuned=tuned)
        except TrainingBusy as fault:
            self._end(known, State.SKIPPED, reason=fault.message)
        except PanicError as fault:
            self._end(known, State.FAILED, reason=fault.message, fault=fault)
        except Exception as fault:  # a defect; whoever listens is told, and the next tuning has its turn
            told = PanicError(f"tuning {known.id}: {type(fault).__name__}: {fault}")
            self._end(known, State.FAILED, reason=told.message, fault=told)

    def _end(self, known: Finetune, state: State, **how: Any) -> None:
        known.end(state, **how)
        level = "error" if state is State.FAILED else "info"
        facts = {"id": known.id, "state": state, "by": known.by, "model": known.config.model, "reason": known.reason}
        self._tell(level, "finetune", **facts)


def _reason(tuned: Tuned) -> str:
    if tuned.status == "unchanged":
        return f"{numbered(tuned.model, tuned.version or 0)} was made from the same pairs and parameters"
    return "; ".join(tuned.manifest.get("verdict", {}).get("objections", ()))


def _now() -> str:
    return datetime.now(UTC).isoformat()
