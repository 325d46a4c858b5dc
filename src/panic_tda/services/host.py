"""Where the models of the services run: the one place to change when they are to run somewhere else.

What a plain call of the executor can say (content in, content out) goes to the executor. Two things say more, and have
the loaded model to themselves in this process: an answer that is overheard while it is written, and the measurement of
texts for a purpose.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from panic_tda.content import Content, Text
from panic_tda.errors import ExecutionTimeout, ModelCallFailed, ModelError, PanicError, RequestError
from panic_tda.models.deployment import using
from panic_tda.models.language import Ending, LanguageModel, Prompt, Sampling
from panic_tda.models.model import Model, ModelSpec, Parameters, Placement
from panic_tda.models.purpose import Measured, Purpose, TextEmbedder
from panic_tda.runtime.execution import BatchLimits, execute
from panic_tda.runtime.executors import make_executor, threads_of_a_model
from panic_tda.runtime.residency import Budget, Residency
from panic_tda.runtime.result import Call, Result, Timings
from panic_tda.services.turns import Turn
from panic_tda.settings import Settings, load_settings

if TYPE_CHECKING:
    from panic_tda.models.model import Vector
    from panic_tda.runtime.executor import Executor


class Host:
    """Keeps models in memory from one request to the next. Use it as a context manager, from any thread.

    A model serves one request after the other; different models serve at the same time, within ``memory_budget``.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        load: Callable[[ModelSpec, Placement], Model] = ModelSpec.load,
    ) -> None:
        """Without ``settings``, those of the environment. The catalogue follows them until the host is closed."""
        self.settings = settings or load_settings()
        placement = Placement(threads=threads_of_a_model(self.settings), lender=lambda part: self._residency.lend(part))
        self._residency = Residency(Budget(self.settings.memory_budget_bytes), lambda spec: load(spec, placement))
        self._limits = BatchLimits()
        self._turns: dict[ModelSpec, Turn] = {}
        self._making = threading.Lock()
        self._executor: Executor | None = None
        self._following = ExitStack()
        self._following.enter_context(using(settings))

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def loads(self) -> int:
        """How often a model was loaded in this process."""
        return self._residency.loads

    def check(self, spec: ModelSpec) -> None:
        """Raises ``InsufficientMemory`` when the model can never be loaded here."""
        self._residency.check(spec)

    def run(self, spec: ModelSpec, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> Result:
        """A plain call, by the executor of the settings."""
        with self._making:
            if self._executor is None:
                self._executor = make_executor(self.settings)
        self._executor.check(spec)
        return self._executor.submit(Call(spec, tuple(inputs), tuple(seeds), parameters)).result()

    def write(self, spec: ModelSpec, prompt: Prompt, seed: int, sampling: Sampling) -> Answer:
        """An answer that is being written; close it to stop."""
        self.check(spec)
        return Answer(self, spec, lambda model, emit: _writer(spec, model).write(prompt, seed, sampling, emit))

    def measure(
        self, spec: ModelSpec, contents: Sequence[Content], purpose: Purpose
    ) -> tuple[list[Measured | ModelError], Timings]:
        """A vector for each content, in order, checked like that of any executor; a fault stands in its place."""
        asked = time.perf_counter()
        with self.turn(spec) as found:
            assert found is not None
            model, load_s = found
            started = time.perf_counter()
            reading = _Reading(model, purpose)
            call = Call(spec, tuple(contents), (0,) * len(contents))
            outcomes = execute(call, reading, self._limits)
            run_s = time.perf_counter() - started
        measured = [
            outcome if isinstance(outcome, ModelError) else Measured(cast("Vector", outcome), reading.cut.get(content))
            for outcome, content in zip(outcomes, contents, strict=True)
        ]
        return measured, Timings(started - asked - load_s, load_s, run_s)

    @contextmanager
    def turn(
        self, spec: ModelSpec, is_wanted: Callable[[], bool] = lambda: True
    ) -> Iterator[tuple[Model, float] | None]:
        """The loaded model, for this caller alone until the block ends, and the seconds its loading took.

        None when it is not wanted any more by then; call ``look_again`` when that changes.
        """
        turn = self._turn(spec)
        if not turn.take(is_wanted):
            yield None
            return
        try:
            with self._residency.use(spec) as (model, load_s):
                yield model, load_s
        finally:
            turn.leave()

    def look_again(self, spec: ModelSpec) -> None:
        """Wakes whoever waits for the model, to see whether it is still wanted."""
        self._turn(spec).look_again()

    def close(self) -> None:
        """Frees every model, once the requests in progress have ended."""
        for turn in self._turns.values():
            turn.take()
        self._residency.close()
        for turn in self._turns.values():
            turn.leave()
        if self._executor is not None:
            self._executor.close()
        self._following.close()

    def _turn(self, spec: ModelSpec) -> Turn:
        with self._making:
            return self._turns.setdefault(spec, Turn())


@contextmanager
def hosting(host: Host | None, settings: Settings | None) -> Iterator[Host]:
    """The host that was given, or one for the time of the block."""
    if host is not None:
        yield host
        return
    with Host(settings) as own:
        yield own


class Answer:
    """An iterator over the pieces of an answer while a thread writes it. Close it, or use it as a context manager.

    Pieces wait to be read, so a slow reader does not keep the model. After the last piece, ``ending`` and ``timings``
    are known.
    """

    def __init__(self, host: Host, spec: ModelSpec, write: Callable[[Any, Callable[[str], bool]], Ending]) -> None:
        self.ending: Ending | None = None
        self.timings = Timings()
        self._pieces: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._asked = time.perf_counter()
        self._limit_s = float(host.settings.call_timeout) or float("inf")
        self._until = float("inf")
        self._look_again = partial(host.look_again, spec)
        self._thread = threading.Thread(target=self._work, args=(host, spec, write), name="panic-tda-answer")
        self._thread.start()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Answer:
        return self

    def __next__(self) -> str:
        found = None if self._closed.is_set() else self._pieces.get()
        if isinstance(found, str):
            return found
        self.close()
        if found is not None:
            raise found
        raise StopIteration

    def close(self) -> None:
        """Stops the writing at the next token (or the waiting for it), and returns when the model is free."""
        self._closed.set()
        self._look_again()
        self._thread.join()

    def _work(self, host: Host, spec: ModelSpec, write: Callable[[Any, Callable[[str], bool]], Ending]) -> None:
        fault: BaseException | None = None
        try:
            with host.turn(spec, self._is_wanted) as found:
                if found is None:
                    return
                model, load_s = found
                started = time.perf_counter()
                self._until = started + self._limit_s
                self.ending = write(model, self._emit)
                run_s = time.perf_counter() - started
                self.timings = Timings(started - self._asked - load_s, load_s, run_s)
            if run_s > self._limit_s:
                raise ExecutionTimeout(f"{spec.name} did not end its answer within {self._limit_s:g} s")
        except PanicError as known:
            fault = known
        except Exception as stranger:  # a model may raise anything; it concerns this answer only
            fault = ModelCallFailed(f"{spec.name} raised {type(stranger).__name__}: {stranger}")
        finally:
            self._pieces.put(fault)

    def _is_wanted(self) -> bool:
        return not self._closed.is_set()

    def _emit(self, piece: str) -> bool:
        self._pieces.put(piece)
        return not self._closed.is_set() and time.perf_counter() < self._until


class _Reading:
    """A loaded model as an embedder for one purpose, which remembers the texts that were cut."""

    def __init__(self, model: Model, purpose: Purpose) -> None:
        self._model = model
        self._purpose = purpose
        self.cut: dict[Content, bool | None] = {}

    def embed(self, inputs: Sequence[Content]) -> Sequence[Vector | ModelError]:
        texts = [content.value for content in inputs if isinstance(content, Text)]
        if len(texts) < len(inputs) or not isinstance(self._model, TextEmbedder):
            return cast("Any", self._model).embed(inputs)  # type: ignore[no-any-return]
        measured = self._model.embed_texts(texts, self._purpose)
        for content, each in zip(inputs, measured, strict=True):
            if isinstance(each, Measured):
                self.cut[content] = each.truncated
        return [each if isinstance(each, ModelError) else each.vector for each in measured]

    def close(self) -> None:
        """The model stays."""


def _writer(spec: ModelSpec, model: object) -> LanguageModel:
    if not isinstance(model, LanguageModel):
        raise RequestError(
            f"{spec.name} makes texts for experiments, and cannot be asked directly",
            hint="panic-tda model recommend --task 'text->text' names models that can",
        )
    return model
