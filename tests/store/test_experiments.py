from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.errors import NotFound
from panic_tda.store.database import Record
from panic_tda.store.experiments import (
    PlannedTwin,
    ensure_runs,
    find_experiment,
    find_run,
    list_experiments,
    update_experiment,
)
from panic_tda.store.performers import Performer, join, leave
from panic_tda.store.tables import runs, twins
from support.contents import numbered
from support.records import counts, grow, planned, plant, run_ids


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


def test_an_experiment_can_be_opened_again_with_another_configuration(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
        performer = Performer(key, 60)
        join(connection, performer)
        leave(connection, performer, "completed")
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
