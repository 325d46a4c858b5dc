"""What every executor takes and gives: a call, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from panic_tda.content import Content
from panic_tda.errors import PanicError
from panic_tda.models.model import ModelSpec, Parameters
from panic_tda.models.purpose import Purpose

if TYPE_CHECKING:
    from panic_tda.models.model import Vector

    Outcome: TypeAlias = Content | Vector | PanicError


class Affinity(StrEnum):
    """How much a caller wants to stay with the worker that served it last.

    ``hint``: rather there, and elsewhere where that would mean waiting. ``strict_queue``: there or nowhere, and waiting
    for it. ``strict_fail_fast``: there or nowhere, at once or not at all.
    """

    HINT = "hint"
    STRICT_QUEUE = "strict_queue"
    STRICT_FAIL_FAST = "strict_fail_fast"


class Stay(NamedTuple):
    """The worker that is wanted, and the process that stood there (0 where workers are no processes of their own).

    The first call of a session wants no worker yet.
    """

    affinity: Affinity
    worker: str
    process: int

    @property
    def is_strict(self) -> bool:
        """Whether no other worker will do."""
        return bool(self.worker) and self.affinity is not Affinity.HINT


@dataclass(frozen=True, slots=True)
class Call:
    """One batch for one model: inputs and seeds are parallel; the parameters hold for every item.

    ``purpose`` is what texts are measured for; it changes nothing for models that know no difference.
    """

    spec: ModelSpec
    inputs: tuple[Content, ...]
    seeds: tuple[int, ...]
    parameters: Parameters = field(default_factory=dict)
    stay: Stay | None = None
    purpose: Purpose = Purpose.DOCUMENT


def failed(fault: Exception) -> Future[Result]:
    """The future of a call that failed before it began."""
    future: Future[Result] = Future()
    future.set_exception(fault)
    return future


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds a call spent waiting, loading its model, and running."""

    queue_s: float = 0.0
    load_s: float = 0.0
    run_s: float = 0.0


class Attempt(NamedTuple):
    """A fault after which a call was repeated with the same seeds: name of the error, and what it said."""

    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a call: one output, vector or error for each input, in order.

    ``model`` is ``name@version``; ``started_at`` is when the model began to run (UTC), after queue and load.
    ``attempts`` are the faults after which the call was repeated with the same seeds, in order. ``process`` is the id
    of the worker's process, 0 where it has none of its own.
    """

    outputs: tuple[Outcome, ...]
    model: str
    seeds: tuple[int, ...]
    timings: Timings
    started_at: datetime
    worker: str
    finish_reason: str = "stop"
    usage: Mapping[str, int] = field(default_factory=dict)
    synthetic: bool = False
    attempts: tuple[Attempt, ...] = ()
    process: int = 0

    @property
    def completed_at(self) -> datetime:
        """When the model had finished (UTC)."""
        return self.started_at + timedelta(seconds=self.timings.run_s)
