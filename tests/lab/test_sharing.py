"""Two performers of one experiment in one process, on each database: everything is done, and nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.errors import RecordBusy
from panic_tda.lab.perform import Outcome, create, load, perform
from panic_tda.lab.progress import Progress
from panic_tda.lab.validation import validate_config
from panic_tda.lab.workbench import Task
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.result import Call, Result
from panic_tda.store.database import Record
from panic_tda.store.leases import lease
from panic_tda.store.performers import Performer, join
from panic_tda.store.settings import read_setting, write_setting
from panic_tda.store.tables import embeddings, leases, performers, persistence_diagrams, runs
from support.canonical import canonical
from support.laboratory import bench_on, fakes
from support.models import fake_spec

__all__ = ["fakes"]

CONFIG: dict[str, Any] = {
    "network": ["Echo"],
    "prompts": ["a", "b", "c", "d"],
    "seeds": [-1],
    "num_runs": 4,
    "embedding_models": ["Ruler", "Other"],
    "max_length": 10,
    "stages": {"lyapunov": True},
}
RUNS, STEPS = 16, 160


class Watched(InProcessExecutor):
    """Remembers what it was asked, and lets one call wait at a gate."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        super().__init__()
        self._gate = gate
        self.asked: list[Call] = []

    def submit(self, call: Call) -> Future[Result]:
        """Remembers the call."""
        if self._gate is not None and len(self.asked) == 2:
            assert self._gate.wait(60)
        self.asked.append(call)
        return super().submit(call)

    def items(self, signature: str) -> list[Any]:
        """What models of a signature were given."""
        calls = [call for call in self.asked if str(call.spec.signature) == signature]
        return [
            (call.spec.name, given.sha256, seed)
            for call in calls
            for given, seed in zip(call.inputs, call.seeds, strict=True)
        ]


def created(record: Record, fakes: dict[str, ModelSpec], **changes: Any) -> str:
    fakes["Other"] = fake_spec("Other", "text -> vector")
    with bench_on(record) as bench:
        return create(bench, validate_config(CONFIG | changes, folder=Path()))


def performed_by(record: Record, key: str, executor: InProcessExecutor, **options: Any) -> Outcome:
    with bench_on(record, executor=executor, glance_s=0.01, **options) as bench:
        return perform(bench, [key])[0]


def together(record: Record, key: str) -> list[Watched]:
    """One begins with everything; when the other has joined, both go on."""
    both_there = threading.Event()
    executors = [Watched(both_there), Watched()]

    def begun(progress: Progress) -> None:
        if progress.stage == "generate":
            both_there.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(performed_by, record, key, executors[0])
        while not executors[0].asked and not first.done():
            threading.Event().wait(0.01)
        second = pool.submit(performed_by, record, key, executors[1], report=begun)
        outcomes = [first.result(), second.result()]
    assert [outcome.status for outcome in outcomes] == ["completed"] * 2
    assert {outcome.invocations for outcome in outcomes} == {STEPS}
    return executors


def test_two_share_the_runs_and_the_embedders_and_do_nothing_twice(record: Record, fakes: dict[str, ModelSpec]) -> None:
    key = created(record, fakes)
    executors = together(record, key)
    generated = [item for executor in executors for item in executor.items("text -> text")]
    assert all(executor.items("text -> text") for executor in executors)
    assert len(generated) == STEPS
    measured = [item for executor in executors for item in executor.items("text -> vector")]
    assert len(measured) == len(set(measured)) == count(record, embeddings)
    assert count(record, persistence_diagrams) == 2 * RUNS
    assert (count(record, leases), count(record, performers)) == (0, 0)


def test_the_record_of_two_is_that_of_one(record: Record, fakes: dict[str, ModelSpec]) -> None:
    seeded = {"seeds": [1, 2, 3, 4], "num_runs": 1}
    shared, alone = created(record, fakes, **seeded), created(record, fakes, **seeded)
    together(record, shared)
    performed_by(record, alone, InProcessExecutor())
    assert canonical(record, shared) == canonical(record, alone)


