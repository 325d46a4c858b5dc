"""The same experiment gives the same record, however it came about."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.lab.perform import create, extend, perform
from panic_tda.lab.validation import validate_config
from panic_tda.lab.workbench import Workbench
from panic_tda.models.model import Model, ModelSpec, Placement
from panic_tda.runtime.executors import make_executor
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.runtime.ray_cluster.executor import RayExecutor
from panic_tda.runtime.result import Call, Result
from panic_tda.settings import Settings
from panic_tda.store.database import Record, open_record
from panic_tda.store.generation import unfinished_runs
from panic_tda.store.tables import invocations, persistence_diagrams, runs
from support.canonical import Canonical, canonical
from support.laboratory import bench_on
from support.nursery import Nursery
from support.servers import running

CONFIG: dict[str, Any] = {
    "networks": [["DummyT2I", "DummyI2T"], ["DummyT2I2", "DummyI2T2", "DummyT2I", "DummyI2T"]],
    "prompts": ["Test prompt", "a red apple"],
    "seeds": [42, 7],
    "embedding_models": ["DummyText", "DummyVision"],
    "max_length": 24,
}


class CountingExecutor(InProcessExecutor):
    """Counts how often each (model, input, seed) is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[tuple[str, str, int]] = Counter()

    def submit(self, call: Call) -> Any:
        self.calls.update(
            (call.spec.name, item.sha256, seed) for item, seed in zip(call.inputs, call.seeds, strict=True)
        )
        return super().submit(call)


@contextmanager
def opened(place: Path | Record, **options: Any) -> Iterator[Workbench]:
    """A bench on a record, or on the file at a path."""
    with ExitStack() as stack:
        record = place if isinstance(place, Record) else stack.enter_context(open_record(place))
        yield stack.enter_context(bench_on(record, **options))


def performed(place: Path | Record, config: dict[str, Any] = CONFIG, **options: Any) -> Canonical:
    with opened(place, **options) as bench:
        key = create(bench, validate_config(config, folder=Path()))
        perform(bench, [key])
        return canonical(bench.record, key)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Canonical:
    return performed(tmp_path_factory.mktemp("reference") / "record.sqlite")


def test_the_reference_is_a_whole_experiment(reference: Canonical) -> None:
    assert len(reference["runs"]) == 8
    assert len(reference["invocations"]) == sum(row[5] for row in reference["runs"])
    assert len(reference["persistence_diagrams"]) == 16
    assert reference["failures"] == []


@pytest.mark.parametrize("batch_size", [1, 3, 8, 32])
def test_batch_size_does_not_change_the_record(reference: Canonical, record: Record, batch_size: int) -> None:
    assert performed(record, batch_size=batch_size) == reference


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_worker_processes_and_their_number_do_not_change_the_record(
    reference: Canonical, tmp_path: Path, workers: int
) -> None:
    assert performed(tmp_path / "record.sqlite", executor=ProcessExecutor(size=workers), batch_size=3) == reference


def test_a_server_that_runs_the_models_does_not_change_the_record(reference: Canonical, tmp_path: Path) -> None:
    with running(Settings(executor="inprocess")) as server:
        executor = make_executor(Settings(executor="remote", remote=server.url))
        assert performed(tmp_path / "record.sqlite", executor=executor, batch_size=3) == reference
        assert executor.snapshot().models.keys() == server.facilities.executor.snapshot().models.keys()


@pytest.mark.usefixtures("ray_cluster")
def test_actors_of_a_cluster_do_not_change_the_record(reference: Canonical, tmp_path: Path) -> None:
    assert performed(tmp_path / "record.sqlite", executor=RayExecutor(size=2), batch_size=8) == reference


def test_killed_workers_do_not_change_the_record(reference: Canonical, tmp_path: Path) -> None:
    executor, draw = ProcessExecutor(size=2), random.Random(3)

    def kill_one(_: Any) -> None:
        if draw.random() < 0.2 and (pids := executor.pids()):
            with suppress(ProcessLookupError):
                os.kill(draw.choice(pids), signal.SIGKILL)

    assert performed(tmp_path / "record.sqlite", executor=executor, batch_size=3, report=kill_one) == reference
    assert executor.restarts > 0


