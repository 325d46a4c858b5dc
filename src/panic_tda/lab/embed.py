"""The embed stage: a vector for every distinct output, under every embedder of the experiment."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial

from panic_tda.content import Content, Image, Text
from panic_tda.errors import PanicError
from panic_tda.lab.progress import Pace
from panic_tda.lab.sharing import embedders_in_turn
from panic_tda.lab.workbench import Task, Workbench
from panic_tda.lab.writing import Writer, retries_of
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.result import Call, Result
from panic_tda.store.generation import Failure, write_failures
from panic_tda.store.measurement import (
    Measured,
    Unmeasured,
    count_outputs,
    groups_of_runs,
    outputs_without_vector,
    write_vectors,
)
from panic_tda.store.outputs import load_outputs
from panic_tda.store.progress import Count, advance_stage, set_stage
from panic_tda.store.retries import Retry, write_retries
from panic_tda.store.statements import chunks

STAGE = "embed"
_OUTPUTS_AT_ONCE = 4_096


def embed(bench: Workbench, task: Task) -> None:
    """Embeds what has no vector yet; returns early, with everything finished stored, when asked to stop."""
    for mine in embedders_in_turn(bench, task, STAGE):
        _embed(bench, task, mine)


def _embed(bench: Workbench, task: Task, specs: Sequence[ModelSpec]) -> None:
    counts = {spec.name: _counted(bench, task, spec) for spec in specs}
    remaining = {name: count.total - count.done for name, count in counts.items()}
    done = sum(count.done for count in counts.values())
    pace = Pace(STAGE, done=done, remaining=remaining, report=bench.report)
    pace.tell()
    for spec in specs:
        if remaining[spec.name]:
            _Embedding(bench, task, spec, pace).perform()
            _counted(bench, task, spec)
    pace.tell()


def _counted(bench: Workbench, task: Task, spec: ModelSpec) -> Count:
    """Counts what has a vector, and keeps that: other experiments may have measured some of the same outputs."""
    version = task.versions[spec.name].id
    with bench.storing(task) as connection:
        done, total = count_outputs(connection, task.experiment_id, spec.signature.input, version)
        set_stage(connection, task.experiment_id, STAGE, spec.name, Count(done, total))
    return Count(done, total)


class _Embedding:
    """One embedder at work on one experiment."""

    def __init__(self, bench: Workbench, task: Task, spec: ModelSpec, pace: Pace) -> None:
        self._bench = bench
        self._task = task
        self._spec = spec
        self._pace = pace
        self._version = task.versions[spec.name].id
        self._in_flight: deque[tuple[Sequence[str], Call, Future[Result]]] = deque()

    def perform(self) -> None:
        with self._bench.record.reading() as connection:
            groups = list(groups_of_runs(connection, self._task.experiment_id))
        with Writer() as writer:
            for group in groups:
                self._embed_group(group, writer)
                self._bench.remember_pace(self._pace)
                if self._bench.stop.is_set():
                    return

    def _embed_group(self, run_ids: Sequence[str], writer: Writer) -> None:
        """Waits for the group's vectors to be stored, so that the next group does not ask for them again."""
        for page in self._pages(run_ids):
            for batch in chunks(page, self._bench.batch_size_of(self._spec)):
                if self._bench.stop.is_set():
                    break
                self._submit(batch)
                while len(self._in_flight) >= self._bench.executor.slots:
                    self._collect(writer)
        while self._in_flight:
            self._collect(writer)
        writer.flush()

    def _pages(self, run_ids: Sequence[str]) -> Iterator[list[Unmeasured]]:
        """What the group lacks, a few thousand outputs at a time: texts may be long, and runs too."""
        kind, last = self._spec.signature.input, ""
        while not self._bench.stop.is_set():
            with self._bench.record.reading() as connection:
                page = outputs_without_vector(
                    connection, run_ids, kind, self._version, self._spec.name, after=last, limit=_OUTPUTS_AT_ONCE
                )
            yield page
            if len(page) < _OUTPUTS_AT_ONCE:
                return
            last = page[-1].output_id

    def _submit(self, batch: Sequence[Unmeasured]) -> None:
        keys = [item.output_id for item in batch]
        inputs = self._contents(batch)
        call = Call(self._spec, inputs, seeds=(0,) * len(keys))
        self._in_flight.append((keys, call, self._bench.executor.submit(call)))

    def _contents(self, batch: Sequence[Unmeasured]) -> tuple[Content, ...]:
        """Texts are there already, images are loaded when their turn has come."""
        missing = [item.output_id for item in batch if item.text is None]
        images: dict[str, Content] = {}
        if missing:
            with self._bench.record.reading() as connection:
                images = load_outputs(connection, missing)
        return tuple(item.text or images[item.output_id] for item in batch)

    def _collect(self, writer: Writer) -> None:
        keys, call, future = self._in_flight.popleft()
        repeated: list[Retry] = []
        measured: list[Measured] = []
        failures: list[Failure] = []
        try:
            result = future.result()
        except PanicError as fault:
            failures = [self._failure(key, fault) for key in keys]
            seconds = 0.0
        else:
            seconds = result.timings.run_s
            repeated = retries_of(result, self._task.experiment_id, STAGE, call)
            for key, outcome in zip(keys, result.outputs, strict=True):
                if isinstance(outcome, PanicError):
                    failures.append(self._failure(key, outcome))
                elif not isinstance(outcome, (Text, Image)):
                    measured.append(Measured(key, outcome))
        writer.put(measured, list, partial(self._store, failures, repeated))
        self._pace.advance(self._spec.name, len(measured), seconds, failed=len(failures))
        self._pace.tell(self._spec.name)

    def _failure(self, key: str, fault: PanicError) -> Failure:
        return Failure(self._task.experiment_id, STAGE, self._spec.name, fault, output_id=key)

    def _store(self, failures: Sequence[Failure], repeated: Sequence[Retry], measured: Sequence[Measured]) -> None:
        with self._bench.storing(self._task) as connection:
            write_vectors(connection, measured, self._version)
            write_failures(connection, failures)
            write_retries(connection, repeated)
            advance_stage(connection, self._task.experiment_id, STAGE, self._spec.name, len(measured))
