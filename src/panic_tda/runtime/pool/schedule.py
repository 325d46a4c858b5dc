"""The queue of a pool, and who does what: the one place where its threads meet."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from panic_tda.errors import ExecutorClosed, QueueFull, QueueTimeout, WorkerBusy
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.pool.placing import Accelerator, Paces, Placed, Waiting, Worker, place
from panic_tda.runtime.residency import Budget, ExpectedResidents
from panic_tda.runtime.result import Affinity, Call, Result


@dataclass(slots=True, eq=False)
class Job:
    """A call that was submitted at ``submitted`` (``time.perf_counter``), and the future of its result."""

    call: Call
    future: Future[Result] = field(default_factory=Future)
    submitted: float = field(default_factory=time.perf_counter)
    overtaken: int = 0


class _Line(NamedTuple):
    """Calls that wait for the same: a model, and the worker they want."""

    spec: ModelSpec
    home: int | None
    strict: bool


class Task(NamedTuple):
    """What a worker does next: free models (``everything``: all it has), then a call, if any; or end."""

    job: Job | None = None
    leaving: tuple[ModelSpec, ...] = ()
    everything: bool = False
    ends: bool = False


class Schedule:
    """Every method may be called from any thread."""

    def __init__(
        self, accelerators: Sequence[Accelerator], *, budget: Budget, max_queue: int, queue_timeout_s: float
    ) -> None:
        self._workers = [Worker(gone=True, accelerator=each) for each in accelerators]
        self._orders: list[list[ModelSpec]] = [[] for _ in accelerators]
        self._queues: dict[_Line, deque[Job]] = {}
        self._budget = budget
        self._max_queue = max_queue
        self._queue_timeout_s = queue_timeout_s
        self._expected = ExpectedResidents(budget)
        self._paces = Paces()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, call: Call, home: int | None = None) -> Future[Result]:
        """Queues a call that wants the worker ``home``; raises ``ExecutorClosed``, ``QueueFull`` or ``WorkerBusy``."""
        strict = call.stay is not None and call.stay.is_strict
        with self._changed:
            if self._closed:
                raise ExecutorClosed("the executor is closed")
            if call.stay and call.stay.affinity is Affinity.STRICT_FAIL_FAST and home is not None:
                self._refuse_if_busy(home)
            waiting = self._count() - sum(worker.runs is None for worker in self._workers)
            if waiting >= self._max_queue:
                raise QueueFull(f"{waiting} calls wait already", hint="try again later")
            self._expected.use(call.spec)
            job = Job(call)
            self._queues.setdefault(_Line(call.spec, home, strict), deque()).append(job)
            self._changed.notify_all()
        return job.future

    def next(self, me: int, is_broken: Callable[[], bool]) -> Task:
        """Waits until there is something to do for the worker, which is idle from now on.

        A worker whose process ``is_broken`` gets a task without anything to do but to start a new one.
        """
        with self._changed:
            self._workers[me].gone = False
            self._changed.notify_all()  # others may have waited for the room that its models take
            while not self._closed:
                if is_broken():
                    return self._away(me, Task())
                if self._orders[me]:
                    return self._freeing(me)
                if task := self._serving(me):
                    return task
                self._changed.wait()
            return Task(ends=True)

    def done(self, me: int, holds: Mapping[ModelSpec, int], load_s: float = 0.0, run_s: float = 0.0) -> None:
        """The worker has done its task; ``holds`` is what is in its memory now, the least recently used first."""
        with self._changed:
            worker = self._workers[me]
            if worker.runs is not None and run_s:
                self._paces.see(worker.runs.name, load_s, run_s)
            worker.holds = dict(holds)
            worker.runs = None
            worker.gone = True
            self._changed.notify_all()

    def resident(self) -> frozenset[str]:
        """Names of the models that will be in memory when the queued calls have run."""
        with self._changed:
            return self._expected.names()

    def places(self, spec: ModelSpec) -> int:
        """How many calls of the model can run at the same time."""
        able = [worker for worker in self._workers if worker.can_run(spec)]
        share = spec.needs_accelerator and all(worker.accelerator is Accelerator.SHARED for worker in able)
        return 1 if share else len(able)

    def holds(self) -> list[dict[str, int]]:
        """For each worker the models in its memory, with their bytes."""
        with self._changed:
            return [{spec.name: size for spec, size in worker.holds.items()} for worker in self._workers]

    def waiting(self) -> int:
        """How many calls wait."""
        with self._changed:
            return self._count()

    def look_again(self) -> None:
        """Something changed that the schedule cannot see."""
        with self._changed:
            self._changed.notify_all()

    def watch(self) -> None:
        """Fails calls that wait too long, until the schedule is closed."""
        while (late := self._late()) is not None:
            for job in late:
                if job.future.set_running_or_notify_cancel():
                    said = f"{job.call.spec.name} waited {self._queue_timeout_s:g} s for a free worker"
                    job.future.set_exception(QueueTimeout(said, hint="try again later, or start more workers"))

    def close(self) -> None:
        """Ends every wait and cancels what is queued."""
        with self._changed:
            self._closed = True
            dropped, self._queues = list(self._jobs()), {}
            self._changed.notify_all()
        for job in dropped:
            job.future.cancel()

    def _serving(self, me: int) -> Task | None:
        """The next call for the worker, with the models that must leave it before."""
        while placed := self._placed(me):
            away = {other for other, _ in placed.leaving if other != me}
            for other, spec in placed.leaving:
                if other in away:
                    self._orders[other].append(spec)
                    self._workers[other].gone = True
            if away:
                self._changed.notify_all()
                continue  # somebody else may have room, or another call may be for this worker
            job = self._pop(placed.number)
            if job.future.set_running_or_notify_cancel():
                return self._taken(me, job, tuple(spec for _, spec in placed.leaving))
        return None

    def _placed(self, me: int) -> Placed | None:
        queue = [
            Waiting(line.spec, len(jobs), jobs[0].overtaken, line.home, line.strict) for line, jobs in self._in_order()
        ]
        return place(me, queue, self._workers, self._budget, self._paces)

    def _in_order(self) -> list[tuple[_Line, deque[Job]]]:
        """The lines of the queue, that with the oldest call first."""
        return sorted(self._queues.items(), key=lambda item: item[1][0].submitted)

    def _pop(self, number: int) -> Job:
        """The oldest call of a line; all that came before it and still wait have been overtaken once more."""
        line, jobs = self._in_order()[number]
        job = jobs.popleft()
        if not jobs:
            del self._queues[line]
        for others in self._queues.values():
            others[0].overtaken += others[0].submitted < job.submitted
        return job

    def _refuse_if_busy(self, home: int) -> None:
        waits = any(line.home == home and line.strict for line in self._queues)
        if waits or self._workers[home].runs is not None:
            raise WorkerBusy(
                "the worker of this session is at work", hint="try again, or use the affinity strict_queue"
            )

    def _jobs(self) -> Iterator[Job]:
        return chain.from_iterable(self._queues.values())

    def _count(self) -> int:
        return sum(map(len, self._queues.values()))

    def _taken(self, me: int, job: Job, leaving: tuple[ModelSpec, ...]) -> Task:
        worker, spec = self._workers[me], job.call.spec
        everything = bool(leaving) and len(leaving) == len(worker.holds)
        for each in leaving:
            del worker.holds[each]
        worker.holds[spec] = worker.holds.pop(spec, spec.memory_bytes)
        worker.runs = spec
        return Task(job, leaving, everything)

    def _freeing(self, me: int) -> Task:
        leaving, self._orders[me] = tuple(self._orders[me]), []
        return self._away(me, Task(leaving=leaving, everything=len(leaving) == len(self._workers[me].holds)))

    def _away(self, me: int, task: Task) -> Task:
        self._workers[me].gone = True
        return task

    def _late(self) -> list[Job] | None:
        """Those that have waited too long, as soon as there are any; None once the schedule is closed."""
        with self._changed:
            while not self._closed:
                longest = time.perf_counter() - self._queue_timeout_s
                if late := [job for job in self._jobs() if job.submitted <= longest]:
                    kept = {line: deque(job for job in jobs if job not in late) for line, jobs in self._queues.items()}
                    self._queues = {line: jobs for line, jobs in kept.items() if jobs}
                    return late
                oldest = min((jobs[0].submitted for jobs in self._queues.values()), default=None)
                self._changed.wait(None if oldest is None else oldest - longest)
            return None