def count(record: Record, table: sa.Table) -> int:
    with record.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def absent(record: Record, key: str, *, lease_s: float, run_ids: Sequence[str] | None = None) -> Performer:
    """A performer on another machine that has leased runs, and does nothing."""
    performer = Performer(key, lease_s)
    with record.writing() as connection:
        join(connection, performer)
        connection.execute(sa.update(performers).values(host="another-machine", pid=1))
        everything = connection.execute(sa.select(runs.c.id).where(runs.c.experiment_id == key)).scalars().all()
        lease(connection, performer, "generate", run_ids or list(everything))
    return performer


def test_what_a_dead_one_had_leased_is_done_when_its_time_has_run_out(
    record: Record, fakes: dict[str, ModelSpec]
) -> None:
    key = created(record, fakes)
    absent(record, key, lease_s=1)
    outcome = performed_by(record, key, InProcessExecutor())
    assert (outcome.status, outcome.invocations) == ("completed", STEPS)


def test_taking_over_does_not_wait_for_a_lease_to_run_out(record: Record, fakes: dict[str, ModelSpec]) -> None:
    key = created(record, fakes)
    absent(record, key, lease_s=3_600)
    with bench_on(record) as bench:
        assert perform(bench, [key], take_over=True)[0].status == "completed"


def test_one_that_waits_for_others_can_be_stopped(record: Record, fakes: dict[str, ModelSpec]) -> None:
    key = created(record, fakes)
    absent(record, key, lease_s=3_600)
    stop = threading.Event()
    with bench_on(record, glance_s=0.01, stop=stop, report=lambda _: stop.set()) as bench:
        assert perform(bench, [key])[0].status == "running"  # by the other one, as far as anybody knows


def test_one_that_was_taken_over_from_stores_nothing_more_and_says_so(
    record: Record, fakes: dict[str, ModelSpec]
) -> None:
    key = created(record, fakes)

    def taken_over(progress: Progress) -> None:
        with record.writing() as connection:
            connection.execute(sa.delete(performers))

    with bench_on(record, report=taken_over) as bench, pytest.raises(RecordBusy, match="was taken over") as caught:
        perform(bench, [key])
    assert f"resume {key}" in caught.value.hint
    with bench_on(record) as bench:
        outcome = perform(bench, [key])[0]
    assert (outcome.status, outcome.invocations) == ("completed", STEPS)


def test_nothing_is_stored_of_a_task_that_others_have_taken_over(record: Record, fakes: dict[str, ModelSpec]) -> None:
    key = created(record, fakes)
    performer = absent(record, key, lease_s=3_600)
    with bench_on(record) as bench:
        task = Task(*load(record, key), {}, performer)
        with bench.storing(task) as connection:
            write_setting(connection, "while it held the place", True)
        with record.writing() as connection:
            join(connection, Performer(key, 60), take_over=True)
        with pytest.raises(RecordBusy), bench.storing(task) as connection:
            write_setting(connection, "too late", True)
    with record.reading() as connection:
        assert read_setting(connection, "while it held the place") is True
        assert read_setting(connection, "too late") is None


def test_signs_of_life_are_given_while_a_model_works(record: Record, fakes: dict[str, ModelSpec]) -> None:
    key = created(record, fakes)
    expiries: list[datetime] = []

    class Slow(Watched):
        """Takes until two signs of life were given."""

        def submit(self, call: Call) -> Future[Result]:
            """Waits before the second call."""
            while self.asked and len(set(expiries)) < 3:
                with record.reading() as connection:
                    expiries.append(connection.execute(sa.select(performers.c.expires_at)).scalar_one())
                threading.Event().wait(0.01)
            return super().submit(call)

    performed_by(record, key, Slow(), lease_s=1.5)
    assert expiries == sorted(expiries)
