"""Databases of the Elixir era in both shapes, and Parquet dumps of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from panic_tda.errors import RequestError
from panic_tda.lab.status import experiment_status
from panic_tda.store.database import Record
from panic_tda.store.outputs import load_outputs
from panic_tda.store.tables import (
    clustering_results,
    embedding_clusters,
    embeddings,
    experiments,
    invocations,
    lyapunov_results,
    model_versions,
    persistence_diagrams,
    runs,
)
from panic_tda.store.topology import decode_bars
from support.earlier import BARS, Earlier, vector
from support.erlang import Atom, diagram_term, term_to_binary
from support.importing import damages, everything, imported, reasons, rows


def world(generation: str) -> Earlier:
    earlier = Earlier("elixir", generation)
    experiment = earlier.experiment(runs=2)
    earlier.lyapunov(experiment)
    vectors = earlier.tables["embeddings"]
    earlier.clustering([vectors[:2]], vectors[2:])
    return earlier


@pytest.mark.parametrize("generation", ["seeds", "numbers"])
def test_both_shapes_arrive_whole(record: Record, tmp_path: Path, generation: str) -> None:
    earlier = world(generation)
    source = earlier.write(tmp_path / "old.sqlite")
    result = imported(source, record)
    assert result.pop("refused") == []
    assert {table: counts["imported"] for table, counts in result.items()} == {
        "experiments": 1,
        "runs": 2,
        "invocations": 12,
        "embeddings": 6,
        "persistence_diagrams": 2,
        "lyapunov_results": 1,
        "clustering_results": 1,
        "embedding_clusters": 6,
    }
    assert damages(record) == []
    with record.reading() as connection:
        status = experiment_status(connection, "latest")
    assert [status["stages"][stage]["done"] for stage in ("generate", "embed", "diagrams", "lyapunov")] == [12, 6, 2, 1]
    assert status["status"] == "completed"
    before = everything(record)
    again = imported(source, record)
    assert {counts["imported"] for table, counts in again.items() if table != "refused"} == {0}
    assert everything(record) == before


def test_ids_numbers_times_and_values_are_kept(record: Record, tmp_path: Path) -> None:
    earlier = world("numbers")
    imported(earlier.write(tmp_path / "old.sqlite"), record)
    assert [row["id"] for row in rows(record, invocations)] == [row["id"] for row in earlier.tables["invocations"]]
    assert [(row["id"], row["run_number"], row["seed"]) for row in rows(record, runs)] == [
        (row["id"], number, -1) for number, row in enumerate(earlier.tables["runs"])
    ]
    first = rows(record, invocations)[0]
    assert (first["seed"], first["started_at"].isoformat()) == (-1, "2025-06-01T10:00:02.000002+00:00")
    assert rows(record, experiments)[0]["config"]["num_runs"] == 2
    assert {row["name"]: row["version"] for row in rows(record, model_versions)} == {
        "FluxSchnell": "historical-elixir",
        "BLIP2": "historical-elixir",
        "Nomic": "historical-elixir-8",
    }
    stored = rows(record, persistence_diagrams)[0]
    assert [bars.tolist() for bars in decode_bars(stored["data"])] == [[list(bar) for bar in bars] for bars in BARS]
    assert {row["vector"].tobytes() for row in rows(record, embeddings)} >= {vector(1001).tobytes()}
    (result,) = rows(record, lyapunov_results)
    assert (result["id"], result["exponent"]) == (earlier.tables["lyapunov_results"][0]["id"], 0.05)
    assert result["divergence_curve"] == [0.5, 0.75, 1.0]
    assert result["cautions"] == ["computed by an earlier implementation, which fitted the saturated range too"]
    (clustering,) = rows(record, clustering_results)
    assert (clustering["layer"], clustering["experiment_id"]) == (1, earlier.tables["experiments"][0]["id"])
    assert sorted(row["cluster"] for row in rows(record, embedding_clusters)) == [-1, -1, -1, -1, 0, 0]


def test_images_that_are_there_already_are_not_stored_again(record: Record, tmp_path: Path) -> None:
    earlier = Earlier("elixir", "numbers")
    earlier.experiment(runs=1, steps=5)
    earlier.experiment(runs=1, steps=5)
    images = [row for row in earlier.tables["invocations"] if row["output_image"]]
    images[4]["output_image"] = images[1]["output_image"]
    images[2]["output_image"] = images[0]["output_image"]
    result = imported(earlier.write(tmp_path / "old.sqlite"), record)
    assert result["invocations"] == {"found": 10, "imported": 10, "present": 0, "refused": 0}
    assert len({row["output_id"] for row in rows(record, invocations)}) == 8
    assert damages(record) == []


def test_run_numbers_that_collide_are_given_anew(record: Record, tmp_path: Path) -> None:
    earlier = Earlier("elixir", "numbers")
    experiment = earlier.experiment(runs=2, steps=1)
    earlier.run(experiment, 1, steps=1)
    imported(earlier.write(tmp_path / "old.sqlite"), record)
    assert [row["run_number"] for row in rows(record, runs)] == [0, 2, 3]
    assert damages(record) == []


def test_diagrams_need_not_be_compressed_and_may_hold_what_erlang_makes_of_numbers(
    record: Record, tmp_path: Path
) -> None:
    earlier = Earlier("elixir")
    earlier.experiment(runs=1)
    term = diagram_term([[(0.0, 0.5)]], [0.0]) | {Atom("dgms"): [[[0, 1], (0.0, Atom("inf"))], []]}
    earlier.tables["persistence_diagrams"][0]["diagram_data"] = term_to_binary(term | {Atom("entropy"): []})
    assert imported(earlier.write(tmp_path / "old.sqlite"), record)["refused"] == []
    (stored,) = rows(record, persistence_diagrams)
    assert decode_bars(stored["data"])[0].tolist() == [[0.0, 1.0], [0.0, float("inf")]]
    assert stored["entropy"] == [0.0, 0.0]


def test_embedders_whose_vectors_changed_length_are_versions_of_their_own(record: Record, tmp_path: Path) -> None:
    earlier = Earlier("elixir")
    earlier.experiment(runs=1)
    earlier.experiment(runs=1)
    for row in earlier.tables["embeddings"][3:]:
        row["vector"] = vector(7, dims=4).tobytes()
    imported(earlier.write(tmp_path / "old.sqlite"), record)
    versions = {row["version"] for row in rows(record, model_versions) if row["name"] == "Nomic"}
    assert versions == {"historical-elixir-8", "historical-elixir-4"}
    assert damages(record) == []


def test_a_lyapunov_result_that_cannot_be_is_refused(record: Record, tmp_path: Path) -> None:
    earlier = world("seeds")
    experiment = earlier.tables["experiments"][0]
    earlier.lyapunov(experiment)["initial_prompt"] = "another prompt"
    earlier.lyapunov(experiment)
    earlier.lyapunov(experiment).update(
        {"embedding_model": "Other", "lyapunov_data": term_to_binary({Atom("num_pairs"): 7})}
    )
    refused = reasons(imported(earlier.write(tmp_path / "old.sqlite"), record), "lyapunov_results")
    first = earlier.tables["lyapunov_results"][0]["id"]
    assert list(refused.values()) == [
        "the experiment has no runs of its network and prompt",
        f"there is another result of the same network, prompt and embedder, {first}",
        "it is of 7 pairs, where 2 runs make 1",
    ]
    assert damages(record) == []


def dumped(folder: Path, generation: str = "numbers") -> Earlier:
    earlier = world(generation)
    for run in earlier.tables["runs"]:
        prompt = {"id": f"prompt-{run['id']}", "sequence_number": -1, "run_id": run["id"], "type": "text"}
        earlier.tables["invocations"].append(prompt | {"output_text": run["initial_prompt"], "model": "prompt"})
    earlier.dump(folder)
    return earlier


def test_a_dump_arrives_as_runs_of_texts(record: Record, tmp_path: Path) -> None:
    earlier = dumped(tmp_path / "dump")
    result = imported(tmp_path / "dump", record)
    assert result["refused"] == []
    assert {table: counts["imported"] for table, counts in result.items() if table != "refused"} == {
        "experiments": 1,
        "runs": 2,
        "invocations": 6,
        "embeddings": 6,
        "persistence_diagrams": 2,
        "lyapunov_results": 1,
        "clustering_results": 1,
        "embedding_clusters": 6,
    }
    steps = rows(record, invocations)
    assert [row["sequence_number"] for row in steps] == [0, 1, 2, 0, 1, 2]
    assert [row["id"] for row in steps] == [
        each["id"] for each in earlier.tables["invocations"][:12] if each["output_text"]
    ]
    with record.reading() as connection:
        contents = load_outputs(connection, [row["output_id"] for row in steps])
    assert [contents[row["output_id"]].value for row in steps[:3]] == ["text 1001", "text 1003", "text 1005"]  # type: ignore[union-attr]
    assert rows(record, runs)[0]["network"] == [{"model": "BLIP2", "parameters": {"images_by": "FluxSchnell"}}]
    assert rows(record, runs)[0]["stop_reason"] == "length"
    assert {row["vector"].tobytes() for row in rows(record, embeddings)} >= {vector(1001).tobytes()}
    bars = decode_bars(rows(record, persistence_diagrams)[0]["data"])
    assert [pairs.tolist() for pairs in bars] == [[list(bar) for bar in pairs] for pairs in BARS]
    assert damages(record) == []
    before = everything(record)
    imported(tmp_path / "dump", record)
    assert everything(record) == before


def test_a_dump_does_not_need_inputs_or_the_smaller_tables(record: Record, tmp_path: Path) -> None:
    dumped(tmp_path / "dump")
    for name in ("lyapunov_results", "clustering_results", "embedding_clusters", "persistence_diagrams", "embeddings"):
        (tmp_path / "dump" / f"{name}.parquet").unlink()
    path = tmp_path / "dump" / "invocations.parquet"
    pl.read_parquet(path).drop("input_invocation_id").write_parquet(path)
    assert imported(tmp_path / "dump", record)["invocations"]["imported"] == 6
    assert damages(record) == []


def test_what_is_wrong_in_a_dump_is_refused(record: Record, tmp_path: Path) -> None:
    earlier = world("numbers")
    earlier.tables["embeddings"][0]["vector"] = np.full(8, np.nan, "<f4").tobytes()
    earlier.dump(tmp_path / "dump")
    path = tmp_path / "dump" / "persistence_diagrams.parquet"
    frame = pl.read_parquet(path)
    broken = [json.dumps({"dgms": [[[0.0, "inf"]]]})[:-5], json.dumps({"dgms": [[["nan", "inf"]]]})]
    frame.with_columns(pl.Series("diagram_data", broken)).write_parquet(path)
    result = imported(tmp_path / "dump", record)
    assert list(reasons(result, "embeddings").values()) == ["its vector holds NaN or infinity"]
    first, second = reasons(result, "persistence_diagrams").values()
    assert first.startswith("its diagram is no JSON")
    assert second == "H0 has a bar without a finite birth, or with a death before its birth"
    assert damages(record) == []


@pytest.mark.parametrize("table", ["runs", "embeddings"])
def test_a_damaged_file_of_a_dump_is_one_clear_line(sqlite_record: Record, tmp_path: Path, table: str) -> None:
    dumped(tmp_path / "dump")
    path = tmp_path / "dump" / f"{table}.parquet"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RequestError, match=f"{table}.parquet"):
        imported(tmp_path / "dump", sqlite_record)


def test_a_folder_that_is_no_dump_is_named(sqlite_record: Record, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"there is no experiments.parquet"):
        imported(tmp_path, sqlite_record)
    dumped(tmp_path / "dump")
    path = tmp_path / "dump" / "invocations.parquet"
    pl.read_parquet(path).drop("model").write_parquet(path)
    with pytest.raises(RequestError, match=r"invocations.parquet has no model"):
        imported(tmp_path / "dump", sqlite_record)
