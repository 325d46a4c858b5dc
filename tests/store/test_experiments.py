from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.errors import NotFound, RecordBusy
from panic_tda.store.claims import claim, release, status_of
from panic_tda.store.database import Record
from panic_tda.store.experiments import (
    PlannedTwin,
    delete_experiment,
    ensure_runs,
    find_experiment,
    find_run,
    list_experiments,
    update_experiment,
)
from panic_tda.store.tables import experiments, runs, twins
from support.contents import numbered
from support.records import counts, grow, planned, plant, run_ids


def mark_performer(record: Record, key: str, **performer: Any) -> None:
    with record.writing() as connection:
        values = {"performer": {"host": socket.gethostname()} | performer, "status": "running"}
        connection.execute(sa.update(experiments).where(experiments.c.id == key).values(**values))


def status(record: Record, key: str) -> str:
    with record.reading() as connection:
        return status_of(find_experiment(connection, key))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_planning_the_same_runs_twice_creates_nothing(record: Record) -> None:
    prompts = numbered(3)
    with record.writing() as connection:
        key, before = plant(connection, prompts, seeds=(-1, 0, 7), run_numbers=2)
        ensure_runs(connection, key, planned(prompts, seeds=(-1, 0, 7), run_numbers=2))
        assert run_ids(connection, key) == before
    assert len(before) == 18


def test_runs_are_numbered_in_the_order_of_planning(record: Record) -> None:
    prompts = numbered(40)
    with record.writing() as connection:
        key, _ = plant(connection, prompts)
        order = sa.select(runs.c.prompt_id).where(runs.c.experiment_id == key).order_by(runs.c.id)
        assert connection.execute(order).scalars().all() == [prompt.sha256 for prompt in prompts]


def test_missing_runs_are_created_and_the_others_stay(record: Record) -> None:
    with record.writing() as connection:
        key, before = plant(connection, seeds=range(67))
        grow(connection, before[0], numbered(2))
        ensure_runs(connection, key, planned(seeds=range(400)))
        after = run_ids(connection, key)
        assert len(after) == 400
        assert after[:67] == before
        assert connection.execute(sa.select(runs.c.length).where(runs.c.id == before[0])).scalar_one() == 2


def twins_of(planned_runs: list[Any], count: int = 2) -> list[PlannedTwin]:
    return [
        PlannedTwin(replace(run, run_number=1 + number), run, {"kind": "noise", "step": 0, "seed": number})
        for run in planned_runs
        for number in range(count)
    ]


def family(connection: sa.Connection) -> list[tuple[Any, ...]]:
    """Of every twin its seed, run number and perturbation, and seed and run number of the run it belongs to."""
    base = runs.alias("base")
    query = (
        sa.select(runs.c.seed, runs.c.run_number, twins.c.perturbation, base.c.seed, base.c.run_number)
        .join(twins, twins.c.run_id == runs.c.id)
        .join(base, base.c.id == twins.c.twin_of)
    )
    return sorted((tuple(row) for row in connection.execute(query)), key=repr)


def test_planning_the_same_twins_twice_creates_nothing(record: Record) -> None:
    plan = planned(numbered(2), seeds=(1, 2))
    with record.writing() as connection:
        key, _ = plant(connection, numbered(2), seeds=(1, 2))
        ensure_runs(connection, key, plan, twins_of(plan))
        before = run_ids(connection, key), family(connection)
        ensure_runs(connection, key, plan, twins_of(plan))
        assert (run_ids(connection, key), family(connection)) == before
    assert len(before[0]) == 4 * 3
    assert len(before[1]) == 4 * 2
    assert all(seed == base_seed and not number for seed, _, _, base_seed, number in before[1])


