"""The exported tables: their columns, their prompts, their vectors and images, bit for bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import datasets
import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet
import pytest
import sqlalchemy as sa
import yaml
from PIL import Image as Pillow

from panic_tda.content import Image, decode_image
from panic_tda.errors import NotWritten
from panic_tda.lab.laboratory import load_config, perform
from panic_tda.store import frames
from panic_tda.store.database import Record, open_record
from panic_tda.store.outputs import load_image
from panic_tda.store.parquet import _write, export_parquet
from panic_tda.store.tables import (
    clustering_results,
    embedding_clusters,
    embeddings,
    experiments,
    failures,
    lyapunov_results,
    model_versions,
    outputs,
)

LENGTH = 5
TIME = pl.Datetime("us", "UTC")
VECTOR = pl.Array(pl.Float32, 768)
SCHEMAS: dict[str, dict[str, Any]] = {
    "experiments": {
        "id": pl.String,
        "status": pl.String,
        "created_at": TIME,
        "completed_at": TIME,
        "config": pl.String,
    },
    "runs": frames.schema(frames._RUNS),
    "invocations": frames.schema(frames.INVOCATIONS),
    "model_versions": frames.schema(frames._MODEL_VERSIONS),
    "embeddings-DummyText": {"output_id": pl.String, "model": pl.String, "version": pl.String, "vector": VECTOR},
    "embeddings-DummyVision": {"output_id": pl.String, "model": pl.String, "version": pl.String, "vector": VECTOR},
    "persistence_diagrams": frames.schema(frames._DIAGRAMS),
    "persistence_bars": frames.schema(frames._BARS),
    "images": {"sha256": pl.String, "mode": pl.String, "webp": pl.Binary},
}


@pytest.fixture(scope="module")
def performed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A record with four runs, two of them from an image, and the experiment's id."""
    folder = tmp_path_factory.mktemp("performed")
    Pillow.effect_noise((9, 7), 80).convert("RGBA").save(folder / "start.png")
    config = {
        "networks": [["DummyT2I", "DummyI2T"], ["DummyI2T", "DummyT2I"]],
        "prompts": ["a red apple", {"image": str(folder / "start.png")}],
        "seeds": [4, 5],
        "embedding_models": ["DummyText", "DummyVision"],
        "max_length": LENGTH,
    }
    with open_record(folder / "record.sqlite") as record:
        return folder / "record.sqlite", perform(record, load_config(config)).id


@pytest.fixture
def filled(performed: tuple[Path, str], tmp_path: Path) -> Iterator[Record]:
    with open_record(shutil.copy(performed[0], tmp_path / "record.sqlite")) as record:
        yield record


def tables(record: Record, key: str, folder: Path, **options: Any) -> dict[str, pl.DataFrame]:
    """Exports, and reads every file as a lazy scan."""
    files = export_parquet(record, [key], folder, **options)
    return {file.stem: pl.scan_parquet(file).collect() for file in files[:-1]}


@pytest.fixture
def exported(filled: Record, performed: tuple[Path, str], tmp_path: Path) -> dict[str, pl.DataFrame]:
    return tables(filled, performed[1], tmp_path / "out", images=True)


def test_there_is_a_file_of_known_columns_for_each_table(exported: dict[str, pl.DataFrame]) -> None:
    assert {name: dict(frame.schema) for name, frame in exported.items()} == {
        name: dict(pl.Schema(schema)) for name, schema in SCHEMAS.items()
    }


def test_the_rows_are_those_of_the_record(
    filled: Record, performed: tuple[Path, str], exported: dict[str, pl.DataFrame]
) -> None:
    keys = [performed[1]]
    assert exported["runs"].equals(frames.runs_frame(filled, keys))
    made = exported["invocations"].filter(pl.col("sequence_number") >= 0)
    assert made.equals(frames.invocations_frame(filled, keys))
    assert made.height == 4 * LENGTH
    assert exported["persistence_bars"].equals(frames.bars_frame(filled, keys))
    assert exported["persistence_diagrams"].equals(frames.diagrams_frame(filled, keys))


def test_the_prompt_of_each_run_is_its_row_minus_one(exported: dict[str, pl.DataFrame]) -> None:
    prompts = exported["invocations"].filter(pl.col("sequence_number") == -1)
    runs = exported["runs"]
    assert prompts.height == runs.height == 4
    joined = prompts.join(runs, on="run_id", how="left")
    assert joined["sha256"].equals(joined["prompt_sha256"], check_names=False)
    assert joined["type"].equals(joined["prompt_type"], check_names=False)
    assert sorted(prompts["type"]) == ["image", "image", "text", "text"]
    assert set(prompts.filter(type="text")["text"]) == {"a red apple"}
    assert prompts.filter(type="image")["text"].null_count() == 2
    others = [name for name in prompts.columns if name not in ("run_id", "sequence_number", "type", "text", "sha256")]
    assert all(prompts[name].null_count() == 4 for name in others)


