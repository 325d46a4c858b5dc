"""Experiments go from SQLite to PostgreSQL and back, whole and exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.errors import RecordBusy
from panic_tda.lab.doctor import examine
from panic_tda.lab.perform import extend, perform
from panic_tda.store.claims import claim
from panic_tda.store.copying import copy_experiments
from panic_tda.store.database import Record, open_record
from panic_tda.store.model_versions import register
from panic_tda.store.tables import metadata
from support.canonical import canonical
from support.laboratory import bench_on, performed
from support.records import EMBEDDER

CONFIG: dict[str, Any] = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["a red apple", "a blue pear"],
    "seeds": [7, -1],
    "embedding_models": ["DummyText", "DummyVision"],
    "max_length": 6,
    "stages": {"lyapunov": True},
}


@pytest.fixture(params=["sqlite to postgresql", "postgresql to sqlite"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Record, Record]]:
    """A source and an empty target on the other database."""
    locations = [request.getfixturevalue("sqlite_location"), request.getfixturevalue("postgresql_location")]
    if request.param.startswith("postgresql"):
        locations.reverse()
    with open_record(locations[0]) as source, open_record(locations[1]) as target:
        yield source, target


def rows(record: Record) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that belongs to experiments, ids and timestamps included, vectors as bytes."""
    found = {}
    with record.reading() as connection:
        for table in metadata.sorted_tables:
            if table.name == "settings":
                continue
            columns = [
                sa.type_coerce(column, sa.LargeBinary) if column.name == "vector" else column
                for column in table.columns
            ]
            listed = [tuple(map(repr, row)) for row in connection.execute(sa.select(*columns))]
            found[table.name] = sorted(listed)
    return found


def test_an_experiment_arrives_whole_with_its_ids_and_timestamps(pair: tuple[Record, Record]) -> None:
    source, target = pair
    key = performed(source, CONFIG).id
    (copied,) = copy_experiments(source, target, [key])
    assert (copied.rows["runs"], copied.rows["invocations"], copied.rows["lyapunov_results"]) == (4, 24, 4)
    assert rows(target) == rows(source)
    with bench_on(target) as bench:
        assert examine(bench) == []


def test_copying_twice_changes_nothing(pair: tuple[Record, Record]) -> None:
    source, target = pair
    key = performed(source, CONFIG).id
    copy_experiments(source, target, [key])
    before = rows(target)
    copy_experiments(source, target, [key])
    assert rows(target) == before


def test_a_copy_is_brought_up_to_date_and_can_be_worked_on(pair: tuple[Record, Record]) -> None:
    source, target = pair
    key = performed(source, CONFIG).id
    copy_experiments(source, target, [key])
    with bench_on(source) as bench:
        perform(bench, [extend(bench, key, max_length=9)])
    copy_experiments(source, target, [key])
    assert canonical(target, key) == canonical(source, key)
    with bench_on(target) as bench:
        outcome = perform(bench, [extend(bench, key, max_length=10)])[0]
    assert (outcome.status, outcome.invocations) == ("completed", 40)


def test_a_version_the_target_knows_under_another_id_is_the_same_version(pair: tuple[Record, Record]) -> None:
    source, target = pair
    with target.writing() as connection:
        register(connection, [EMBEDDER])
    performed(target, CONFIG | {"prompts": ["something else"]})
    key = performed(source, CONFIG).id
    copy_experiments(source, target, [key])
    assert canonical(target, key) == canonical(source, key)


def test_a_copy_of_what_is_being_performed_is_performed_by_nobody(pair: tuple[Record, Record]) -> None:
    source, target = pair
    key = performed(source, CONFIG).id
    with source.writing() as connection:
        claim(connection, key)
    copy_experiments(source, target, [key])
    with bench_on(target) as bench:
        assert perform(bench, [key])[0].status == "completed"


def test_a_copy_that_is_being_performed_is_left_alone(pair: tuple[Record, Record]) -> None:
    source, target = pair
    key = performed(source, CONFIG).id
    copy_experiments(source, target, [key])
    with target.writing() as connection:
        claim(connection, key)
    before = rows(target)
    with pytest.raises(RecordBusy):
        copy_experiments(source, target, [key])
    assert rows(target) == before
