"""What happens in the process that measures: load the model, time it in batches, watch its memory, try to refute it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

from panic_tda.content import Content, Image, Text
from panic_tda.errors import PanicError
from panic_tda.lab.measuring.permutation import Proof, draws_from_seeds, prove
from panic_tda.lab.measuring.trial_inputs import DISTINCT, trial_inputs
from panic_tda.lab.sanity import Verdict, judge
from panic_tda.models.memory_use import MemoryUse, memory_use
from panic_tda.models.model import Model, ModelSpec, Parameters, Placement
from panic_tda.runtime.execution import BatchLimits, execute
from panic_tda.runtime.residency import Residency
from panic_tda.runtime.result import Call

if TYPE_CHECKING:
    from panic_tda.runtime.result import Outcome

_REPEATS = 3
_LONG_S = 2.0
"""Seconds of a batch from which it is timed once only."""
_TOO_LONG_S = 60.0
"""Seconds of a batch after which no larger one is tried."""
_PROVED, _LARGEST_PROVED = 3, 8
"""Items of the permutation proof, and its largest batch."""

Tell: TypeAlias = Callable[[int, str], None]
"""Takes the batch size that is tried next (0 for none in particular) and a sentence for people."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be measured, with how many threads, and within which memory.

    A batch of ``fatal`` items is known to be too large, and nothing as large is tried.
    """

    spec: ModelSpec
    sizes: Sequence[int]
    threads: int
    budget_bytes: int
    fatal: int | None = None
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Findings:
    """What came out; see :class:`~panic_tda.models.measurements.Measurement`."""

    load_seconds: float
    resident_bytes: int
    peak_bytes: Mapping[int, int]
    seconds_per_item: Mapping[int, float]
    out_of_memory_at: int | None
    proof: Proof
    verdict: Verdict | None


def investigate(task: Task, tell: Tell) -> Findings:
    """Measures a model in this process, which should hold nothing else. Raises the error of its first failing item."""
    memory = memory_use(task.spec.device)
    bare = memory.now()
    residency = Residency(task.budget_bytes, lambda spec: spec.load(Placement(threads=task.threads)))
    tell(0, "loading")
    with residency.use(task.spec) as (model, load_s):
        tried = _Trial(task, model, memory, bare)
        tell(0, f"loaded in {load_s:.2f} s")
        stopped = _grow(tried, task, tell)
        tell(0, "the same items alone, together, in another order and beside others")
        proof = _proof(tried, task, stopped)
        verdict = tried.verdict()
    residency.close()
    return Findings(load_s, tried.resident, tried.peaks, tried.seconds, stopped, proof, verdict)


def _grow(tried: _Trial, task: Task, tell: Tell) -> int | None:
    """Tries the batch sizes from the smallest on, and returns the one that did not fit, if it came to that."""
    tried.run(1)
    for size in sorted(task.sizes):
        tell(size, f"batch of {size}")
        if tried.would_need(size) > task.budget_bytes or not tried.take(size):
            return size
        if tried.seconds[size] * size > _TOO_LONG_S:
            break
    return None


def _proof(tried: _Trial, task: Task, stopped: int | None) -> Proof:
    """The permutation proof, in batches that fit."""
    largest = min(_LARGEST_PROVED, max(tried.peaks)) if stopped or task.fatal else _LARGEST_PROVED
    items = trial_inputs(task.spec.signature.input, min(_PROVED, largest))
    return prove(tried.identities, items, batch=largest, draws=draws_from_seeds(task.spec))


class _Trial:
    """A loaded model, and what was seen of it."""

    def __init__(self, task: Task, model: Model, memory: MemoryUse, bare: int) -> None:
        self._task = task
        self._model = model
        self._memory = memory
        self._bare = bare
        self._limits = BatchLimits()
        self.resident = max(0, memory.now() - bare)
        self.peaks: dict[int, int] = {}
        self.seconds: dict[int, float] = {}

    def take(self, size: int) -> bool:
        """Times batches of a size and watches the memory; False when it did not fit."""
        self._memory.watch()
        seconds = [self.run(size)]
        while len(seconds) < _REPEATS and seconds[0] < _LONG_S:
            seconds.append(self.run(size))
        peak = max(0, self._memory.peak() - self._bare)
        if self._limits.limit(self._task.spec) is not None or (self.peaks and peak > self._task.budget_bytes):
            return False
        self.peaks[size] = peak
        self.seconds[size] = median(seconds) / size
        return True

    def would_need(self, size: int) -> int:
        """Bytes of a batch, if memory goes on growing with its size as it did; 0 while nothing is known."""
        if not self.peaks:
            return 0
        largest = max(self.peaks)
        return self.resident + max(0, self.peaks[largest] - self.resident) * size // largest

    def run(self, size: int) -> float:
        """Seconds of a batch."""
        started = time.perf_counter()
        self.answers(trial_inputs(self._task.spec.signature.input, size), range(size))
        return time.perf_counter() - started

    def answers(self, contents: Sequence[Content], seeds: Sequence[int]) -> tuple[Outcome, ...]:
        """The results of a batch; raises the first error among them."""
        call = Call(self._task.spec, tuple(contents), tuple(seeds), self._task.parameters)
        outcomes = execute(call, self._model, self._limits)
        for outcome in outcomes:
            if isinstance(outcome, PanicError):
                raise outcome
        return outcomes

    def identities(self, contents: Sequence[Content], seeds: Sequence[int]) -> list[str]:
        """What identifies the bits of each result."""
        return [identified(outcome) for outcome in self.answers(contents, seeds)]

    def verdict(self) -> Verdict | None:
        """Whether what a generator makes looks sane; None for an embedder."""
        spec = self._task.spec
        if not spec.signature.is_generator:
            return None
        inputs = trial_inputs(spec.signature.input, DISTINCT)
        outcomes = [self.answers([content], [seed])[0] for seed, content in enumerate(inputs)]
        return judge(spec.name, inputs, [each for each in outcomes if isinstance(each, (Text, Image))])


def identified(outcome: Outcome) -> str:
    """The hash of a content, or the bytes of a vector."""
    return outcome.sha256 if isinstance(outcome, (Text, Image)) else outcome.tobytes().hex()  # type: ignore[union-attr]
