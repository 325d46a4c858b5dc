"""An executor for tests: answers what it was told to, and remembers what it was asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from panic_tda.content import Text
from panic_tda.errors import ExecutorClosed
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.metrics import Metrics, Snapshot
from panic_tda.runtime.result import Call, Result, Timings

if TYPE_CHECKING:
    from panic_tda.runtime.result import Outcome


def echo(call: Call) -> tuple[Outcome, ...]:
    """Gives every input back."""
    return call.inputs


class MockExecutor:
    """Answers at once: with what was enqueued, in order, and then with ``respond``."""

    name = "mock"
    workers = 1
    slots = 1

    def __init__(self, respond: Callable[[Call], tuple[Outcome, ...]] = echo) -> None:
        self._respond = respond
        self._answers: deque[tuple[Outcome, ...] | Exception] = deque()
        self._closed = False
        self._metrics = Metrics()
        self.history: list[Call] = []

    def enqueue(self, *outputs: Outcome | str) -> None:
        """The outputs of the next unanswered call; a plain string stands for a text."""
        self._answers.append(tuple(Text(output) if isinstance(output, str) else output for output in outputs))

    def enqueue_error(self, fault: Exception) -> None:
        """The next unanswered call fails as a whole."""
        self._answers.append(fault)

    def submit(self, call: Call) -> Future[Result]:
        """See :class:`~panic_tda.runtime.executor.Executor`."""
        if self._closed:
            raise ExecutorClosed("the executor is closed")
        self.history.append(call)
        answer = self._answers.popleft() if self._answers else self._respond(call)
        future: Future[Result] = Future()
        try:
            with self._metrics.of(call.spec) as answered:
                future.set_result(answered(self._result(call, answer)))
        except Exception as fault:
            future.set_exception(fault)
        return future

    def _result(self, call: Call, answer: tuple[Outcome, ...] | Exception) -> Result:
        if isinstance(answer, Exception):
            raise answer
        model = call.spec.reference
        started = datetime.now(UTC)
        return Result(answer, model, call.seeds, Timings(), started, "mock", synthetic=call.spec.synthetic)

    def check(self, spec: ModelSpec) -> None:
        """Everything fits."""

    def places(self, spec: ModelSpec) -> int:
        """One."""
        return 1

    def resident(self) -> frozenset[str]:
        """Every model that was called."""
        return frozenset(call.spec.name for call in self.history)

    def snapshot(self) -> Snapshot:
        """See :class:`~panic_tda.runtime.executor.Executor`."""
        return Snapshot(self._metrics.models(), 0, self.workers, 0, dict.fromkeys(self.resident(), 0))

    def close(self) -> None:
        """No call after this one."""
        self._closed = True
