"""Every kind of damage is planted by hand, found, and mended to the record that was there before."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

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
from panic_tda.store.tables import (
    embedding_clusters,
    embeddings,
    experiments,
    invocations,
    lyapunov_results,
    model_versions,
    outputs,
    persistence_diagrams,
    runs,
    stage_progress,
    twins,
)
from support.canonical import canonical
from support.contents import numbered
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
Planter = Callable[[Connection], None]


def change(connection: Connection, table: sa.Table, test: Any, **values: Any) -> None:
    """Writes values past every rule of ours."""
    assert connection.execute(sa.update(table).where(test).values(**values)).rowcount == 1


def step(connection: Connection, number: int = 3, run: int = 1) -> sa.Row[Any]:
    """An invocation in the middle of a run."""
    run_id = connection.execute(sa.select(runs.c.id).order_by(runs.c.id).offset(run).limit(1)).scalar_one()
    mine = sa.and_(invocations.c.run_id == run_id, invocations.c.sequence_number == number)
    return connection.execute(sa.select(invocations).where(mine)).one()


def lose_a_step(connection: Connection) -> None:
    connection.execute(sa.delete(invocations).where(invocations.c.id == step(connection).id))


def lose_the_last_steps(connection: Connection) -> None:
    for number in (4, 5):
        connection.execute(sa.delete(invocations).where(invocations.c.id == step(connection, number).id))


def lose_a_run(connection: Connection) -> None:
    connection.execute(sa.delete(runs).where(runs.c.id == step(connection).run_id))


def lose_a_vector(connection: Connection) -> None:
    connection.execute(sa.delete(embeddings).where(embeddings.c.output_id == step(connection).output_id))


def lose_a_diagram(connection: Connection) -> None:
    found = connection.execute(sa.select(persistence_diagrams.c.id).limit(1)).scalar_one()
    connection.execute(sa.delete(persistence_diagrams).where(persistence_diagrams.c.id == found))


def break_the_chain(connection: Connection) -> None:
    other = step(connection, 1)
    change(connection, invocations, invocations.c.id == step(connection).id, input_id=other.output_id)


def put_an_image_in_a_text_slot(connection: Connection) -> None:
    """What renumbering a gap does."""
    here, other = step(connection, 5), step(connection, 4, run=3)
    change(connection, invocations, invocations.c.id == here.id, output_id=other.output_id)


def name_another_model(connection: Connection) -> None:
    other = connection.execute(sa.select(model_versions.c.id).where(model_versions.c.name == "DummyText")).scalar_one()
    change(connection, invocations, invocations.c.id == step(connection).id, model_version_id=other)


def change_a_seed(connection: Connection) -> None:
    change(connection, invocations, invocations.c.id == step(connection).id, seed=99)


def miscount_a_run(connection: Connection) -> None:
    change(connection, runs, runs.c.id == step(connection).run_id, length=4)


def forget_why_a_run_stopped(connection: Connection) -> None:
    change(connection, runs, runs.c.id == step(connection).run_id, stop_reason=None)


def claim_a_loop(connection: Connection) -> None:
    change(connection, runs, runs.c.id == step(connection).run_id, stop_reason="loop", period=2)


def alter_a_text(connection: Connection) -> None:
    change(connection, outputs, outputs.c.id == step(connection).output_id, text="something else")


def alter_an_image(connection: Connection) -> None:
    """A valid image with other pixels."""
    one, other = connection.execute(sa.select(outputs.c.id, outputs.c.data).where(outputs.c.kind == "image")).all()[:2]
    change(connection, outputs, outputs.c.id == one.id, data=other.data)


def truncate_an_image(connection: Connection) -> None:
    row = connection.execute(sa.select(outputs.c.id, outputs.c.data).where(outputs.c.kind == "image")).first()
    assert row is not None
    change(connection, outputs, outputs.c.id == row.id, data=row.data[:20])


def _vector(connection: Connection, values: Any) -> None:
    version = connection.execute(
        sa.select(embeddings.c.model_version_id).where(embeddings.c.output_id == step(connection).output_id)
    ).scalar_one()
    key = (embeddings.c.output_id == step(connection).output_id) & (embeddings.c.model_version_id == version)
    change(connection, embeddings, key, vector=np.asarray(values, dtype=np.float32))


def shorten_a_vector(connection: Connection) -> None:
    _vector(connection, np.full(256, 1 / 16))


def spoil_a_vector(connection: Connection) -> None:
    _vector(connection, np.full(768, np.nan))


def zero_a_vector(connection: Connection) -> None:
    _vector(connection, np.zeros(768))


def stretch_a_vector(connection: Connection) -> None:
    _vector(connection, np.ones(768))


def leave_a_stale_diagram(connection: Connection) -> None:
    found = connection.execute(sa.select(persistence_diagrams.c.id).limit(1)).scalar_one()
    change(connection, persistence_diagrams, persistence_diagrams.c.id == found, run_length=5)


def spoil_a_diagram(connection: Connection) -> None:
    found = connection.execute(sa.select(persistence_diagrams.c.id).limit(1)).scalar_one()
    change(connection, persistence_diagrams, persistence_diagrams.c.id == found, data=b"PK not a zip")


def a_result(connection: Connection) -> str:
    """A Lyapunov result that is a number."""
    known = sa.select(lyapunov_results.c.id).where(lyapunov_results.c.exponent.is_not(None))
    return str(connection.execute(known.order_by(lyapunov_results.c.id).limit(1)).scalar_one())


def _result(connection: Connection, **values: Any) -> None:
    change(connection, lyapunov_results, lyapunov_results.c.id == a_result(connection), **values)


def lose_an_exponent(connection: Connection) -> None:
    connection.execute(sa.delete(lyapunov_results).where(lyapunov_results.c.id == a_result(connection)))


def leave_an_exponent_of_fewer_runs(connection: Connection) -> None:
    _result(connection, num_runs=3)


def leave_an_exponent_of_fewer_steps(connection: Connection) -> None:
    _result(connection, num_invocations=10)


def miscount_the_vectors_of_an_exponent(connection: Connection) -> None:
    _result(connection, num_points=5)


def name_runs_that_never_were(connection: Connection) -> None:
    _result(connection, network_id="0" * 64)


def put_words_in_a_curve(connection: Connection) -> None:
    _result(connection, divergence_curve=["near", "far", "farther"])


def put_a_number_in_the_place_of_a_curve(connection: Connection) -> None:
    _result(connection, log_divergence_curve=3)


def shorten_a_curve(connection: Connection) -> None:
    _result(connection, divergence_curve=[0.5])


def spoil_an_exponent(connection: Connection) -> None:
    _result(connection, exponent_high=math.inf)


def spoil_a_curve(connection: Connection) -> None:
    """A number that no float can hold is infinity when it is read; PostgreSQL keeps JSON as it is written."""
    curve = connection.execute(
        sa.select(lyapunov_results.c.divergence_curve).where(lyapunov_results.c.id == a_result(connection))
    ).scalar_one()
    text = json.dumps([0.25, *curve[1:]]).replace("0.25", "1e999", 1)
    column = sa.type_coerce(sa.literal_column(f"'{text}'"), sa.JSON)
    _result(connection, divergence_curve=column)


def turn_an_interval_round(connection: Connection) -> None:
    _result(connection, early_low=0.5, early_high=-0.5)


def explain_an_exponent_away(connection: Connection) -> None:
    _result(connection, absence="there is none")


def merge_more_pairs_than_there_are(connection: Connection) -> None:
    _result(connection, merged_pairs=400)


def _counter(connection: Connection, of: str, **values: Any) -> None:
    mine = sa.and_(stage_progress.c.stage == of, stage_progress.c.model == "DummyText")
    change(connection, stage_progress, mine, **values)


def lose_a_counter(connection: Connection) -> None:
    mine = sa.and_(stage_progress.c.stage == "lyapunov", stage_progress.c.model == "DummyText")
    assert connection.execute(sa.delete(stage_progress).where(mine)).rowcount == 1


def count_too_little(connection: Connection) -> None:
    _counter(connection, "embed", done=1)


def count_more_than_there_is(connection: Connection) -> None:
    _counter(connection, "diagrams", done=10_000)


def expect_more_than_there_is(connection: Connection) -> None:
    _counter(connection, "lyapunov", done=900, total=900)


def count_below_nothing(connection: Connection) -> None:
    _counter(connection, "embed", done=-1)


def count_for_a_stage_that_never_was(connection: Connection) -> None:
    _counter(connection, "embed", stage="digest")


def forget_that_a_run_is_a_twin(connection: Connection) -> None:
    connection.execute(sa.delete(twins).where(twins.c.run_id == a_twin(connection)))


def twin_another_run(connection: Connection) -> None:
    other = step(connection, run=3).run_id
    change(connection, twins, twins.c.run_id == a_twin(connection), twin_of=other)


def perturb_in_another_way(connection: Connection) -> None:
    change(connection, twins, twins.c.run_id == a_twin(connection), perturbation={"kind": "prompt", "changes": 3})


def make_a_run_a_twin(connection: Connection) -> None:
    both = connection.execute(sa.select(runs.c.id).where(runs.c.run_number == 0).order_by(runs.c.id)).scalars().all()
    connection.execute(sa.insert(twins), {"run_id": both[0], "twin_of": both[1], "perturbation": {"kind": "noise"}})


def a_twin(connection: Connection) -> str:
    return str(connection.execute(sa.select(twins.c.run_id).order_by(twins.c.run_id).limit(1)).scalar_one())


def lose_the_members_of_a_clustering(connection: Connection) -> None:
    connection.execute(sa.delete(embedding_clusters))


def take_the_medoid_from_a_cluster(connection: Connection) -> None:
    connection.execute(sa.update(embedding_clusters).values(cluster=0, medoid_output_id=None))


def give_the_outliers_a_medoid(connection: Connection) -> None:
    one = connection.execute(sa.select(embedding_clusters.c.output_id).limit(1)).scalar_one()
    connection.execute(sa.update(embedding_clusters).values(cluster=-1, medoid_output_id=one))


def give_a_cluster_two_medoids(connection: Connection) -> None:
    both = connection.execute(sa.select(embedding_clusters.c.output_id).limit(2)).scalars().all()
    for output_id, medoid in zip(both, both, strict=True):
        mine = embedding_clusters.c.output_id == output_id
        change(connection, embedding_clusters, mine, cluster=0, medoid_output_id=medoid)


def take_the_medoid_from_elsewhere(connection: Connection) -> None:
    prompt = connection.execute(sa.select(runs.c.prompt_id).limit(1)).scalar_one()
    connection.execute(sa.update(embedding_clusters).values(cluster=0, medoid_output_id=prompt))


class Case(NamedTuple):
    plant: Planter
    kind: str
    table: str


CASES = [
    Case(lose_a_step, "missing", "invocations"),
    Case(lose_the_last_steps, "length", "runs"),
    Case(lose_a_run, "missing", "runs"),
    Case(lose_a_vector, "missing", "embeddings"),
    Case(lose_a_diagram, "missing", "persistence_diagrams"),
    Case(break_the_chain, "chaining", "invocations"),
    Case(put_an_image_in_a_text_slot, "type", "invocations"),
    Case(name_another_model, "type", "invocations"),
    Case(change_a_seed, "chaining", "invocations"),
    Case(miscount_a_run, "length", "runs"),
    Case(forget_why_a_run_stopped, "length", "runs"),
    Case(claim_a_loop, "length", "runs"),
    Case(alter_a_text, "content", "outputs"),
    Case(alter_an_image, "content", "outputs"),
    Case(truncate_an_image, "content", "outputs"),
    Case(shorten_a_vector, "length", "embeddings"),
    Case(spoil_a_vector, "non-finite", "embeddings"),
    Case(zero_a_vector, "content", "embeddings"),
    Case(stretch_a_vector, "content", "embeddings"),
    Case(leave_a_stale_diagram, "stale", "persistence_diagrams"),
    Case(spoil_a_diagram, "content", "persistence_diagrams"),
    Case(lose_an_exponent, "missing", "lyapunov_results"),
    Case(leave_an_exponent_of_fewer_runs, "stale", "lyapunov_results"),
    Case(leave_an_exponent_of_fewer_steps, "stale", "lyapunov_results"),
    Case(miscount_the_vectors_of_an_exponent, "stale", "lyapunov_results"),
    Case(name_runs_that_never_were, "dangling", "lyapunov_results"),
    Case(put_words_in_a_curve, "type", "lyapunov_results"),
    Case(put_a_number_in_the_place_of_a_curve, "type", "lyapunov_results"),
    Case(shorten_a_curve, "length", "lyapunov_results"),
    Case(spoil_an_exponent, "non-finite", "lyapunov_results"),
    Case(spoil_a_curve, "non-finite", "lyapunov_results"),
    Case(turn_an_interval_round, "content", "lyapunov_results"),
    Case(explain_an_exponent_away, "content", "lyapunov_results"),
    Case(merge_more_pairs_than_there_are, "content", "lyapunov_results"),
    Case(lose_a_counter, "missing", "stage_progress"),
    Case(count_too_little, "stale", "stage_progress"),
    Case(count_more_than_there_is, "stale", "stage_progress"),
    Case(expect_more_than_there_is, "stale", "stage_progress"),
    Case(count_below_nothing, "stale", "stage_progress"),
    Case(count_for_a_stage_that_never_was, "dangling", "stage_progress"),
    Case(forget_that_a_run_is_a_twin, "missing", "twins"),
    Case(twin_another_run, "chaining", "twins"),
    Case(perturb_in_another_way, "chaining", "twins"),
    Case(make_a_run_a_twin, "dangling", "twins"),
    Case(lose_the_members_of_a_clustering, "missing", "clustering_results"),
    Case(take_the_medoid_from_a_cluster, "content", "clustering_results"),
    Case(give_the_outliers_a_medoid, "content", "clustering_results"),
    Case(give_a_cluster_two_medoids, "content", "clustering_results"),
    Case(take_the_medoid_from_elsewhere, "chaining", "clustering_results"),
]


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
