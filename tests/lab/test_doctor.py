"""Every kind of damage is planted by hand, found, and mended to the record that was there before."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.analysis.clustering import Sizes
from panic_tda.content import Text
from panic_tda.errors import RecordBusy, RecordError
from panic_tda.lab.cluster_outputs import ClusterRequest
from panic_tda.lab.clustering import compute_clustering
from panic_tda.lab.doctor import examine, fix
from panic_tda.lab.perform import create, extend, perform
from panic_tda.lab.progress import Progress
from panic_tda.lab.validation import validate_config
from panic_tda.store.database import Record, open_record
from panic_tda.store.experiments import find_experiment
from panic_tda.store.integrity.damage import Damage
from panic_tda.store.performers import Performer, join
from panic_tda.store.tables import embeddings, experiments, invocations, runs, stage_progress
from support.canonical import canonical
from support.contents import numbered
from support.damage import CASES, Case, change, lose_a_step, name_another_model, step
from support.laboratory import bench_on, performed
from support.postgresql import Server
from support.records import grow, plant

CONFIG: dict[str, Any] = {
    "networks": [["DummyT2I", "DummyI2T"], ["DummyT2I2", "DummyI2T2"]],
    "prompts": ["a red apple"],
    "seeds": [7, 8],
    "embedding_models": ["DummyText", "DummyVision"],
    "max_length": 6,
    "twins": {"noise": {"count": 1}},
    "stages": {"lyapunov": True},
}

DATABASES = ("sqlite", "postgresql")


def perform_and_cluster(record: Record) -> None:
    key = performed(record, CONFIG).id
    compute_clustering(record, ClusterRequest("DummyText", (key,), "hdbscan", Sizes(2, 2)))


@pytest.fixture(scope="module")
def performed_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the experiment performed; copy it, never change it."""
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("performed") / "record.sqlite"))
    with open_record(path) as record:
        perform_and_cluster(record)
    return path


@pytest.fixture(scope="module")
def performed_postgresql(postgresql_server: Server, postgresql_template: str) -> Iterator[str]:
    """The name of a database with the experiment performed; copy it, never change it."""
    name = postgresql_server.create(postgresql_template)
    with open_record(postgresql_server.url(name)) as record:
        perform_and_cluster(record)
    yield name
    postgresql_server.drop(name)


@pytest.fixture(params=DATABASES)
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Record, str]]:
    """A record of this test's own with the experiment performed, and its id, on each database in turn."""
    if request.param == "sqlite":
        location = str(shutil.copy(request.getfixturevalue("performed_sqlite"), tmp_path / "record.sqlite"))
    else:
        server = request.getfixturevalue("postgresql_server")
        name = server.create(request.getfixturevalue("performed_postgresql"))
        location = server.url(name)
    with open_record(location) as record:
        with record.reading() as connection:
            key = find_experiment(connection, "latest").id
        yield record, key
    if request.param == "postgresql":
        server.drop(name)


def found_in(record: Record) -> list[Damage]:
    with bench_on(record) as bench:
        return examine(bench)


def test_a_clean_record_has_no_findings_whatever_its_state(record: Record) -> None:
    assert found_in(record) == []
    key = performed(record, CONFIG).id
    with bench_on(record) as bench:
        create(bench, validate_config(CONFIG | {"prompts": ["never begun"]}, folder=Path()))
    looping = performed(
        record, CONFIG | {"prompts": ["Test prompt"], "seeds": [42, -1], "twins": None, "max_length": 60}
    )
    assert looping.status == "completed"
    assert found_in(record) == []
    with bench_on(record) as bench:
        assert examine(bench, [key]) == []


def test_runs_that_stopped_in_a_loop_are_whole(record: Record) -> None:
    with record.writing() as connection:
        contents = numbered(3)
        _, (looping, still) = plant(connection, [Text("a"), Text("b")], seeds=(7,), max_length=20)
        grow(connection, looping, [*contents, *contents[1:]], stop_reason="loop")
        grow(connection, still, [contents[0], contents[0]], stop_reason="loop")
        for run_id, period in ((looping, 2), (still, 1)):
            change(connection, runs, runs.c.id == run_id, period=period)
    assert found_in(record) == []


def test_what_has_grown_since_it_was_measured_is_no_damage_until_the_experiment_is_completed(record: Record) -> None:
    key = performed(record, CONFIG).id
    stop = threading.Event()

    def stop_after_a_step(progress: Progress) -> None:
        if progress.stage == "generate" and progress.done > 8 * 6:
            stop.set()

    with bench_on(record, report=stop_after_a_step, stop=stop, batch_size=2) as bench:
        extend(bench, key, max_length=8)
        assert perform(bench, [key])[0].status == "interrupted"
    with record.reading() as connection:
        assert len(set(connection.execute(sa.select(runs.c.length)).scalars())) > 1
    assert found_in(record) == []


