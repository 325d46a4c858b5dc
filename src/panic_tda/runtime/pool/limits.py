"""How much a pool takes on, and what its workers learnt about batches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock

from panic_tda.models.model import ModelSpec
from panic_tda.runtime.execution import BatchLimits


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """All times in seconds; 0 everywhere is a sensible choice.

    Models may take ``memory_budget`` bytes in all workers together (0: three quarters of this machine). Loading a model
    may take ``call_timeout_s`` and running a call as long again (0: ten minutes). ``max_queue`` calls may wait, each
    for ``queue_timeout_s`` at most (0: as long as it takes). A worker is replaced, although nothing is wrong, after
    ``max_requests`` calls and at the age of ``max_age_s`` (0: never).
    """

    memory_budget: int = 0
    call_timeout_s: float = 0.0
    max_queue: int = 1_000
    queue_timeout_s: float = 0.0
    max_requests: int = 0
    max_age_s: float = 0.0

    def are_reached(self, served: int, started: float) -> bool:
        """Whether a worker that answered so often, and started then (``time.monotonic``), is to be replaced."""
        too_old = self.max_age_s and time.monotonic() - started > self.max_age_s
        return bool(too_old or (self.max_requests and served >= self.max_requests))


class LearntSizes:
    """The batch sizes that the workers of a pool learnt from running out of memory; they outlive each worker."""

    def __init__(self) -> None:
        self._limits = BatchLimits()
        self._lock = Lock()

    def limit(self, spec: ModelSpec) -> int | None:
        """The learnt limit, or None."""
        with self._lock:
            return self._limits.limit(spec)

    def lower(self, spec: ModelSpec, size: int | None) -> None:
        """Remembers what a worker learnt."""
        if size is not None:
            with self._lock:
                self._limits.lower(spec, size)
