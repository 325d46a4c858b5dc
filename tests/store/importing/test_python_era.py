"""Databases of the Python era: a real one, and small ones with what occurs in the wild."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from numpy.typing import NDArray

from panic_tda.lab.config import DiagramsStage
from panic_tda.lab.diagrams import compute_diagram
from panic_tda.lab.network import Network
from panic_tda.lab.status import experiment_status
from panic_tda.signature import Kind
from panic_tda.store.database import Record
from panic_tda.store.outputs import load_outputs
from panic_tda.store.tables import (
    clustering_results,
    embedding_clusters,
    embeddings,
    experiments,
    invocations,
    model_versions,
    outputs,
    persistence_diagrams,
    runs,
)
from panic_tda.store.topology import decode_bars, load_trajectory
from support.earlier import BARS, NETWORK, PROMPT, Earlier, image, vector
from support.importing import NOTHING, damages, everything, imported, reasons, rows

REAL = {"experiments": 1, "runs": 4, "invocations": 400, "embeddings": 200, "persistence_diagrams": 4}


def test_a_real_database_arrives_whole(record: Record, real_source: Path) -> None:
    result = imported(real_source, record)
    assert {table: result[table]["imported"] for table in REAL} == REAL
    assert {table: result[table]["found"] for table in REAL} == REAL
    assert result["refused"] == []
    assert damages(record) == []
    with record.reading() as connection:
        status = experiment_status(connection, "latest")
    assert (status["id"], status["status"], status["runs"]) == ("06b00f9f29ed73a785f16e5cfb095430", "completed", 4)
    assert status["stages"]["generate"] == {"done": 400, "total": 400}
    assert status["stages"]["embed"] == {"done": 200, "total": 200}
    assert status["stages"]["diagrams"] == {"done": 4, "total": 4}
    assert status["stop_reasons"] == {"length": 4, "loop": 0, "failed": 0}
    assert status["config"]["seeds"] == [-1]
    assert status["config"]["num_runs"] == 4


def test_ids_times_texts_and_vectors_are_those_of_the_source(sqlite_record: Record, real_source: Path) -> None:
    imported(real_source, sqlite_record)
    with closing(sqlite3.connect(f"file:{real_source}?mode=ro", uri=True)) as source:
        before = source.execute(
            "SELECT i.id, i.started_at, i.completed_at, i.output_text, e.vector FROM invocation i"
            " LEFT JOIN embedding e ON e.invocation_id = i.id ORDER BY i.id"
        ).fetchall()
    data = sa.type_coerce(embeddings.c.vector, sa.LargeBinary)
    query = (
        sa.select(
            invocations.c.id, invocations.c.started_at, invocations.c.completed_at, outputs.c.text, data.label("vector")
        )
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .outerjoin(embeddings, embeddings.c.output_id == invocations.c.output_id)
        .order_by(invocations.c.id)
    )
    with sqlite_record.reading() as connection:
        after = [
            (row.id, f"{row.started_at:%F %T.%f}", f"{row.completed_at:%F %T.%f}", row.text, row.vector)
            for row in connection.execute(query)
        ]
    assert after == before
    assert sum(1 for row in after if row[4]) == 200


def test_images_are_kept_pixel_by_pixel(sqlite_record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1, steps=3)
    imported(earlier.write(tmp_path / "old.sqlite"), sqlite_record)
    made = [row["output_id"] for row in rows(sqlite_record, invocations)]
    with sqlite_record.reading() as connection:
        contents = load_outputs(connection, made)
    assert contents[made[0]].sha256 == made[0]
    assert contents[made[0]].pixels == image(1000).tobytes()  # type: ignore[union-attr]
    assert contents[made[2]].pixels == image(1002).tobytes()  # type: ignore[union-attr]


def test_recomputed_diagrams_agree_with_the_imported_ones(sqlite_record: Record, real_source: Path) -> None:
    imported(real_source, sqlite_record)
    compared = 0
    for stored in rows(sqlite_record, persistence_diagrams):
        assert stored["engine"] == "imported from a database of the Python era"
        with sqlite_record.reading() as connection:
            trajectory = load_trajectory(connection, stored["run_id"], Kind.TEXT, stored["model_version_id"])
        again = compute_diagram(trajectory, stored["model_version_id"], DiagramsStage())
        assert (stored["points"], stored["distinct_points"]) == (again.points, again.distinct_points)
        for here, there in zip(again.bars, decode_bars(stored["data"]), strict=True):
            compared += len(_lasting(there))
            assert _lasting(here).shape == _lasting(there).shape
            np.testing.assert_allclose(_lasting(here), _lasting(there), atol=1e-4)
        np.testing.assert_allclose(again.entropy, stored["entropy"], atol=1e-4)
    assert compared > 300


def _lasting(bars: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bars longer than the error of float32, in order: zero-length ones say nothing."""
    long = bars[bars[:, 1] - bars[:, 0] > 1e-5]
    return long[np.lexsort(long.T)]