def test_durations_are_seconds_and_never_nothing(exported: dict[str, pl.DataFrame]) -> None:
    made = exported["invocations"].filter(pl.col("sequence_number") >= 0)
    between = made.select((pl.col("completed_at") - pl.col("started_at")).dt.total_microseconds()).to_series()
    assert (made["seconds"] > 0).all()
    assert (between > 0).all()


def test_every_vector_is_the_recorded_one_bit_for_bit(filled: Record, exported: dict[str, pl.DataFrame]) -> None:
    query = sa.select(model_versions.c.name, embeddings.c.output_id, embeddings.c.vector).join(
        model_versions, model_versions.c.id == embeddings.c.model_version_id
    )
    with filled.reading() as connection:
        recorded = {(name, key): np.asarray(vector, "<f4").tobytes() for name, key, vector in connection.execute(query)}
    written = {
        (name, key): vector.tobytes()
        for name in ("DummyText", "DummyVision")
        for frame in [exported[f"embeddings-{name}"]]
        for key, vector in zip(frame["output_id"], frame["vector"].to_numpy(), strict=True)
    }
    assert written == recorded
    assert len(written) > LENGTH


def test_every_output_finds_its_vector(exported: dict[str, pl.DataFrame]) -> None:
    made = exported["invocations"].filter(pl.col("sequence_number") >= 0)
    for kind, name in (("text", "DummyText"), ("image", "DummyVision")):
        outputs = made.filter(type=kind)
        found = outputs.join(exported[f"embeddings-{name}"], left_on="sha256", right_on="output_id", how="inner")
        assert found.height == outputs.height == 10


def test_every_image_decodes_to_the_identical_pixels(filled: Record, exported: dict[str, pl.DataFrame]) -> None:
    images = exported["images"]
    made = exported["invocations"].filter((pl.col("sequence_number") >= 0) & (pl.col("type") == "image"))
    assert set(made["sha256"]) <= set(images["sha256"])
    with filled.reading() as connection:
        for key, mode, data in images.iter_rows():
            image = decode_image(data, mode)
            assert isinstance(image, Image)
            assert image.sha256 == key
            assert image == load_image(connection, key)


def test_the_image_that_a_run_starts_from_is_among_the_images(exported: dict[str, pl.DataFrame]) -> None:
    prompts = exported["invocations"].filter((pl.col("sequence_number") == -1) & (pl.col("type") == "image"))
    assert set(prompts["sha256"]) <= set(exported["images"]["sha256"])


def test_images_are_left_out_unless_asked_for(filled: Record, performed: tuple[Path, str], tmp_path: Path) -> None:
    assert "images" not in tables(filled, performed[1], tmp_path / "out")


def test_pieces_of_any_size_make_the_same_tables(
    filled: Record,
    performed: tuple[Path, str],
    exported: dict[str, pl.DataFrame],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frames, "_ROWS_AT_ONCE", 3)
    monkeypatch.setattr("panic_tda.store.parquet._IMAGES_AT_ONCE", 2)
    in_pieces = tables(filled, performed[1], tmp_path / "pieces", images=True)
    assert in_pieces.keys() == exported.keys()
    assert all(frame.equals(exported[name]) for name, frame in in_pieces.items())


def test_only_the_experiments_asked_for_are_exported(filled: Record, tmp_path: Path) -> None:
    config = {"network": ["DummyT2I", "DummyI2T"], "prompts": ["b"], "embedding_models": ["DummyText"], "max_length": 2}
    key = perform(filled, load_config(config)).id
    alone = tables(filled, key, tmp_path / "out", images=True)
    assert alone["experiments"]["id"].to_list() == [key]
    assert (alone["runs"].height, alone["invocations"].height, alone["images"].height) == (1, 3, 1)
    assert "embeddings-DummyVision" not in alone


def test_another_reader_finds_the_same_rows_and_vectors(
    exported: dict[str, pl.DataFrame], tmp_path: Path, filled: Record, performed: tuple[Path, str]
) -> None:
    folder = tmp_path / "out"
    with duckdb.connect() as reader:
        for name, frame in exported.items():
            [(rows,)] = reader.execute("SELECT count(*) FROM read_parquet(?)", [f"{folder}/{name}.parquet"]).fetchall()
            assert rows == frame.height, name
        query = """
            SELECT i.run_id, i.sequence_number, e.vector FROM read_parquet(?) AS i
            JOIN read_parquet(?) AS e ON e.output_id = i.sha256 ORDER BY ALL
        """
        paths = [f"{folder}/{name}.parquet" for name in ("invocations", "embeddings-DummyText")]
        found = reader.execute(query, paths).fetchall()
        compressed = reader.execute("SELECT DISTINCT compression FROM parquet_metadata(?)", [paths[1]]).fetchall()
    recorded = frames.embeddings_frame(filled, [performed[1]]).filter(model="DummyText")
    keys = recorded.select("run_id", "sequence_number").rows()
    vectors = dict(zip(keys, recorded["vector"].to_list(), strict=True))
    assert {(run, step): list(vector) for run, step, vector in found if step >= 0} == vectors
    assert compressed == [("ZSTD",)]


