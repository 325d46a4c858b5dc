"""Executors by name, and one that routes each model to its own."""

from __future__ import annotations

import os
import threading
from collections import Counter
from concurrent.futures import Future

from panic_tda.errors import ConfigurationError, ExecutorClosed
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.metrics import ModelMetrics, Snapshot
from panic_tda.runtime.pool.limits import PoolLimits
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.runtime.ray_cluster.executor import RayExecutor
from panic_tda.runtime.remote.executor import remote_executor
from panic_tda.runtime.result import Call, Result
from panic_tda.runtime.router import route
from panic_tda.settings import EXECUTORS, Settings


def make_executor(settings: Settings) -> Executor:
    """The executor that the settings ask for; raises ``ConfigurationError`` for an unknown name."""
    if settings.executor == "auto" or settings.rules:
        return RoutingExecutor(settings)
    return named_executor(settings.executor, settings)


def named_executor(name: str, settings: Settings) -> Executor:
    """The executor of that name, as the settings want it; raises ``ConfigurationError`` for an unknown name."""
    budget = settings.memory_budget_bytes
    limits = PoolLimits(memory_budget=budget, call_timeout_s=settings.call_timeout)
    if name == "inprocess":
        threads = threads_of_a_model(settings)
        return InProcessExecutor(memory_budget=budget, threads=threads, call_timeout_s=settings.call_timeout)
    if name == "process":
        return ProcessExecutor(size=settings.workers, threads=settings.threads or 1, limits=limits)
    if name == "ray":
        return RayExecutor(size=settings.workers, threads=settings.threads or 1, limits=limits)
    if name == "remote":
        return remote_executor(settings)
    raise ConfigurationError([f"unknown executor {name!r} (there is: {', '.join(EXECUTORS)})"])


def threads_of_a_model(settings: Settings) -> int:
    """What the settings say, else half of the cores.

    The threads of a model wait for each other by spinning, and one busy neighbour on the last core makes them all many
    times slower; storing and encoding are such neighbours.
    """
    return settings.threads or max(1, (os.cpu_count() or 1) // 2)


class RoutingExecutor:
    """Hands each call to the executor of its model's route; each is made when it is first needed."""

    name = "auto"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[str, Executor] = {}
        self._making = threading.Lock()
        self._closed = False

    @property
    def workers(self) -> int:
        """See :class:`~panic_tda.runtime.executor.Executor`; the sum over those that were made."""
        return sum(executor.workers for executor in self._all())

    @property
    def slots(self) -> int:
        """Likewise, and at least 1."""
        return max(1, sum(executor.slots for executor in self._all()))

    def places(self, spec: ModelSpec) -> int:
        """Asks the executor that runs the model."""
        return self._of(spec).places(spec)

    def submit(self, call: Call) -> Future[Result]:
        """Raises what the executor raises, and ``PrerequisiteError`` when it cannot be made."""
        return self._of(call.spec, session=call.stay is not None).submit(call)

    def check(self, spec: ModelSpec) -> None:
        """Asks the executor that would run the model."""
        self._of(spec).check(spec)

    def resident(self) -> frozenset[str]:
        """The models of all executors."""
        return frozenset().union(*(executor.resident() for executor in self._all()))

    def snapshot(self) -> Snapshot:
        """All executors added up."""
        models: dict[str, ModelMetrics] = {}
        resident: Counter[str] = Counter()
        found = [executor.snapshot() for executor in self._all()]
        for each in found:
            models |= {name: models.get(name, ModelMetrics()) + done for name, done in each.models.items()}
            resident.update(each.resident)
        return Snapshot(
            models,
            restarts=sum(each.restarts for each in found),
            workers=sum(each.workers for each in found),
            waiting=sum(each.waiting for each in found),
            resident=resident,
        )

    def close(self) -> None:
        """Closes all of them."""
        with self._making:
            self._closed = True
        for executor in self._all():
            executor.close()

    def _all(self) -> list[Executor]:
        with self._making:
            return list(self._made.values())

    def _of(self, spec: ModelSpec, *, session: bool = False) -> Executor:
        found = route(spec, self._settings.executor, self._settings.rules, session=session)
        return self._executor_of(found.executor)

    def _executor_of(self, name: str) -> Executor:
        with self._making:
            if self._closed:
                raise ExecutorClosed("the executor is closed")
            if name not in self._made:
                self._made[name] = named_executor(name, self._settings)
            return self._made[name]