def test_importing_again_changes_nothing(sqlite_record: Record, real_source: Path) -> None:
    imported(real_source, sqlite_record)
    before = everything(sqlite_record)
    again = imported(real_source, sqlite_record)
    assert {table: again[table]["present"] for table in REAL} == REAL
    assert {again[table]["imported"] for table in REAL} == {0}
    assert everything(sqlite_record) == before


def test_a_dry_run_says_the_same_and_changes_nothing(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=2)
    earlier.clustering([earlier.tables["embeddings"][:3]], earlier.tables["embeddings"][3:])
    earlier.tables["embeddings"][1]["vector"] = None
    source = earlier.write(tmp_path / "old.sqlite")
    before = everything(record)
    said = imported(source, record, dry_run=True)
    assert everything(record) == before
    assert imported(source, record) == said


def test_diagrams_may_be_skipped_and_come_later(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=2)
    source = earlier.write(tmp_path / "old.sqlite")
    first = imported(source, record, skip_diagrams=True)
    assert first["persistence_diagrams"] == NOTHING
    assert rows(record, persistence_diagrams) == []
    assert damages(record) == []
    second = imported(source, record)
    assert second["persistence_diagrams"]["imported"] == 2
    assert damages(record) == []


def test_a_source_that_has_grown_brings_what_is_new(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    experiment = earlier.experiment(runs=1, steps=4, max_length=6)
    earlier.tables["runs"][0]["max_length"] = 6
    imported(earlier.write(tmp_path / "young.sqlite"), record)
    run, last = earlier.tables["runs"][0], earlier.tables["invocations"][-1]["id"]
    before = earlier.step(run, 4, last)["id"]
    earlier.step(run, 5, before)
    earlier.run(experiment, 1, steps=6)
    result = imported(earlier.write(tmp_path / "old.sqlite"), record)
    assert (result["invocations"]["present"], result["invocations"]["imported"]) == (4, 8)
    assert [(row["length"], row["stop_reason"], row["run_number"]) for row in rows(record, runs)] == [
        (6, "length", 0),
        (6, "length", 1),
    ]
    assert damages(record) == []


def test_models_are_marked_historical(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment()
    imported(earlier.write(tmp_path / "old.sqlite"), record)
    marked = {row["name"]: (row["family"], row["version"]) for row in rows(record, model_versions)}
    assert marked == {
        "FluxSchnell": ("historical", "historical-python"),
        "BLIP2": ("historical", "historical-python"),
        "Nomic": ("historical", "historical-python-8"),
    }
    assert rows(record, experiments)[0]["model_versions"] == {name: version for name, (_, version) in marked.items()}


def test_runs_that_differ_in_nothing_are_numbered_in_the_order_of_their_ids(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    experiment = earlier.experiment(runs=3, steps=1)
    earlier.run(experiment, 0, steps=1, seed=7)
    earlier.run(experiment, 0, steps=1, prompt="a boat")
    earlier.tables["runs"].reverse()
    imported(earlier.write(tmp_path / "old.sqlite"), record)
    numbered = [(row["seed"], row["run_number"]) for row in rows(record, runs)]
    assert numbered == [(-1, 0), (-1, 1), (-1, 2), (7, 0), (-1, 0)]
    network = Network.from_json([{"model": name, "parameters": {}} for name in NETWORK])
    assert {row["network_id"] for row in rows(record, runs)} == {network.id}


def test_naive_times_are_of_the_clock_that_is_named(sqlite_record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1, steps=2)
    earlier.clustering([], earlier.tables["embeddings"])
    imported(earlier.write(tmp_path / "old.sqlite"), sqlite_record, timezone="Australia/Sydney")
    first = rows(sqlite_record, invocations)[0]
    assert first["started_at"].isoformat() == "2025-06-01T00:00:02.000002+00:00"
    assert first["seconds"] == 1.000001
    assert rows(sqlite_record, experiments)[0]["created_at"].isoformat() == "2025-06-01T00:00:00+00:00"
    assert rows(sqlite_record, persistence_diagrams)[0]["created_at"].hour == 0
    clustered = rows(sqlite_record, clustering_results)[0]["started_at"]
    assert clustered.isoformat() == "2025-06-01T10:05:00.000300+00:00"  # clusterings were written in UTC


def test_of_two_steps_with_one_number_the_one_that_was_used_is_kept(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1, steps=4)
    first, second, third, last = earlier.tables["invocations"]
    run = earlier.tables["runs"][0]
    unused = earlier.step(run, 1, first["id"], output_text="unused", started_at=earlier.time(0))
    used_later = earlier.step(run, 3, third["id"], output_text="later", started_at=earlier.time(59))
    result = imported(earlier.write(tmp_path / "old.sqlite"), record)
    refused = reasons(result, "invocations")
    assert refused.keys() == {unused["id"], used_later["id"]}
    assert refused[unused["id"]] == f"a duplicate of step 1: {second['id']} is kept"
    assert [row["id"] for row in rows(record, invocations)] == [row["id"] for row in (first, second, third, last)]
    assert result["persistence_diagrams"]["imported"] == 1
    assert len(reasons(result, "embeddings")) == 2
    assert damages(record) == []


def test_a_seeded_run_that_repeats_itself_stopped_for_the_loop(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1, steps=6, seed=42)
    earlier.tables["runs"][0]["max_length"] = 50
    earlier.tables["invocations"][5]["output_text"] = earlier.tables["invocations"][1]["output_text"]
    earlier.tables["embeddings"][2]["vector"] = earlier.tables["embeddings"][0]["vector"]
    result = imported(earlier.write(tmp_path / "old.sqlite"), record)
    (run,) = rows(record, runs)
    assert (run["stop_reason"], run["period"], run["length"]) == ("loop", 4, 6)
    assert (result["embeddings"]["imported"], result["embeddings"]["present"]) == (2, 1)
    assert damages(record) == []


def test_a_run_that_stopped_for_a_loop_it_did_not_have_has_no_reason(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1, steps=6, seed=42)
    earlier.tables["runs"][0]["max_length"] = 50
    imported(earlier.write(tmp_path / "old.sqlite"), record)
    assert rows(record, runs)[0]["stop_reason"] is None
    assert damages(record) == []


def clustered() -> Earlier:
    earlier = Earlier()
    earlier.experiment(runs=2)
    earlier.experiment(runs=2)
    vectors = earlier.tables["embeddings"]
    earlier.clustering([vectors[:3], vectors[3:6]], vectors[6:8])
    return earlier


@pytest.mark.parametrize("generation", ["newest", "a table of clusters", "clusters in JSON"])
def test_clusterings_of_every_generation_arrive(record: Record, tmp_path: Path, generation: str) -> None:
    earlier = clustered()
    if generation != "newest":
        _made_old(earlier, in_json=generation == "clusters in JSON")
    result = imported(earlier.write(tmp_path / "old.sqlite"), record)
    assert result["refused"] == []
    (stored,) = rows(record, clustering_results)
    keys = [row["id"] for row in earlier.tables["experiments"]]
    assert stored["parameters"] == {"min_cluster_size": 2, "experiments": keys}
    members = rows(record, embedding_clusters)
    assert sorted(row["cluster"] for row in members) == [-1, -1, 0, 0, 0, 1, 1, 1]
    assert {row["medoid_output_id"] is None for row in members if row["cluster"] < 0} == {True}
    assert damages(record) == []
    before = everything(record)
    again = imported(tmp_path / "old.sqlite", record)
    assert again["embedding_clusters"]["present"] == 8
    assert everything(record) == before


def _made_old(earlier: Earlier, *, in_json: bool) -> None:
    """As the oldest generations kept clusters: apart from their members."""
    (result,) = earlier.tables["clustering_results"]
    names: dict[str, str] = {}
    for row in earlier.tables["embedding_clusters"]:
        medoid = row.pop("medoid_embedding_id")
        row["cluster_id"] = "-1" if medoid is None else names.setdefault(medoid, earlier.key())
    if in_json:
        clusters = [{"id": name, "medoid_embedding_id": medoid, "size": 3} for medoid, name in names.items()]
        result["clusters"] = json.dumps(clusters)
        return
    for medoid, name in names.items():
        earlier.tables.setdefault("clusters", []).append(
            {"id": name, "clustering_result_id": result["id"], "medoid_embedding_id": medoid}
        )


def test_chosen_experiments_come_alone(record: Record, tmp_path: Path) -> None:
    earlier = clustered()
    chosen = earlier.tables["experiments"][1]["id"]
    result = imported(earlier.write(tmp_path / "old.sqlite"), record, experiments=[chosen])
    assert [row["id"] for row in rows(record, experiments)] == [chosen]
    assert (result["runs"]["found"], result["clustering_results"]["found"]) == (2, 0)


def test_tables_and_columns_that_a_generation_lacks_are_not_needed(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1)
    for table in ("persistence_diagrams", "embeddings"):
        earlier.tables[table].clear()
    for row in earlier.tables["invocations"]:
        del row["completed_at"]
    result = imported(earlier.write(tmp_path / "old.sqlite"), record)
    assert (result["invocations"]["imported"], result["refused"]) == (6, [])
    assert damages(record) == []


def test_vectors_and_diagrams_keep_their_values(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1)
    imported(earlier.write(tmp_path / "old.sqlite"), record)
    assert sorted(row["vector"].tobytes() for row in rows(record, embeddings)) == sorted(
        vector(number).tobytes() for number in (1001, 1003, 1005)
    )
    (stored,) = rows(record, persistence_diagrams)
    assert [bars.tolist() for bars in decode_bars(stored["data"])] == [[list(bar) for bar in bars] for bars in BARS]
    assert (stored["max_dim"], stored["points"], stored["unmeasured"], stored["seconds"]) == (2, 3, 0, 1.000001)


def test_prompts_are_the_contents_runs_begin_with(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1, steps=2)
    imported(earlier.write(tmp_path / "old.sqlite"), record)
    with record.reading() as connection:
        (prompt,) = load_outputs(connection, [rows(record, runs)[0]["prompt_id"]]).values()
    assert prompt.value == PROMPT  # type: ignore[union-attr]
