"""The interface of every executor: the engine knows this and nothing else of where models run."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from panic_tda.models.model import ModelSpec
from panic_tda.runtime.metrics import Snapshot
from panic_tda.runtime.result import Call, Result


class Executor(Protocol):
    """Runs calls somewhere. Every method may be called from any thread."""

    @property
    def name(self) -> str:
        """``mock``, ``inprocess``, and so on."""
        ...

    @property
    def workers(self) -> int:
        """How many workers it has, or is to have."""
        ...

    def places(self, spec: ModelSpec) -> int:
        """How many calls of the model it runs at the same time."""
        ...

    @property
    def slots(self) -> int:
        """How many calls keep it busy; more only wait in its queue."""
        ...

    def submit(self, call: Call) -> Future[Result]:
        """Queues a call. Item faults are outputs of the result; the future raises only when the whole call failed.

        Raises ``ExecutorClosed`` after :meth:`close`.
        """
        ...

    def check(self, spec: ModelSpec) -> None:
        """Raises ``InsufficientMemory`` when the model can never be loaded here."""
        ...

    def resident(self) -> frozenset[str]:
        """Names of the models that will be in memory when the queued calls have run."""
        ...

    def snapshot(self) -> Snapshot:
        """What it did so far: calls, errors, times, restarts, models in memory."""
        ...

    def close(self) -> None:
        """Waits for the call in progress, drops the queued ones and frees every model. May be called twice."""
        ...
