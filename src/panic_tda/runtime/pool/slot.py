"""One place in a pool: a worker, replaced whenever it is lost, and calls answered through it.

A call whose worker dies or whose accelerator fails is repeated with the same seeds by a fresh worker. When that does
not help, and when it takes too long, its batch is halved, so that one bad input costs its own outcome and no other's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from panic_tda.errors import DeviceFault, ExecutionTimeout, PanicError, SessionLost, WorkerCrashed
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.execution import part
from panic_tda.runtime.pool.limits import LearntSizes, PoolLimits
from panic_tda.runtime.pool.messages import Done, Failed, Run
from panic_tda.runtime.result import Call, Stay

CALL_TIMEOUT_S = 600.0
RETRIES: dict[type[PanicError], int] = {WorkerCrashed: 1, DeviceFault: 3, ExecutionTimeout: 0}
"""How often a call is repeated, as it is, after each of the faults that a worker does not survive."""


class PoolWorker(Protocol):
    """A running worker: a process, or an actor somewhere. All but :meth:`kill` is for one thread."""

    name: str
    served: int
    """Questions that it was asked."""
    started: float
    """When, by ``time.monotonic``."""

    @property
    def pid(self) -> int:
        """Its process."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        ...

    def ask(self, run: Run, limit_s: float) -> Done | Failed:
        """Its answer. ``limit_s`` seconds are given to loading the model and again to running it.

        Raises ``WorkerCrashed`` and ``ExecutionTimeout``, which leave a worker behind that is of no more use.
        """
        ...

    def close(self) -> None:
        """Lets it end by itself, and ends it when it does not."""
        ...

    def kill(self) -> None:
        """Ends it now."""
        ...


class Slot:
    """For one thread, but for :attr:`is_broken` and :attr:`pid`."""

    def __init__(
        self,
        start: Callable[[], PoolWorker],
        *,
        limits: PoolLimits,
        learnt: LearntSizes,
    ) -> None:
        self.started = 0
        """How many workers stood here so far."""
        self.loads = 0
        """How often a model was loaded here."""
        self.holds: Mapping[ModelSpec, int] = {}
        """The models in memory with their bytes, the least recently used first."""
        self._start = start
        self._limits = limits
        self._learnt = learnt
        self._worker: PoolWorker | None = None

    @property
    def pid(self) -> int | None:
        """The process of the worker that stands here now."""
        worker = self._worker
        return worker.pid if worker is not None and worker.is_alive else None

    @property
    def is_broken(self) -> bool:
        """Whether a worker stood here and died."""
        worker = self._worker
        return worker is not None and not worker.is_alive

    def start(self) -> PoolWorker:
        """The worker, started where there is none; raises ``WorkerCrashed`` when it does not come up."""
        if self._worker is not None and not self._worker.is_alive:
            self.end()
        if self._worker is None:
            self._worker = self._start()
            self.started += 1
        return self._worker

    def end(self) -> None:
        """Ends the worker at once."""
        if self._worker is not None:
            self._worker.kill()
        self._worker, self.holds = None, {}

    def close(self) -> None:
        """Lets the worker end by itself."""
        if self._worker is not None:
            self._worker.close()
        self._worker, self.holds = None, {}

    def free(self, leaving: Sequence[ModelSpec], *, everything: bool) -> None:
        """Frees models. Where nothing else is in memory the worker is replaced: what it held is free for certain."""
        if everything:
            self.end()
        elif leaving:
            self._ask(Run(None, tuple(leaving)))

    def answer(self, call: Call, *, insists: bool = False) -> tuple[Done, list[PanicError]]:
        """What the call gave, and the faults before that; raises what the call as a whole failed with.

        One that ``insists`` on the worker that stands here now is never repeated by another: ``SessionLost``.
        """
        faults: list[PanicError] = []
        done = self._insisted(call) if insists else self._answer(call, faults)
        if self._worker is not None and self._limits.are_reached(self._worker.served, self._worker.started):
            self.close()
        return done, faults

    def _insisted(self, call: Call) -> Done:
        try:
            return self._ask(Run(call, limit=self._learnt.limit(call.spec)), call.stay)
        except tuple(RETRIES) as fault:
            self.end()
            raise SessionLost(f"the worker of this session is gone: {fault.message}") from fault

    def _answer(self, call: Call, faults: list[PanicError]) -> Done:
        retries = dict(RETRIES)
        while True:
            try:
                return self._ask(Run(call, limit=self._learnt.limit(call.spec)))
            except tuple(RETRIES) as fault:
                self.end()
                if not retries[type(fault)] and len(call.inputs) <= 1:
                    raise
                faults.append(fault)
                if not retries[type(fault)]:
                    return self._halves(call, faults)
                retries[type(fault)] -= 1

    def _halves(self, call: Call, faults: list[PanicError]) -> Done:
        half = len(call.inputs) // 2
        first, second = (
            self._outcomes(part(call, start, stop), faults) for start, stop in ((0, half), (half, len(call.inputs)))
        )
        return replace(
            first,
            outputs=first.outputs + second.outputs,
            load_s=first.load_s + second.load_s,
            run_s=first.run_s + second.run_s,
        )

    def _outcomes(self, call: Call, faults: list[PanicError]) -> Done:
        """A single item's fault is its outcome."""
        try:
            return self._answer(call, faults)
        except tuple(RETRIES) as fault:
            return Done((fault,))

    def _ask(self, run: Run, stay: Stay | None = None) -> Done:
        """Raises ``SessionLost`` when the worker that is to be stayed with has died since the call was taken."""
        started = time.perf_counter()
        worker = self.start()
        if stay is not None and stay.worker == worker.name and stay.process != worker.pid:
            raise SessionLost(f"{worker.name} is not the process any more that this session began with")
        starting_s = time.perf_counter() - started
        answer = worker.ask(run, self._limits.call_timeout_s or CALL_TIMEOUT_S)
        if answer.holds is not None:
            self.holds = answer.holds
        if isinstance(answer, Failed):
            raise answer.fault
        if run.call is not None:
            self._learnt.lower(run.call.spec, answer.limit)
        if not answer.load_s:
            return answer
        self.loads += 1
        return replace(answer, load_s=answer.load_s + starting_s)
