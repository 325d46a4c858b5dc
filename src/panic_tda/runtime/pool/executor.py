"""The executor behind every pool: threads that wait for calls, one for each worker."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TypeAlias

from panic_tda.errors import PanicError, SessionLost, WorkerCrashed
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.metrics import Metrics, Snapshot
from panic_tda.runtime.pool.limits import LearntSizes, PoolLimits
from panic_tda.runtime.pool.placing import Accelerator
from panic_tda.runtime.pool.schedule import Job, Schedule, Task
from panic_tda.runtime.pool.slot import PoolWorker, Slot
from panic_tda.runtime.residency import Budget
from panic_tda.runtime.result import Attempt, Call, Result, Stay, Timings, failed

Start: TypeAlias = Callable[[Callable[[], None]], PoolWorker]
"""Starts a worker; it is given what to call when the worker dies."""


class PoolExecutor:
    """Models live in workers, which are started anew when they crash, hang or lose their accelerator.

    All share one memory budget, so that what fits in one process fits here. A call goes to the worker that holds its
    model; see :mod:`~panic_tda.runtime.pool.placing`.
    """

    def __init__(
        self, name: str, starts: Sequence[Start], limits: PoolLimits, *, accelerators: Sequence[Accelerator] = ()
    ) -> None:
        """``starts`` and ``accelerators`` have one entry for each place in the pool (none given: all share one)."""
        self.name = name
        self.workers = len(starts)
        self.slots = 2 * self.workers
        self._metrics = Metrics()
        self._budget = Budget(limits.memory_budget)
        self._schedule = Schedule(
            accelerators or [Accelerator.SHARED] * self.workers,
            budget=self._budget,
            max_queue=limits.max_queue,
            queue_timeout_s=limits.queue_timeout_s,
        )
        learnt = LearntSizes()
        self._slots = [
            Slot(partial(start, self._schedule.look_again), limits=limits, learnt=learnt) for start in starts
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"panic-tda-{name}-{number}", daemon=True)
            for number in range(self.workers)
        ]
        if limits.queue_timeout_s:
            self._threads.append(threading.Thread(target=self._schedule.watch, name="panic-tda-queue", daemon=True))
        for thread in self._threads:
            thread.start()

    def submit(self, call: Call) -> Future[Result]:
        """See :class:`~panic_tda.runtime.executor.Executor`; raises ``QueueFull`` too."""
        try:
            self.check(call.spec)
        except PanicError as fault:
            return failed(fault)
        return self._schedule.put(call, self._home(call.stay))

    def check(self, spec: ModelSpec) -> None:
        """Raises ``InsufficientMemory`` when the model is larger than the budget of its device."""
        self._budget.check(spec)

    def resident(self) -> frozenset[str]:
        """Names of the models that will be in memory when the queued calls have run."""
        return self._schedule.resident()

    def pids(self) -> tuple[int, ...]:
        """The processes of the workers that are there now."""
        return tuple(pid for slot in self._slots if (pid := slot.pid) is not None)

    @property
    def restarts(self) -> int:
        """How many workers were started in the place of others."""
        return sum(max(0, slot.started - 1) for slot in self._slots)

    def places(self, spec: ModelSpec) -> int:
        """How many calls of the model it runs at the same time."""
        return self._schedule.places(spec)

    def snapshot(self) -> Snapshot:
        """See :class:`~panic_tda.runtime.executor.Executor`."""
        resident: Counter[str] = Counter()
        for holds in self._schedule.holds():
            resident.update(holds)
        return Snapshot(self._metrics.models(), self.restarts, len(self.pids()), self._schedule.waiting(), resident)

    @property
    def loads(self) -> int:
        """How often a model was loaded."""
        return sum(slot.loads for slot in self._slots)

    def close(self) -> None:
        """Waits for the calls in progress, drops the queued ones and ends every worker."""
        self._schedule.close()
        for thread in self._threads:
            thread.join()

    def _work(self, me: int) -> None:
        """The life of one place in the pool."""
        slot = self._slots[me]
        while True:
            with suppress(WorkerCrashed):  # the next call starts it again, and tells what is wrong
                slot.start()
            task = self._schedule.next(me, lambda: slot.is_broken)
            if task.ends:
                break
            self._do(me, task)
        slot.close()

    def _do(self, me: int, task: Task) -> None:
        slot = self._slots[me]
        with suppress(PanicError):  # whoever wants the memory finds a worker that had to be ended
            slot.free(task.leaving, everything=task.everything)
        answer = self._answer(me, task.job) if task.job else None
        timings = answer.timings if isinstance(answer, Result) else Timings()
        # First the worker is free again, then the caller knows: it may want the same worker at once.
        self._schedule.done(me, slot.holds, timings.load_s, timings.run_s)
        if task.job is None:
            return
        if isinstance(answer, Result):
            task.job.future.set_result(answer)
        elif isinstance(answer, BaseException):
            task.job.future.set_exception(answer)

    def _answer(self, me: int, job: Job) -> Result | BaseException:
        """The result, or what the call as a whole failed with."""
        queue_s = time.perf_counter() - job.submitted
        try:
            with self._metrics.of(job.call.spec) as answered:
                return answered(self._result(me, job.call, queue_s))
        except BaseException as fault:
            return fault

    def _home(self, stay: Stay | None) -> int | None:
        """The number of the worker that is wanted; raises ``SessionLost`` when a strict one is not the same now."""
        if stay is None or not stay.worker.startswith(f"{self.name}-"):
            return None
        number = int(stay.worker.removeprefix(f"{self.name}-"))
        if stay.is_strict and self._slots[number].pid != stay.process:
            raise SessionLost(f"{stay.worker} is not the process any more that this session began with")
        return number

    def _result(self, me: int, call: Call, queue_s: float) -> Result:
        done, faults = self._slots[me].answer(call, insists=call.stay is not None and call.stay.is_strict)
        return Result(
            outputs=done.outputs,
            model=call.spec.reference,
            seeds=call.seeds,
            timings=Timings(queue_s, done.load_s, done.run_s),
            started_at=done.started_at,
            worker=f"{self.name}-{me}",
            synthetic=call.spec.synthetic,
            process=self._slots[me].pid or 0,
            attempts=tuple(Attempt(type(fault).__name__, fault.message) for fault in faults),
        )