def test_failures_and_clusterings_have_a_file_where_there_are_any(
    filled: Record, performed: tuple[Path, str], exported: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    assert not exported.keys() & {"failures", "lyapunov_results", "clustering_results", "embedding_clusters"}
    runs = exported["runs"]["run_id"]
    texts = exported["embeddings-DummyText"]["output_id"]
    now = datetime.now(UTC)
    with filled.writing() as connection:
        connection.execute(sa.insert(failures), failure(performed[1], runs[0], now))
        version = connection.execute(
            sa.select(model_versions.c.id).where(model_versions.c.name == "DummyText")
        ).scalar_one()
        for key, owner in (("c-mine", performed[1]), ("c-global", None)):
            connection.execute(sa.insert(clustering_results), clustering(key, owner, version, now))
            row = {"clustering_result_id": key, "output_id": texts[0], "cluster": -1, "medoid_output_id": None}
            connection.execute(sa.insert(embedding_clusters), row)
    found = tables(filled, performed[1], tmp_path / "more")
    assert found.keys() - exported.keys() == {"failures", "clustering_results", "embedding_clusters"}
    assert found["failures"].row(0, named=True) == failure(performed[1], runs[0], now)
    assert found["clustering_results"]["id"].to_list() == ["c-global", "c-mine"]
    assert found["clustering_results"]["parameters"].to_list() == ['{"min_samples": 5}'] * 2
    assert found["clustering_results"].schema["started_at"] == TIME
    assert found["embedding_clusters"]["output_id"].to_list() == [texts[0]] * 2
    card = (tmp_path / "more" / "README.md").read_text(encoding="utf-8")
    assert "| `failures.parquet` | 1 |" in card


def test_lyapunov_results_and_twins_are_exported_as_they_are_recorded(sqlite_record: Record, tmp_path: Path) -> None:
    config = {
        "network": ["DummyT2I", "DummyI2T"],
        "prompts": ["a"],
        "seeds": [1, 2, 3],
        "embedding_models": ["DummyText"],
        "max_length": 8,
        "stages": {"lyapunov": True},
        "twins": {"noise": {"count": 1}},
    }
    key = perform(sqlite_record, load_config(config)).id
    found = tables(sqlite_record, key, tmp_path / "out")
    with sqlite_record.reading() as connection:
        (recorded,) = connection.execute(sa.select(lyapunov_results)).mappings().all()
    curves = ("divergence_curve", "log_divergence_curve", "cautions")
    expected = {name: json.dumps(value) if name in curves else value for name, value in recorded.items()}
    assert found["lyapunov_results"].row(0, named=True) == expected
    assert recorded["num_runs"] == 3
    assert found["lyapunov_results"].schema["exponent"] == pl.Float64
    runs = found["runs"]
    twins = runs.filter(pl.col("twin_of").is_not_null())
    assert (runs.height, twins.height) == (6, 3)
    assert set(twins["twin_of"]) == set(runs.filter(pl.col("twin_of").is_null())["run_id"])
    assert {json.loads(each)["kind"] for each in twins["perturbation"]} == {"noise"}
    assert set(found["invocations"]["run_id"]) == set(runs["run_id"])


def failure(experiment_id: str, run_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": "f", "experiment_id": experiment_id, "stage": "generate", "model": "DummyT2I", "run_id": run_id,
        "sequence_number": 3, "output_id": None, "error": "ModelCallFailed", "message": "no", "occurred_at": now,
    }  # fmt: skip


def clustering(key: str, owner: str | None, version: str, now: datetime) -> dict[str, Any]:
    return {
        "id": key, "model_version_id": version, "experiment_id": owner, "algorithm": "hdbscan", "layer": 0,
        "parameters": {"min_samples": 5}, "started_at": now, "completed_at": now,
    }  # fmt: skip


def test_tables_without_rows_are_no_configurations_of_the_dataset(filled: Record, tmp_path: Path) -> None:
    config = {"network": ["DummyT2I", "DummyI2T"], "prompts": ["b"], "embedding_models": ["DummyText"], "max_length": 1}
    files = export_parquet(filled, [perform(filled, load_config(config)).id], tmp_path / "out")
    front = yaml.safe_load(files[-1].read_text(encoding="utf-8").split("---")[1])
    named = {entry["config_name"] for entry in front["configs"]}
    assert "persistence_bars" in {file.stem for file in files} - named
    assert all(pl.read_parquet(tmp_path / "out" / f"{name}.parquet").height for name in named)


def test_every_named_table_loads_as_a_dataset_and_in_other_readers(
    filled: Record, performed: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "out"
    files = export_parquet(filled, [performed[1]], folder, images=True)
    front = yaml.safe_load(files[-1].read_text(encoding="utf-8").split("---")[1])
    for entry in front["configs"]:
        written = pl.read_parquet(folder / entry["data_files"])
        options = {"split": "train", "cache_dir": str(tmp_path / "cache")}
        by_card = datasets.load_dataset(str(folder), entry["config_name"], **options)
        by_file = datasets.load_dataset("parquet", data_files=str(folder / entry["data_files"]), **options)
        assert by_card.num_rows == by_file.num_rows == written.height > 0
        assert by_card.column_names == by_file.column_names == written.columns
        table = pyarrow.parquet.read_table(folder / entry["data_files"])
        assert list(table.to_pandas().columns) == written.columns


def test_many_rows_are_written_in_groups_that_a_reader_can_hold(tmp_path: Path) -> None:
    pieces = (pl.DataFrame({"number": range(first, first + 700)}) for first in range(0, 2_800, 700))
    path = _write(pieces, tmp_path / "a.parquet", 1_000)
    assert path
    with duckdb.connect() as reader:
        groups = reader.execute("SELECT row_group_num_rows FROM parquet_metadata(?)", [str(path)]).fetchall()
    assert sum(rows for (rows,) in groups) == 2_800
    assert max(rows for (rows,) in groups) <= 1_000
    assert pl.read_parquet(path)["number"].to_list() == list(range(2_800))


def test_a_half_written_file_is_never_visible(
    filled: Record, performed: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    export_parquet(filled, [performed[1]], folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    whole = pl.DataFrame.write_parquet

    def fails_half_way(frame: pl.DataFrame, path: Any, **options: Any) -> None:
        whole(frame, path, **options)
        assert all(path.read_bytes() == before[path.name] for path in folder.iterdir() if path.is_file())
        if frame.columns[:2] == ["run_id", "invocation_id"]:
            Path(path).write_bytes(Path(path).read_bytes()[:100])
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", fails_half_way)
    with pytest.raises(NotWritten, match=r"invocations\.parquet: No space left"):
        export_parquet(filled, [performed[1]], folder)
    assert {path.name for path in folder.iterdir()} == before.keys()
    assert pl.read_parquet(folder / "invocations.parquet").height == 4 * (LENGTH + 1)


def test_two_versions_of_an_embedder_have_a_file_each(
    filled: Record, performed: tuple[Path, str], tmp_path: Path
) -> None:
    with filled.writing() as connection:
        row = connection.execute(sa.select(model_versions).where(model_versions.c.name == "DummyText")).one()
        newer = row._asdict() | {"id": row.id[:-1] + ("0" if row.id[-1] != "0" else "1"), "version": "2"}
        connection.execute(sa.insert(model_versions), newer)
        texts = connection.execute(sa.select(outputs.c.id).where(outputs.c.kind == "text")).scalars().all()
        vector = np.full(3, 0.5, np.float32)
        rows = [
            {"output_id": key, "model_version_id": newer["id"], "vector": vector, "created_at": row.created_at}
            for key in texts
        ]
        connection.execute(sa.insert(embeddings), rows)
        old = connection.execute(sa.select(experiments)).one()._asdict()
        copy = old | {"id": old["id"][::-1], "model_versions": {"DummyText": "2"}}
        connection.execute(sa.insert(experiments), copy)
    files = export_parquet(filled, [performed[1], copy["id"]], tmp_path / "out")
    names = {file.name for file in files}
    assert {"embeddings-DummyText@1.parquet", "embeddings-DummyText@2.parquet"} <= names
    newer_frame = pl.read_parquet(tmp_path / "out" / "embeddings-DummyText@2.parquet")
    assert newer_frame.schema["vector"] == pl.Array(pl.Float32, 3)


def test_the_card_lists_the_files_with_their_rows(filled: Record, performed: tuple[Path, str], tmp_path: Path) -> None:
    said: list[str] = []
    files = export_parquet(filled, [performed[1]], tmp_path / "out", report=said.append)
    card = files[-1].read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---")[1])
    assert [entry["data_files"] for entry in front["configs"]] == [file.name for file in files[:-1]]
    assert said == [f"wrote {file.name}" for file in files[:-1]]
    assert f"| `invocations.parquet` | {4 * (LENGTH + 1)} |" in card
    assert performed[1] in card
    assert "- DummyVision@1" in card