def test_the_order_of_runs_does_not_change_the_record(
    reference: Canonical, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shuffled(*given: Any) -> Any:
        positions = unfinished_runs(*given)
        random.Random(5).shuffle(positions)
        return positions

    monkeypatch.setattr("panic_tda.lab.generate.unfinished_runs", shuffled)
    assert performed(tmp_path / "record.sqlite", batch_size=3) == reference


def test_performing_again_changes_and_computes_nothing(reference: Canonical, tmp_path: Path) -> None:
    executor = CountingExecutor()
    with opened(tmp_path / "record.sqlite") as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
        perform(bench, [key])
    with opened(tmp_path / "record.sqlite", executor=executor) as bench:
        perform(bench, [key])
        assert canonical(bench.record, key) == reference
    assert executor.calls.total() == 0


@pytest.mark.parametrize("first_length", [1, 2, 9])
def test_perform_and_extend_equal_one_long_perform(reference: Canonical, record: Record, first_length: int) -> None:
    executor = CountingExecutor()
    short = CONFIG | {"max_length": first_length, "prompts": CONFIG["prompts"][:1], "seeds": [42]}
    with opened(record, executor=executor) as bench:
        key = create(bench, validate_config(short, folder=Path()))
        perform(bench, [key])
        extend(bench, key, max_length=CONFIG["max_length"])
        perform(bench, [key])
        extend(bench, key, prompts=["a red apple"], seeds=[7])
        perform(bench, [key])
        assert canonical(record, key) == reference
    generated = Counter({name: number for name, number in executor.calls.items() if "Text" not in name[0]})
    assert len(reference["invocations"]) == sum(n for (name, *_), n in generated.items() if "Vision" not in name)


def stop_after(bench: Workbench, reports: int) -> Callable[[Any], None]:
    count = iter(range(reports))
    return lambda _: None if next(count, None) is not None else bench.stop.set()


@pytest.mark.parametrize("reports", [1, 4, 9, 14, 30])
def test_an_interrupted_experiment_resumes_to_the_same_record_without_computing_twice(
    reference: Canonical, record: Record, reports: int
) -> None:
    executor = CountingExecutor()
    with opened(record, executor=executor, batch_size=3) as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
        object.__setattr__(bench, "report", stop_after(bench, reports))
        assert perform(bench, [key])[0].status == "interrupted"
        bench.stop.clear()
        object.__setattr__(bench, "report", lambda _: None)
        assert perform(bench, [key])[0].status == "completed"
        assert canonical(record, key) == reference
    generated = sum(number for (name, *_), number in executor.calls.items() if name[5:8] in ("T2I", "I2T"))
    assert generated == len(reference["invocations"])


def killed_after(nursery: Nursery, path: Path, reports: int) -> bool:
    """Performs in another process and kills it after so many reports; whether it was still at work."""
    process = nursery.start("crash.victim", str(path), str(path.with_suffix(".calls")), "--batch-size", "1")
    for _ in range(reports):
        if process.read_line() is None:
            break
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def test_killed_at_thirty_random_moments_and_resumed_the_record_is_the_same(
    reference: Canonical, nursery: Nursery, tmp_path: Path
) -> None:
    path = tmp_path / "record.sqlite"
    with opened(path) as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
    moments = random.Random(11)
    killed = sum(killed_after(nursery, path, moments.randint(1, 14)) for _ in range(30))
    with opened(path) as bench:
        assert perform(bench, [key])[0].status == "completed"
        assert canonical(bench.record, key) == reference
        with bench.record.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert killed >= 20


def test_an_executor_that_needs_the_model_again_loads_it_once(tmp_path: Path) -> None:
    loads: Counter[str] = Counter()

    def load(spec: ModelSpec, placement: Placement) -> Model:
        loads[spec.name] += 1
        return spec.load(placement)

    performed(tmp_path / "record.sqlite", executor=InProcessExecutor(load=load))
    assert set(loads.values()) == {1}


class TestRepair:
    """Holes and missing runs are filled; what was derived from them is computed again."""

    def damaged(self, record: Record, damage: Callable[[sa.Connection], None]) -> Canonical:
        with opened(record) as bench:
            key = create(bench, validate_config(CONFIG, folder=Path()))
            perform(bench, [key])
            with record.writing() as connection:
                damage(connection)
            perform(bench, [key])
            return canonical(record, key)

    def test_a_hole_inside_a_run_is_filled(self, reference: Canonical, record: Record) -> None:
        def damage(connection: sa.Connection) -> None:
            connection.execute(sa.delete(invocations).where(invocations.c.sequence_number == 5))

        assert self.damaged(record, damage) == reference

    def test_a_missing_run_is_created_again(self, reference: Canonical, record: Record) -> None:
        def damage(connection: sa.Connection) -> None:
            first = sa.select(sa.func.min(runs.c.id)).scalar_subquery()
            connection.execute(sa.delete(runs).where(runs.c.id == first))

        assert self.damaged(record, damage) == reference

    def test_missing_diagrams_are_computed_again(self, reference: Canonical, record: Record) -> None:
        def damage(connection: sa.Connection) -> None:
            connection.execute(sa.delete(persistence_diagrams))

        assert self.damaged(record, damage) == reference


def test_runs_at_different_steps_both_finish(reference: Canonical, record: Record) -> None:
    """Uneven resume: every run goes on from its own step."""
    with opened(record) as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
        perform(bench, [key])
        with record.writing() as connection:
            ids = list(connection.execute(sa.select(runs.c.id).order_by(runs.c.id)).scalars())
            for cut, run_id in enumerate(ids):
                late = sa.and_(invocations.c.run_id == run_id, invocations.c.sequence_number >= 2 * cut + 1)
                connection.execute(sa.delete(invocations).where(late))
        perform(bench, [key])
        assert canonical(record, key) == reference


def test_several_experiments_performed_together_share_batches(reference: Canonical, tmp_path: Path) -> None:
    class Recording(InProcessExecutor):
        largest = 0

        def submit(self, call: Call) -> Any:
            type(self).largest = max(self.largest, len(call.inputs))
            return super().submit(call)

    with opened(tmp_path / "record.sqlite", executor=Recording(), batch_size=64) as bench:
        keys = [create(bench, validate_config(CONFIG, folder=Path())) for _ in range(3)]
        outcomes = perform(bench, keys)
        assert [outcome.status for outcome in outcomes] == ["completed"] * 3
        assert all(canonical(bench.record, key) == reference for key in keys)
    assert Recording.largest > len(reference["runs"])


def test_a_result_of_the_executor_is_what_the_record_holds(tmp_path: Path) -> None:
    results: list[Result] = []

    class Keeping(InProcessExecutor):
        def _run(self, call: Call, submitted: float) -> Result:
            results.append(super()._run(call, submitted))
            return results[-1]

    config = CONFIG | {"max_length": 2, "seeds": [-1]}
    drawn = iter(range(1000, 2000))
    with opened(tmp_path / "record.sqlite", executor=Keeping(), draw=lambda: next(drawn)) as bench:
        key = create(bench, validate_config(config, folder=Path()))
        perform(bench, [key])
        rows = canonical(bench.record, key)["invocations"]
    assert sorted(row[7] for row in rows) == sorted(seed for result in results for seed in result.seeds if seed)
    assert all(row[7] >= 1000 for row in rows)
