"""The diagrams stage: a persistence diagram for every run under every embedder that measures it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from panic_tda.analysis.homology import persistence_diagram
from panic_tda.analysis.persistent_entropy import persistent_entropy
from panic_tda.errors import OutOfMemory, PanicError
from panic_tda.lab.config import DiagramsStage
from panic_tda.lab.progress import Pace
from panic_tda.lab.sharing import embedders_in_turn
from panic_tda.lab.workbench import Task, Workbench
from panic_tda.models.model import ModelSpec
from panic_tda.store.generation import Failure, write_failures
from panic_tda.store.progress import Count, advance_stage, count_failures, count_runs, set_stage
from panic_tda.store.topology import (
    StoredDiagram,
    Trajectory,
    load_trajectory,
    runs_without_diagram,
    write_diagram,
)

STAGE = "diagrams"
FEWEST_POINTS = 2


def diagrams(bench: Workbench, task: Task) -> None:
    """Computes the diagrams that are missing or out of date; returns early when asked to stop."""
    settings = task.experiment.config.diagrams
    if settings is not None:
        for mine in embedders_in_turn(bench, task, STAGE):
            _diagrams(bench, task, mine, settings)


def _diagrams(bench: Workbench, task: Task, specs: Sequence[ModelSpec], settings: DiagramsStage) -> None:
    missing = {spec.name: _begin(bench, task, spec, settings) for spec in specs}
    with bench.record.reading() as connection:
        total = count_runs(connection, task.experiment_id) * len(missing)
    remaining = {name: len(runs) for name, runs in missing.items()}
    done = total - sum(remaining.values())
    pace = Pace(STAGE, done=done, remaining=remaining, report=bench.report)
    pace.tell()
    with ThreadPoolExecutor(max_workers=bench.threads, thread_name_prefix="panic-tda-diagrams") as pool:
        for spec in specs:
            _Diagrams(bench, task, spec, settings, pace).perform(missing[spec.name], pool)
    pace.tell()


def _begin(bench: Workbench, task: Task, spec: ModelSpec, settings: DiagramsStage) -> list[str]:
    version = task.versions[spec.name]
    with bench.record.reading() as connection:
        missing = runs_without_diagram(connection, task.experiment_id, version.id, settings.max_dim, spec.name)
        total = count_runs(connection, task.experiment_id)
        done = total - len(missing) - count_failures(connection, task.experiment_id, STAGE, spec.name)
    with bench.storing(task) as connection:
        set_stage(connection, task.experiment_id, STAGE, spec.name, Count(done, total))
    return missing


class _Diagrams:
    """One embedder's diagrams: computed on threads (the engine releases the interpreter), stored here."""

    def __init__(self, bench: Workbench, task: Task, spec: ModelSpec, settings: DiagramsStage, pace: Pace) -> None:
        self._bench = bench
        self._task = task
        self._spec = spec
        self._settings = settings
        self._pace = pace
        self._version = task.versions[spec.name].id
        self._in_flight: deque[tuple[str, Future[StoredDiagram]]] = deque()

    def perform(self, run_ids: list[str], pool: ThreadPoolExecutor) -> None:
        for run_id in run_ids:
            if self._bench.stop.is_set():
                break
            with self._bench.record.reading() as connection:
                trajectory = load_trajectory(connection, run_id, self._spec.signature.input, self._version)
            future = pool.submit(compute_diagram, trajectory, self._version, self._settings)
            self._in_flight.append((run_id, future))
            while len(self._in_flight) > 2 * self._bench.threads:
                self._collect()
        while self._in_flight:
            self._collect()

    def _collect(self) -> None:
        run_id, future = self._in_flight.popleft()
        try:
            diagram = future.result()
        except (PanicError, MemoryError) as fault:
            self._fail(run_id, fault)
            return
        with self._bench.storing(self._task) as connection:
            write_diagram(connection, diagram)
            advance_stage(connection, self._task.experiment_id, STAGE, self._spec.name, 1)
        # The pool works on several at once, so an item costs the stage only its share of the seconds.
        self._pace.advance(self._spec.name, 1, diagram.seconds / self._bench.threads)
        self._pace.tell(self._spec.name)

    def _fail(self, run_id: str, fault: PanicError | MemoryError) -> None:
        error = fault if isinstance(fault, PanicError) else OutOfMemory("the diagram does not fit in memory")
        failure = Failure(self._task.experiment_id, STAGE, self._spec.name, error, run_id)
        with self._bench.storing(self._task) as connection:
            write_failures(connection, [failure])
        self._pace.advance(self._spec.name, 0, 0.0, failed=1)
        self._pace.tell(self._spec.name)


def compute_diagram(trajectory: Trajectory, model_version_id: str, settings: DiagramsStage) -> StoredDiagram:
    """The diagram of a trajectory with its entropies, or its explained absence when there are too few points."""
    started = time.perf_counter()
    found = persistence_diagram(trajectory.points, max_dim=settings.max_dim, max_points=settings.max_points)
    entropies = [persistent_entropy(bars) for bars in found.bars]
    return StoredDiagram(
        run_id=trajectory.run_id,
        model_version_id=model_version_id,
        run_length=trajectory.run_length,
        max_dim=settings.max_dim,
        points=found.points,
        distinct_points=found.distinct_points,
        unmeasured=trajectory.unmeasured,
        covering_radius=found.covering_radius,
        engine=found.engine,
        seconds=time.perf_counter() - started,
        bars=found.bars,
        entropy=[entropy.plain for entropy in entropies],
        normalised_entropy=[entropy.normalised for entropy in entropies],
        absence=_absence(trajectory),
    )


def _absence(trajectory: Trajectory) -> str | None:
    points = len(trajectory.points)
    if points >= FEWEST_POINTS:
        return None
    lost = f", {trajectory.unmeasured} could not be measured" if trajectory.unmeasured else ""
    return f"the run has {points} measured outputs of this kind{lost}; a diagram needs {FEWEST_POINTS}"