def everything(record: Record, key: str) -> tuple[Any, ...]:
    """The record and its counters."""
    with record.reading() as connection:
        return canonical(record, key), sorted(tuple(row) for row in connection.execute(sa.select(stage_progress)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.plant.__name__)
def test_planted_damage_is_found_and_mended(whole: tuple[Record, str], case: Case) -> None:
    record, key = whole
    before = everything(record, key)
    with record.writing() as connection:
        case.plant(connection)
    found = found_in(record)
    assert (case.kind, case.table) in {(damage.kind, damage.table) for damage in found}
    assert everything(record, key) != before or case.plant is name_another_model
    with bench_on(record) as bench:
        fixed = fix(bench, found)
    assert fixed.left == []
    assert fixed.to_resume == []
    assert everything(record, key) == before


def test_only_the_damaged_experiment_is_looked_at_when_one_is_named(record: Record) -> None:
    damaged = performed(record, CONFIG).id
    other = performed(record, CONFIG | {"prompts": ["another"]}).id
    with record.writing() as connection:
        lose_a_step(connection)
    with bench_on(record) as bench:
        assert examine(bench, [other]) == []
        assert examine(bench, [damaged]) != []


def test_an_experiment_that_was_not_complete_is_mended_and_left_to_be_resumed(whole: tuple[Record, str]) -> None:
    record, key = whole
    before = canonical(record, key)
    with record.writing() as connection:
        lose_a_step(connection)
        connection.execute(sa.update(experiments).values(status="interrupted"))
    with bench_on(record) as bench:
        fixed = fix(bench, examine(bench))
        assert (fixed.left, fixed.to_resume) == ([], [key])
        perform(bench, [key])
    assert canonical(record, key) == before


def test_nothing_is_fixed_while_somebody_works_on_the_record(whole: tuple[Record, str]) -> None:
    record, key = whole
    with record.writing() as connection:
        lose_a_step(connection)
        join(connection, Performer(key, 60))
    with bench_on(record) as bench, pytest.raises(RecordBusy):
        fix(bench, examine(bench))


def test_more_than_a_hundred_findings_are_all_found(record: Record) -> None:
    performed(record, CONFIG | {"seeds": list(range(28)), "twins": None, "max_length": 8})
    with record.writing() as connection:
        connection.execute(sa.delete(embeddings))
    assert len([damage for damage in found_in(record) if damage.table == "embeddings"]) > 200


def test_a_reference_to_nothing_is_found_and_mended(sqlite_record: Record) -> None:
    """Only a database without its foreign keys can get there."""
    key = performed(sqlite_record, CONFIG).id
    before = canonical(sqlite_record, key)
    with sqlite_record.reading() as connection:
        output = step(connection).output_id
    with closing(sqlite3.connect(sqlite_record.location)) as bare:
        bare.execute("DELETE FROM outputs WHERE id = ?", (output,))
        bare.commit()
    found = found_in(sqlite_record)
    assert {"dangling"} <= {damage.kind for damage in found}
    assert {"invocations", "embeddings"} <= {damage.table for damage in found if damage.kind == "dangling"}
    with bench_on(sqlite_record) as bench:
        assert fix(bench, found).left == []
    assert canonical(sqlite_record, key) == before


def test_a_duplicate_that_a_damaged_schema_let_in_is_found(sqlite_record: Record) -> None:
    performed(sqlite_record, CONFIG)
    with sqlite_record.engine.connect() as connection:
        (sql,) = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'invocations'").one()
        rule = ", \n\tCONSTRAINT uq_invocations_run_id_sequence_number UNIQUE (run_id, sequence_number)"
        loose = sql.replace(rule, "")
        assert loose != sql
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql(loose.replace("invocations", "loose", 1))
        connection.exec_driver_sql("INSERT INTO loose SELECT * FROM invocations")
        connection.exec_driver_sql("DROP VIEW invocation_embeddings")
        connection.exec_driver_sql("DROP TABLE invocations")
        connection.exec_driver_sql("ALTER TABLE loose RENAME TO invocations")
        one = step(connection).id
        names = [column.name for column in invocations.columns if column.name != "id"]
        copied = ", ".join(names)
        connection.exec_driver_sql(
            f"INSERT INTO invocations (id, {copied}) SELECT 'twice', {copied} FROM invocations WHERE id = ?", (one,)
        )
        connection.commit()
    assert ("duplicate", "invocations") in {(damage.kind, damage.table) for damage in found_in(sqlite_record)}


def test_a_damaged_file_is_said_to_be_one_and_not_fixed(sqlite_record: Record) -> None:
    damage = Damage("file", "sqlite", "record.sqlite", "row 3 missing from index")
    with bench_on(sqlite_record) as bench, pytest.raises(RecordError, match="itself is damaged") as refused:
        fix(bench, [damage])
    assert "--recover" in (refused.value.hint or "")
