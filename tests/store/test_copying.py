"""Experiments go from SQLite to PostgreSQL and back, whole and exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.analysis.clustering import Sizes
from panic_tda.errors import ModelCallFailed, RecordBusy
from panic_tda.lab.cluster_outputs import ClusterRequest
from panic_tda.lab.clustering import compute_clustering
from panic_tda.lab.doctor import examine
from panic_tda.lab.perform import extend, perform
from panic_tda.store.copying import copy_experiments
from panic_tda.store.database import Record, open_record
from panic_tda.store.experiments import delete_experiment
from panic_tda.store.frames import runs_frame
from panic_tda.store.generation import Failure, write_failures
from panic_tda.store.integrity.references import dangling
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.model_versions import register
from panic_tda.store.performers import Performer, join
from panic_tda.store.retries import Retry, write_retries
from panic_tda.store.settings import write_setting
from panic_tda.store.tables import (
    clustering_results,
    embedding_clusters,
    experiments,
    invocations,
    metadata,
    outputs,
    runs,
    settings,
)
from support.canonical import canonical
from support.laboratory import bench_on, performed
from support.records import EMBEDDER, plant

CONFIG: dict[str, Any] = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["a red apple", "a blue pear"],
    "seeds": [7, 8],
    "embedding_models": ["DummyText", "DummyVision"],
    "max_length": 6,
    "stages": {"lyapunov": True},
    "twins": {"noise": {"count": 1}},
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
    fill(source, key)
    (copied,) = copy_experiments(source, target, [key])
    for table, number in {
        "runs": 8,
        "twins": 4,
        "invocations": 48,
        "lyapunov_results": 4,
        "failures": 2,
        "retries": 1,
    }.items():
        assert copied.rows[table] == number, table
    assert min(copied.rows[table] for table in ("clustering_results", "embedding_clusters", "stage_progress")) > 0
    assert rows(target) == rows(source)
    assert canonical(target, key) == canonical(source, key)
    with bench_on(target) as bench:
        assert examine(bench) == []


def fill(record: Record, key: str) -> None:
    """A clustering of the experiment, a failure of a run and one of an output that was measured after all."""
    compute_clustering(record, ClusterRequest("DummyText", (key,), "hdbscan", Sizes(2, 2)))
    with record.writing() as connection:
        run = connection.execute(sa.select(runs).where(runs.c.experiment_id == key).limit(1)).one()
        fault = ModelCallFailed("no")
        of_run = Failure(key, "diagrams", "DummyText", fault, run.id)
        write_retries(connection, [Retry(key, "embed", "DummyText", 4, "WorkerCrashed", "it was ended")])
        write_failures(connection, [of_run, Failure(key, "embed", "DummyText", fault, output_id=run.prompt_id)])


def test_settings_and_what_belongs_to_others_stay_and_nothing_refers_to_what_is_not_there(
    pair: tuple[Record, Record],
) -> None:
    source, target = pair
    key = performed(source, CONFIG).id
    performed(source, CONFIG | {"prompts": ["something else"]})
    compute_clustering(source, ClusterRequest("DummyText", (), "hdbscan", Sizes(2, 2)))
    with source.writing() as connection:
        write_setting(connection, "mine", 1)
    copy_experiments(source, target, [key])
    with target.reading() as connection:
        for table in (settings, clustering_results, embedding_clusters):
            assert connection.execute(sa.select(table)).all() == [], table.name
        assert connection.execute(sa.select(experiments.c.id)).scalars().all() == [key]
        assert list(dangling(connection, Scope())) == []
        used = sa.union(sa.select(invocations.c.output_id), sa.select(runs.c.prompt_id))
        assert connection.execute(sa.select(outputs.c.id).where(outputs.c.id.not_in(used))).all() == []


def test_experiments_that_share_outputs_arrive_one_after_the_other(pair: tuple[Record, Record]) -> None:
    source, target = pair
    keys = [
        performed(source, CONFIG).id,
        performed(source, CONFIG | {"seeds": [7, -1], "max_length": 4, "twins": None}).id,
    ]
    for key in [*keys, *reversed(keys)]:
        copy_experiments(source, target, [key])
    assert rows(target) == rows(source)
    with target.writing() as connection:
        delete_experiment(connection, keys[0])
    assert canonical(target, keys[1]) == canonical(source, keys[1])


def test_ids_that_look_like_numbers_stay_distinct_text(
    pair: tuple[Record, Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = pair
    ids = ["0688868050e750978308376736095512", "0688868050e950978308376736095512", "06888680500750978308376736095512"]
    monkeypatch.setattr("panic_tda.store.experiments.new_id", iter(ids).__next__)
    with source.writing() as connection:
        key, of_runs = plant(connection, seeds=(1, 2))
    assert sorted([key, *of_runs]) == sorted(ids)
    copy_experiments(source, target, [key])
    copied = runs_frame(target, [key])
    assert copied["experiment_id"].to_list() == [ids[0]] * 2
    assert sorted(copied["run_id"]) == sorted(ids[1:])


def test_copying_twice_changes_nothing(pair: tuple[Record, Record]) -> None:
    source, target = pair
    key = performed(source, CONFIG).id
    fill(source, key)
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
    assert (outcome.status, outcome.invocations) == ("completed", 80)


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
        join(connection, Performer(key, 60))
    copy_experiments(source, target, [key])
    with bench_on(target) as bench:
        assert perform(bench, [key])[0].status == "completed"


def test_a_copy_that_is_being_performed_is_left_alone(pair: tuple[Record, Record]) -> None:
    source, target = pair
    key = performed(source, CONFIG).id
    copy_experiments(source, target, [key])
    with target.writing() as connection:
        join(connection, Performer(key, 60))
    before = rows(target)
    with pytest.raises(RecordBusy):
        copy_experiments(source, target, [key])
    assert rows(target) == before
