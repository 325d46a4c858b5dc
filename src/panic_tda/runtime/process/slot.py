"""One place in a pool: a worker process, replaced whenever it is lost, and calls answered through it.

A call whose worker dies or whose accelerator fails is repeated with the same seeds in a fresh process. When that does
not help, and when it takes too long, its batch is halved, so that one bad input costs its own outcome and no other's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from panic_tda.errors import DeviceFault, ExecutionTimeout, PanicError, WorkerCrashed
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.execution import BatchLimits, part
from panic_tda.runtime.process.child import Child
from panic_tda.runtime.process.messages import Done, Failed, Run
from panic_tda.runtime.result import Call

RETRIES: dict[type[PanicError], int] = {WorkerCrashed: 1, DeviceFault: 3, ExecutionTimeout: 0}
"""How often a call is repeated, as it is, after each of the faults that a process does not survive."""


@dataclass(frozen=True, slots=True)
class Recycling:
    """When a worker is replaced although nothing is wrong: after so many calls or seconds; 0 is never."""

    max_requests: int = 0
    max_age_s: float = 0.0

    def is_due(self, child: Child) -> bool:
        """Whether its time has come."""
        too_old = self.max_age_s and time.monotonic() - child.started > self.max_age_s
        return bool(too_old or (self.max_requests and child.served >= self.max_requests))


class SharedLimits:
    """The batch sizes that all workers of a pool learnt; they survive each worker."""

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


class Slot:
    """For one thread, but for :attr:`is_broken` and :attr:`pid`."""

    def __init__(
        self,
        name: str,
        *,
        threads: int,
        call_timeout_s: float,
        recycling: Recycling,
        limits: SharedLimits,
        gone: Callable[[], None],
    ) -> None:
        self.name = name
        self.started = 0
        """How many processes stood here so far."""
        self.loads = 0
        """How often a model was loaded here."""
        self.holds: Mapping[ModelSpec, int] = {}
        """The models in memory with their bytes, the least recently used first."""
        self._threads = threads
        self._call_timeout_s = call_timeout_s
        self._recycling = recycling
        self._limits = limits
        self._gone = gone
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process that stands here now."""
        child = self._child
        return child.pid if child is not None and child.is_alive else None

    @property
    def is_broken(self) -> bool:
        """Whether a process stood here and died."""
        child = self._child
        return child is not None and not child.is_alive

    def start(self) -> Child:
        """The process, started where there is none; raises ``WorkerCrashed`` when it does not come up."""
        if self._child is not None and not self._child.is_alive:
            self.end()
        if self._child is None:
            self._child = Child(self.name, threads=self._threads, gone=self._gone)
            self.started += 1
        return self._child

    def end(self) -> None:
        """Ends the process at once."""
        if self._child is not None:
            self._child.kill()
        self._child, self.holds = None, {}

    def close(self) -> None:
        """Lets the process end by itself."""
        if self._child is not None:
            self._child.close()
        self._child, self.holds = None, {}

    def free(self, leaving: Sequence[ModelSpec], *, everything: bool) -> None:
        """Frees models. Where nothing else is in memory the process is replaced: what it held is free for certain."""
        if everything:
            self.end()
        elif leaving:
            self._ask(Run(None, tuple(leaving)))

    def answer(self, call: Call) -> tuple[Done, list[PanicError]]:
        """What the call gave, and the faults before that; raises what the call as a whole failed with."""
        faults: list[PanicError] = []
        done = self._answer(call, faults)
        if self._child is not None and self._recycling.is_due(self._child):
            self.close()
        return done, faults

    def _answer(self, call: Call, faults: list[PanicError]) -> Done:
        retries = dict(RETRIES)
        while True:
            try:
                return self._ask(Run(call, limit=self._limits.limit(call.spec)))
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

    def _ask(self, run: Run) -> Done:
        started = time.perf_counter()
        child = self.start()
        starting_s = time.perf_counter() - started
        answer = child.ask(run, self._call_timeout_s)
        if answer.holds is not None:
            self.holds = answer.holds
        if isinstance(answer, Failed):
            raise answer.fault
        if run.call is not None:
            self._limits.lower(run.call.spec, answer.limit)
        if not answer.load_s:
            return answer
        self.loads += 1
        return replace(answer, load_s=answer.load_s + starting_s)
