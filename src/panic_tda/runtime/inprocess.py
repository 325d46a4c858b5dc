"""The executor that runs models in this process, one call at a time, on a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import TYPE_CHECKING

from panic_tda.errors import ExecutorClosed
from panic_tda.fault_points import reach
from panic_tda.models.model import Model, ModelSpec, Placement
from panic_tda.runtime.execution import BatchLimits, execute, overdue
from panic_tda.runtime.metrics import Metrics, Snapshot
from panic_tda.runtime.residency import Budget, ExpectedResidents, Residency
from panic_tda.runtime.result import Call, Result, Timings

if TYPE_CHECKING:
    from panic_tda.runtime.result import Outcome


class InProcessExecutor:
    """Models live in this process. One call runs, the next one waits: the device is never idle between them."""

    name = "inprocess"
    workers = 1
    slots = 2

    def __init__(
        self,
        *,
        memory_budget: int = 0,
        threads: int = 1,
        call_timeout_s: float = 0.0,
        load: Callable[[ModelSpec, Placement], Model] = ModelSpec.load,
    ) -> None:
        """``memory_budget`` in bytes (0: three quarters of each device), ``threads`` for each model.

        A call that takes longer than ``call_timeout_s`` (0: no limit) fails with ``ExecutionTimeout``. Nothing can stop
        a model that hangs in this process: it is left to itself, with its memory, and loaded anew for the next call.
        """
        placement = Placement(threads=threads, lender=lambda part: self._residency.lend(part))
        budget = Budget(memory_budget)
        self._expected = ExpectedResidents(budget)
        self._residency = Residency(budget, lambda spec: load(spec, placement))
        self._limits = BatchLimits()
        self._call_timeout_s = call_timeout_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="panic-tda-model")
        self._queueing = Lock()
        self._closed = False
        self._metrics = Metrics()
        self._waiting = 0

    @property
    def loads(self) -> int:
        """How often a model was loaded."""
        return self._residency.loads

    def submit(self, call: Call) -> Future[Result]:
        """See :class:`~panic_tda.runtime.executor.Executor`."""
        with self._queueing:
            if self._closed:
                raise ExecutorClosed("the executor is closed")
            self._expected.use(call.spec)
            self._waiting += 1
            return self._thread.submit(self._serve, call, time.perf_counter())

    def check(self, spec: ModelSpec) -> None:
        """Raises ``InsufficientMemory`` when the model is larger than the budget."""
        self._residency.check(spec)

    def places(self, spec: ModelSpec) -> int:
        """One."""
        return 1

    def resident(self) -> frozenset[str]:
        """Names of the models that will be in memory when the queued calls have run."""
        with self._queueing:
            return self._expected.names()

    def snapshot(self) -> Snapshot:
        """See :class:`~panic_tda.runtime.executor.Executor`."""
        resident = {spec.name: size for spec, size in self._residency.sizes().items()}
        return Snapshot(self._metrics.models(), 0, self.workers, self._waiting, resident)

    def close(self) -> None:
        """Waits for the call in progress, drops the queued ones and frees every model."""
        with self._queueing:
            self._closed = True
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._residency.close()

    def _serve(self, call: Call, submitted: float) -> Result:
        with self._queueing:
            self._waiting -= 1
        with self._metrics.of(call.spec) as answered:
            return answered(self._run(call, submitted))

    def _run(self, call: Call, submitted: float) -> Result:
        queue_s = time.perf_counter() - submitted
        with self._residency.use(call.spec) as (model, load_s):
            started_at, started = datetime.now(UTC), time.perf_counter()
            reach("before the model call")
            outputs = self._answer(call, model)
            reach("after the model call")
            run_s = time.perf_counter() - started
        return Result(
            outputs=outputs,
            model=call.spec.reference,
            seeds=call.seeds,
            timings=Timings(queue_s, load_s, run_s),
            started_at=started_at,
            worker="inprocess",
            synthetic=call.spec.synthetic,
        )

    def _answer(self, call: Call, model: Model) -> tuple[Outcome, ...]:
        if not self._call_timeout_s:
            return execute(call, model, self._limits)
        answer: Future[tuple[Outcome, ...]] = Future()
        Thread(target=self._answer_aside, args=(answer, call, model), name="panic-tda-call", daemon=True).start()
        try:
            return answer.result(self._call_timeout_s)
        except TimeoutError:
            self._residency.abandon(call.spec)
            raise overdue(call.spec.name, self._call_timeout_s) from None

    def _answer_aside(self, answer: Future[tuple[Outcome, ...]], call: Call, model: Model) -> None:
        try:
            answer.set_result(execute(call, model, self._limits))
        except BaseException as fault:
            answer.set_exception(fault)
