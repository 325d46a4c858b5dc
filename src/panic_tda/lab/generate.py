"""The generate stage: brings every run of one or several experiments to its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any

from panic_tda.content import Content, Image
from panic_tda.errors import PanicError, TooManyFailures
from panic_tda.lab.network import Network, Node
from panic_tda.lab.planning import Batch, RunState, Wavefront
from panic_tda.lab.progress import Pace
from panic_tda.lab.sharing import leased, returned
from panic_tda.lab.workbench import Task, Workbench
from panic_tda.lab.writing import ContentCache, Writer, retries_of
from panic_tda.runtime.result import Call, Result
from panic_tda.store.generation import (
    Failure,
    Invocation,
    RunPosition,
    mend_holes,
    runs_with_holes,
    unfinished_ids,
    unfinished_runs,
    visited_outputs,
    write_failures,
    write_invocations,
)
from panic_tda.store.outputs import encode_row, known_outputs
from panic_tda.store.performers import count_performers, lock_experiment
from panic_tda.store.progress import count_runs, forget_stages, generate_count, steps_at, stop_reasons
from panic_tda.store.retries import Retry, write_retries

STAGE = "generate"
_SECONDS_BETWEEN_PACES = 5.0
_LARGE_IMAGE = 512 * 512
"""Pixels."""


@dataclass(frozen=True, slots=True)
class _InFlight:
    batch: Batch
    call: Call
    input_ids: tuple[str, ...]


def generate(bench: Workbench, tasks: Sequence[Task]) -> None:
    """Performs what is missing; returns early, with everything finished so far stored, when asked to stop.

    Raises ``TooManyFailures`` when the share of failed runs passes ``fail_on_error``.
    """
    for task in tasks:
        _mend(bench, task)
    if any(_unfinished(bench, task) for task in tasks):
        _Generation(bench, tasks).perform()


def _mend(bench: Workbench, task: Task) -> None:
    with bench.record.reading() as connection:
        holes = runs_with_holes(connection, task.experiment_id)
    if holes:
        with bench.storing(task) as connection:
            lock_experiment(connection, task.experiment_id)
            mend_holes(connection, task.experiment_id)
            forget_stages(connection, task.experiment_id)


def _unfinished(bench: Workbench, task: Task) -> list[str]:
    with bench.record.reading() as connection:
        return unfinished_ids(connection, task.experiment_id)


def _run_states(bench: Workbench, task: Task, run_ids: Sequence[str] | None) -> list[RunState]:
    with bench.record.reading() as connection:
        positions = unfinished_runs(connection, task.experiment_id, run_ids)
        visited = visited_outputs(connection, task.experiment_id, run_ids)
    networks = {network.id: network for network in task.experiment.networks}
    return [_run_state(position, networks, visited.get(position.run_id, [])) for position in positions]


def _run_state(position: RunPosition, networks: Mapping[str, Network], visited: Sequence[str]) -> RunState:
    network = Network.from_json(position.network)
    network = networks.get(network.id, network)
    cycle = len(network.nodes)
    state = RunState(
        position.run_id,
        position.experiment_id,
        network,
        position.seed,
        position.length,
        position.max_length,
        position.next_input,
        other_seed=position.other_seed,
        repeatable=network.is_repeatable,
    )
    for number, key in enumerate(visited):
        if number >= state.deterministic_from:
            state.visited.setdefault((number % cycle, int(key, 16)), number)
    return state


class _Generation:
    """The wavefront's thin shell: shares with other processes, submits, collects, stores, reports."""

    def __init__(self, bench: Workbench, tasks: Sequence[Task]) -> None:
        self._bench = bench
        self._tasks = {task.experiment_id: task for task in tasks}
        self._wave = Wavefront()
        self._mine: set[str] = set()
        self._shared = False
        self._looked = time.monotonic()
        self._cache = ContentCache(bench.record)
        self._sizes: dict[str, int] = {}
        with bench.record.reading() as connection:
            done = sum(generate_count(connection, key).done for key in self._tasks)
            self._runs = sum(count_runs(connection, key) for key in self._tasks)
            self._failed_before = sum(stop_reasons(connection, key)["failed"] for key in self._tasks)
        self._pace = Pace(STAGE, done=done, remaining={}, report=bench.report)
        self._remembered = time.monotonic()

    def perform(self) -> None:
        in_flight: dict[Future[Result], _InFlight] = {}
        with Writer() as writer:
            self._share(writer)
            self._pace.tell()
            while self._at_work(in_flight, writer):
                finished = wait(in_flight, return_when=FIRST_COMPLETED).done
                for future in [future for future in in_flight if future in finished]:
                    self._collect(in_flight.pop(future), future, writer)
                self._check_failures()
                self._remember_pace()
                self._look_around(writer)
        self._pace.tell()
        self._bench.remember_pace(self._pace)

    def _at_work(self, in_flight: dict[Future[Result], _InFlight], writer: Writer) -> bool:
        """Whether a batch is in flight, after waiting for work while others have all of it."""
        self._submit(in_flight)
        while not in_flight and not self._bench.stop.is_set() and self._share(writer):
            self._submit(in_flight)
            if not in_flight:
                self._bench.stop.wait(self._bench.glance_s)
        return bool(in_flight)

    def _look_around(self, writer: Writer) -> None:
        """Now and then, so that a process that joins gets its part."""
        if time.monotonic() - self._looked < self._bench.glance_s:
            return
        self._looked = time.monotonic()
        with self._bench.record.reading() as connection:
            others = any(count_performers(connection, key) > 1 for key in self._tasks)
        if others or self._shared:
            self._share(writer)

    def _share(self, writer: Writer) -> bool:
        """Takes this process's share of the unfinished runs and gives back the surplus; False when none is left."""
        writer.flush()  # what is leased is read from the record, and what is given back is read by others
        left = {key: _unfinished(self._bench, task) for key, task in self._tasks.items()}
        for key, run_ids in left.items():
            self._share_of(self._tasks[key], run_ids)
        self._shared = any(not self._mine.issuperset(run_ids) for run_ids in left.values())
        return any(left.values())

    def _share_of(self, task: Task, unfinished: Sequence[str]) -> None:
        share = leased(self._bench, task, STAGE, unfinished)
        new = [run_id for run_id in share.items if run_id not in self._mine]
        for state in _run_states(self._bench, task, None if len(new) == len(unfinished) else new):
            self._mine.add(state.run_id)
            self._wave.put(state)
            self._pace.add(calls_ahead(state))
        surplus = self._wave.withdraw(share.surplus, task.experiment_id)
        for state in surplus:
            self._mine.discard(state.run_id)
            self._pace.drop(calls_ahead(state))
        returned(self._bench, task, STAGE, [state.run_id for state in surplus])

    def _remember_pace(self) -> None:
        """Now and then, so that others who look at the experiment see how fast it goes."""
        if time.monotonic() - self._remembered >= _SECONDS_BETWEEN_PACES:
            self._remembered = time.monotonic()
            self._bench.remember_pace(self._pace)

    def _submit(self, in_flight: dict[Future[Result], _InFlight]) -> None:
        executor = self._bench.executor
        while len(in_flight) < executor.slots and not self._bench.stop.is_set():
            batch = self._wave.next_batch(executor.resident(), self._batch_size)
            if batch is None:
                return
            input_ids = tuple(run.next_input for run in batch.runs)
            seeds = tuple(run.next_seed if run.seed >= 0 else self._bench.draw() for run in batch.runs)
            inputs = tuple(self._cache.get(input_ids))
            call = Call(batch.node.spec, inputs, seeds, dict(batch.node.parameters))
            in_flight[executor.submit(call)] = _InFlight(batch, call, input_ids)

    def _batch_size(self, node: Node) -> int:
        if node.model not in self._sizes:
            self._sizes[node.model] = self._bench.batch_size_of(node.spec)
        places = self._bench.executor.places(node.spec)
        # Several workers share what waits, rather than one taking all of it.
        return min(self._sizes[node.model], -(-len(self._mine) // places)) if places > 1 else self._sizes[node.model]

    def _collect(self, sent: _InFlight, future: Future[Result], writer: Writer) -> None:
        try:
            result = future.result()
        except PanicError as fault:
            failures = [self._fail(run, sent.call, fault) for run in sent.batch.runs]
            writer.put([], self._encode, partial(self._store, [], failures, []))
            return
        steps: list[Invocation] = []
        failures = []
        seconds = result.timings.run_s / len(sent.batch.runs)
        for index, (run, outcome) in enumerate(zip(sent.batch.runs, result.outputs, strict=True)):
            if isinstance(outcome, PanicError):
                failures.append(self._fail(run, sent.call, outcome))
            elif isinstance(outcome, Content):
                steps.append(self._advance(run, sent, index, outcome, result, seconds))
        outputs = {step.output.sha256: step.output for step in steps}
        self._cache.add(outputs.values())
        repeated = retries_of(result, sent.batch.runs[0].experiment_id, STAGE, sent.call)
        writer.put(list(outputs.values()), self._encode, partial(self._store, steps, failures, repeated))
        self._pace.advance(sent.batch.node.model, len(steps), result.timings.run_s)
        self._pace.tell(sent.batch.node.label)

    def _advance(
        self, run: RunState, sent: _InFlight, index: int, output: Content, result: Result, seconds: float
    ) -> Invocation:
        sequence_number = run.length
        stop_reason, period = run.advance(output.sha256)
        if stop_reason is None:
            self._wave.put(run)
        else:
            self._pace.drop(calls_ahead(run))
            self._end(run)
        return Invocation(
            run_id=run.run_id,
            sequence_number=sequence_number,
            model_version_id=self._tasks[run.experiment_id].versions[sent.call.spec.name].id,
            input_id=sent.input_ids[index],
            output=output,
            seed=sent.call.seeds[index],
            started_at=result.started_at,
            completed_at=result.completed_at,
            seconds=seconds,
            stop_reason=stop_reason,
            period=period,
        )

    def _fail(self, run: RunState, call: Call, fault: PanicError) -> Failure:
        ahead = Counter(calls_ahead(run))
        self._pace.advance(call.spec.name, 0, 0.0, failed=1)
        ahead[call.spec.name] -= 1
        self._pace.drop(ahead)
        self._end(run)
        return Failure(run.experiment_id, STAGE, call.spec.name, fault, run.run_id, run.length)

    def _end(self, run: RunState) -> None:
        self._mine.discard(run.run_id)
        run.visited.clear()

    def _encode(self, outputs: Sequence[Content]) -> list[dict[str, Any]]:
        """The rows of the outputs that may be new; a large image that is stored already is not encoded again."""
        images = [output.sha256 for output in outputs if isinstance(output, Image) and _worth_asking(output)]
        known: set[str] = set()
        if images:
            with self._bench.record.reading() as connection:
                known = known_outputs(connection, images)
        return [encode_row(output) for output in outputs if output.sha256 not in known]

    def _store(
        self,
        steps: Sequence[Invocation],
        failures: Sequence[Failure],
        repeated: Sequence[Retry],
        rows: Sequence[dict[str, Any]],
    ) -> None:
        outputs = {step.output.sha256: step.output for step in steps}
        known = outputs.keys() - {row["id"] for row in rows}
        with self._bench.storing(*self._tasks.values()) as connection:
            # Another process may have deleted, with its experiment, what was known when this batch was encoded.
            vanished = known - known_outputs(connection, known)
            write_invocations(connection, steps, [*rows, *(encode_row(outputs[key]) for key in vanished)])
            write_failures(connection, failures)
            write_retries(connection, repeated)
        self._cache.stored(outputs.values())

    def _check_failures(self) -> None:
        limit = self._bench.fail_on_error
        failed = self._failed_before + self._pace.failed
        if limit is not None and failed > limit * self._runs:
            raise TooManyFailures(
                f"{failed} of {self._runs} runs failed, more than the share of {limit:g} that is allowed",
                hint=f"look at: {', '.join(f'panic-tda experiment show {key}' for key in self._tasks)}",
            )


def _worth_asking(image: Image) -> bool:
    """Whether encoding takes longer than asking the database if the image is there."""
    return image.width * image.height >= _LARGE_IMAGE


def calls_ahead(run: RunState) -> dict[str, int]:
    """How often each model will be called for this run if it does not stop early."""
    cycle = len(run.network.nodes)
    ahead: Counter[str] = Counter()
    for position, node in enumerate(run.network.nodes):
        ahead[node.model] += steps_at(position, cycle, run.length, run.max_length)
    return ahead