def test_twins_of_more_runs_than_are_inserted_at_once(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(numbered(2), seeds=(1, 2, 3))
    with record.writing() as connection:
        key, _ = plant(connection, numbered(2), seeds=(1, 2, 3))
        monkeypatch.setattr("panic_tda.store.experiments._RUNS_AT_ONCE", 2)
        ensure_runs(connection, key, plan, twins_of(plan))
        assert len(family(connection)) == 6 * 2


def test_a_twin_whose_run_was_lost_belongs_to_it_again(record: Record) -> None:
    plan = planned()
    with record.writing() as connection:
        key, (lost,) = plant(connection)
        ensure_runs(connection, key, plan, twins_of(plan))
        before = family(connection)
        connection.execute(sa.delete(runs).where(runs.c.id == lost))
        assert family(connection) == []
        ensure_runs(connection, key, plan, twins_of(plan))
        assert family(connection) == before


def test_twins_grow_with_their_runs(record: Record) -> None:
    plan = planned(max_length=9)
    with record.writing() as connection:
        key, _ = plant(connection)
        ensure_runs(connection, key, planned(), twins_of(planned()))
        ensure_runs(connection, key, plan, twins_of(plan))
        assert set(connection.execute(sa.select(runs.c.max_length)).scalars()) == {9}


def test_a_longer_plan_reopens_only_the_runs_that_its_length_stopped(record: Record) -> None:
    with record.writing() as connection:
        key, (short, looped, failed) = plant(connection, seeds=(1, 2, 3), max_length=2)
        for run, reason in ((short, "length"), (looped, "loop"), (failed, "failed")):
            grow(connection, run, numbered(2, run), stop_reason=reason)
        ensure_runs(connection, key, planned(seeds=(1, 2, 3), max_length=5))
        rows = connection.execute(sa.select(runs.c.max_length, runs.c.stop_reason).order_by(runs.c.id)).all()
    assert [tuple(row) for row in rows] == [(5, None), (5, "loop"), (5, "failed")]


def test_an_empty_plan_changes_nothing(record: Record) -> None:
    with record.writing() as connection:
        key, before = plant(connection)
        ensure_runs(connection, key, [])
        assert run_ids(connection, key) == before


def test_the_database_refuses_two_runs_of_one_identity(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
        row = dict(connection.execute(sa.select(runs)).one()._mapping)
    with pytest.raises(sa.exc.IntegrityError), record.writing() as connection:
        connection.execute(sa.insert(runs).values(**row | {"id": "another"}))
    with record.reading() as connection:
        assert len(run_ids(connection, key)) == 1


@pytest.mark.parametrize("find", [find_experiment, find_run])
def test_nothing_is_found_in_an_empty_record(record: Record, find: Any) -> None:
    with record.reading() as connection:
        for name in ("latest", "0", "", "%"):
            with pytest.raises(NotFound, match="there is no"):
                find(connection, name)


def test_an_experiment_is_found_by_id_prefix_and_latest(record: Record) -> None:
    with record.writing() as connection:
        first, second = (plant(connection)[0] for _ in range(2))
        common = first[: next(at for at, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)]
        assert find_experiment(connection, first).id == first
        assert find_experiment(connection, second.upper()).id == second
        assert find_experiment(connection, first[: len(common) + 1]).id == first
        assert find_experiment(connection, "latest").id == second
        with pytest.raises(NotFound, match=f"experiment {common!r} is ambiguous"):
            find_experiment(connection, common)
        with pytest.raises(NotFound, match=re.escape("there is no experiment '%'")):
            find_experiment(connection, "%")


def test_a_run_is_found_by_id_prefix_and_latest(record: Record) -> None:
    with record.writing() as connection:
        _, (first, second) = plant(connection, seeds=(1, 2))
        assert find_run(connection, first).seed == 1
        assert find_run(connection, "latest").id == second
        with pytest.raises(NotFound, match="is ambiguous") as caught:
            find_run(connection, first[:4])
    assert caught.value.hint == "panic-tda run list shows their ids"


def test_a_claimed_experiment_is_running_and_a_released_one_is_not(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
    assert status(record, key) == "pending"
    with record.writing() as connection:
        held = claim(connection, key)
        assert held.status == "pending"
    assert status(record, key) == "running"
    with record.writing() as connection:
        release(connection, held, "completed")
        row = find_experiment(connection, key)
    assert (row.status, row.performer) == ("completed", None)
    assert row.completed_at is not None


def test_an_interrupted_experiment_has_no_end(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
        release(connection, claim(connection, key), "interrupted")
        assert find_experiment(connection, key).completed_at is None


@pytest.mark.parametrize("performer", [{"pid": os.getppid()}, {"pid": 1, "host": "elsewhere"}], ids=["here", "there"])
def test_an_experiment_that_another_process_performs_is_busy(record: Record, performer: dict[str, Any]) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
    mark_performer(record, key, **performer)
    assert status(record, key) == "running"
    busy = f"experiment {key} is being performed by process {performer['pid']} on"
    with pytest.raises(RecordBusy, match=busy), record.writing() as connection:
        claim(connection, key)
    with record.writing() as connection:
        claim(connection, key, take_over=True)
        assert find_experiment(connection, key).performer["pid"] == os.getpid()


def test_an_experiment_whose_process_died_is_interrupted_and_can_be_taken_over(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
    mark_performer(record, key, pid=dead_pid())
    assert status(record, key) == "interrupted"
    with record.writing() as connection:
        claim(connection, key)
        performer = find_experiment(connection, key).performer
        assert (performer["host"], performer["pid"]) == (socket.gethostname(), os.getpid())
    assert status(record, key) == "running"


def test_one_that_was_taken_over_from_leaves_the_new_performer_alone(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
        old = claim(connection, key)
        with pytest.raises(RecordBusy):
            claim(connection, key)
        new = claim(connection, key, take_over=True)
        release(connection, old, "interrupted")
        assert find_experiment(connection, key).performer["token"] == new.token
        release(connection, new, "completed")
        assert find_experiment(connection, key).status == "completed"


def test_an_experiment_at_work_is_not_deleted(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
        held = claim(connection, key)
        with pytest.raises(RecordBusy):
            delete_experiment(connection, key)
        release(connection, held, "interrupted")
        delete_experiment(connection, key)


def test_a_process_of_another_user_counts_as_alive(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError

    with record.writing() as connection:
        key, _ = plant(connection)
    mark_performer(record, key, pid=dead_pid())
    monkeypatch.setattr(os, "kill", refuse)
    assert status(record, key) == "running"


def test_an_experiment_can_be_opened_again_with_another_configuration(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
        release(connection, claim(connection, key), "completed")
        update_experiment(connection, key, config={"networks": [], "more": "ö"}, pins={"Writer": "2"})
        row = find_experiment(connection, key)
    assert (row.status, row.completed_at) == ("pending", None)
    assert (row.config, row.model_versions) == ({"networks": [], "more": "ö"}, {"Writer": "2"})


def test_experiments_are_listed_newest_first_with_their_counts(record: Record) -> None:
    with record.writing() as connection:
        first, (one, two) = plant(connection, seeds=(1, 2))
        second, _ = plant(connection, [Text("other")])
        grow(connection, one, numbered(3))
        grow(connection, two, numbered(2))
        listed = list_experiments(connection)
    assert [(row["id"], row["status"], row["runs"], row["invocations"]) for row in listed] == [
        (second, "pending", 1, 0),
        (first, "pending", 2, 5),
    ]
    assert listed[0]["networks"] == [["Writer"]]


def test_an_experiment_without_runs_is_listed(record: Record) -> None:
    with record.writing() as connection:
        plant(connection, [])
        (listed,) = list_experiments(connection)
        assert (listed["runs"], listed["invocations"]) == (0, 0)
        assert counts(connection)["runs"] == 0
