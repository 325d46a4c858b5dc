"""A pool of worker processes with one queue."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import Future
from contextlib import suppress

from panic_tda.errors import InsufficientMemory, PanicError, WorkerCrashed
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.process.schedule import Job, Schedule, Task
from panic_tda.runtime.process.slot import Recycling, SharedLimits, Slot
from panic_tda.runtime.residency import available_memory, check_fits
from panic_tda.runtime.result import Call, Result, Timings, failed

CALL_TIMEOUT_S = 600.0
MAX_QUEUE = 1_000
NEVER = Recycling()


class ProcessExecutor:
    """Models live in worker processes, which are started anew when they crash, hang or lose their accelerator.

    All share one memory budget, so that what fits in one process fits here. A call goes to the worker that holds its
    model; see :mod:`~panic_tda.runtime.process.placing`.
    """

    name = "process"

    def __init__(
        self,
        *,
        size: int = 0,
        memory_budget: int = 0,
        threads: int = 1,
        call_timeout_s: float = 0.0,
        max_queue: int = MAX_QUEUE,
        queue_timeout_s: float = 0.0,
        recycling: Recycling = NEVER,
    ) -> None:
        """``size`` workers (0: half of the cores), ``memory_budget`` in bytes for all of them (0: three quarters).

        A model call may take ``call_timeout_s`` seconds (0: ten minutes), ``max_queue`` calls may wait, each for
        ``queue_timeout_s`` seconds at most (0: as long as it takes). ``threads`` are for each worker.
        """
        self.workers = size or max(1, (os.cpu_count() or 1) // 2)
        self.slots = 2 * self.workers
        self._budget = memory_budget or available_memory()
        self._schedule = Schedule(
            self.workers, budget=self._budget, max_queue=max_queue, queue_timeout_s=queue_timeout_s
        )
        limits = SharedLimits()
        self._slots = [
            Slot(
                f"process-{number}",
                threads=threads,
                call_timeout_s=call_timeout_s or CALL_TIMEOUT_S,
                recycling=recycling,
                limits=limits,
                gone=self._schedule.look_again,
            )
            for number in range(self.workers)
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"panic-tda-{slot.name}", daemon=True)
            for number, slot in enumerate(self._slots)
        ]
        if queue_timeout_s:
            self._threads.append(threading.Thread(target=self._schedule.watch, name="panic-tda-queue", daemon=True))
        for thread in self._threads:
            thread.start()

    def submit(self, call: Call) -> Future[Result]:
        """See :class:`~panic_tda.runtime.executor.Executor`; raises ``QueueFull`` too."""
        try:
            self.check(call.spec)
        except InsufficientMemory as fault:
            return failed(fault)
        return self._schedule.put(call)

    def check(self, spec: ModelSpec) -> None:
        """Raises ``InsufficientMemory`` when the model is larger than the budget."""
        check_fits(spec, self._budget)

    def resident(self) -> frozenset[str]:
        """Names of the models that will be in memory when the queued calls have run."""
        return self._schedule.resident()

    def pids(self) -> tuple[int, ...]:
        """The worker processes that are there now."""
        return tuple(pid for slot in self._slots if (pid := slot.pid) is not None)

    @property
    def restarts(self) -> int:
        """How many worker processes were started in the place of others."""
        return sum(max(0, slot.started - 1) for slot in self._slots)

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
        timings = Timings()
        try:
            with suppress(PanicError):  # whoever wants the memory finds a worker that had to be ended
                slot.free(task.leaving, everything=task.everything)
            if task.job is not None:
                timings = self._answer(slot, task.job)
        finally:
            self._schedule.done(me, slot.holds, timings.load_s, timings.run_s)

    def _answer(self, slot: Slot, job: Job) -> Timings:
        queue_s = time.perf_counter() - job.submitted
        try:
            done, faults = slot.answer(job.call)
        except BaseException as fault:
            job.future.set_exception(fault)
            return Timings(queue_s)
        timings = Timings(queue_s, done.load_s, done.run_s)
        job.future.set_result(
            Result(
                outputs=done.outputs,
                model=f"{job.call.spec.name}@{job.call.spec.version}",
                seeds=job.call.seeds,
                timings=timings,
                started_at=done.started_at,
                worker=slot.name,
                synthetic=job.call.spec.synthetic,
                attempts=tuple(f"{type(fault).__name__}: {fault.message}" for fault in faults),
            )
        )
        return timings
