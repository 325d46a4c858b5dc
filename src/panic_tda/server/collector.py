"""Contents of many requests, measured together: a batch costs a model little more than one content does."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from panic_tda.content import Content
from panic_tda.errors import PanicError
from panic_tda.models.model import ModelSpec
from panic_tda.models.purpose import Purpose
from panic_tda.runtime.result import Call, Result

if TYPE_CHECKING:
    from panic_tda.runtime.executor import Executor
    from panic_tda.runtime.result import Outcome

LONGEST_WAIT_S = 0.003
"""How long an idle model waits for more contents."""


@dataclass(slots=True)
class _Request:
    """What one caller waits for: an outcome for each content, in order."""

    answer: asyncio.Future[list[Outcome]]
    outcomes: list[Outcome | None]
    missing: int


@dataclass(slots=True)
class _Line:
    """Contents that wait for one model and purpose, and how many of its batches are on their way."""

    spec: ModelSpec
    purpose: Purpose
    waiting: deque[tuple[_Request, int, Content]] = field(default_factory=deque)
    in_flight: int = 0
    timer: asyncio.TimerHandle | None = None


class Collector:
    """Belongs to one event loop. A batch leaves when it is full, or when the model has nothing else to do."""

    def __init__(self, executor: Executor, *, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        self._executor = executor
        self._longest_wait_s = longest_wait_s
        self._lines: dict[tuple[str, str, Purpose], _Line] = {}

    async def measure(
        self, spec: ModelSpec, contents: Sequence[Content], purpose: Purpose = Purpose.DOCUMENT
    ) -> list[Outcome]:
        """One vector or error for each content; raises what fails a whole call of the model."""
        if not contents:
            return []
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        request = _Request(answer, [None] * len(contents), len(contents))
        line = self._lines.setdefault((spec.name, spec.version, purpose), _Line(spec, purpose))
        line.waiting.extend((request, place, content) for place, content in enumerate(contents))
        self._look(line)
        return await answer

    def _look(self, line: _Line) -> None:
        """Sends what is to be sent now. One batch more than the model computes at once is prepared meanwhile."""
        places = self._executor.places(line.spec) + 1
        while len(line.waiting) >= line.spec.batch_size and line.in_flight < places:
            self._send(line)
        if line.waiting and not line.in_flight and line.timer is None:
            line.timer = asyncio.get_running_loop().call_later(self._longest_wait_s, self._in_time, line)

    def _in_time(self, line: _Line) -> None:
        line.timer = None
        if line.waiting and not line.in_flight:
            self._send(line)

    def _send(self, line: _Line) -> None:
        batch: list[tuple[_Request, int, Content]] = []
        while line.waiting and len(batch) < line.spec.batch_size:
            item = line.waiting.popleft()
            if not item[0].answer.done():  # nobody waits for it any more
                batch.append(item)
        if not batch:
            return
        line.in_flight += 1
        loop = asyncio.get_running_loop()
        call = Call(line.spec, tuple(content for _, _, content in batch), (0,) * len(batch), purpose=line.purpose)
        loop.run_in_executor(None, self._submit, loop, line, batch, call)

    def _submit(
        self, loop: asyncio.AbstractEventLoop, line: _Line, batch: Sequence[tuple[_Request, int, Content]], call: Call
    ) -> None:
        """On a thread, for making an executor takes a while."""

        def tell(done: Future[Result]) -> None:
            loop.call_soon_threadsafe(self._done, line, batch, done)

        try:
            self._executor.submit(call).add_done_callback(tell)
        except PanicError as fault:
            failed: Future[Result] = Future()
            failed.set_exception(fault)
            tell(failed)

    def _done(self, line: _Line, batch: Sequence[tuple[_Request, int, Content]], done: Future[Result]) -> None:
        line.in_flight -= 1
        fault = asyncio.CancelledError() if done.cancelled() else done.exception()
        for index, (request, place, _) in enumerate(batch):
            if request.answer.done():
                continue
            if fault is not None:
                request.answer.set_exception(fault)
                continue
            request.outcomes[place] = done.result().outputs[index]
            request.missing -= 1
            if not request.missing:
                request.answer.set_result([outcome for outcome in request.outcomes if outcome is not None])
        self._look(line)  # not at once: those who were just answered ask again, and would miss a batch sent now
