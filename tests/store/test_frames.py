from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from panic_tda.content import Content, Text
from panic_tda.errors import ModelCallFailed, RecordError
from panic_tda.store import frames
from panic_tda.store.database import Record
from panic_tda.store.experiments import PlannedTwin, ensure_runs
from panic_tda.store.generation import Failure, write_failures
from panic_tda.store.tables import persistence_diagrams
from panic_tda.store.topology import write_diagram
from support.contents import image, numbered
from support.records import EMBEDDER, EPOCH, PAINTER, diagram, grow, measure, planned, plant, vector, version_of

MOMENT = pl.Datetime("us", "UTC")
SCHEMAS: dict[str, dict[str, Any]] = {
    "runs_frame": {
        "run_id": pl.String, "experiment_id": pl.String, "network": pl.String, "prompt": pl.String,
        "prompt_sha256": pl.String, "prompt_type": pl.String, "seed": pl.Int64, "run_number": pl.Int64,
        "length": pl.Int64, "max_length": pl.Int64, "stop_reason": pl.String, "period": pl.Int64,
        "failure": pl.String, "twin_of": pl.String, "perturbation": pl.String,
    },
    "invocations_frame": {
        "run_id": pl.String, "invocation_id": pl.String, "sequence_number": pl.Int64, "position": pl.Int64,
        "model": pl.String, "version": pl.String, "type": pl.String, "seed": pl.Int64, "text": pl.String,
        "sha256": pl.String, "degenerate": pl.String, "synthetic": pl.Boolean, "started_at": MOMENT,
        "completed_at": MOMENT, "seconds": pl.Float64,
    },
    "embeddings_frame": {
        "run_id": pl.String, "sequence_number": pl.Int64, "model": pl.String, "vector": pl.List(pl.Float32),
    },
    "bars_frame": {
        "run_id": pl.String, "model": pl.String, "dimension": pl.Int64, "birth": pl.Float64, "death": pl.Float64,
    },
    "diagrams_frame": {
        "run_id": pl.String, "model": pl.String, "points": pl.Int64, "distinct_points": pl.Int64,
        "unmeasured": pl.Int64, "max_dim": pl.Int64, "covering_radius": pl.Float64,
        "entropy": pl.List(pl.Float64), "normalised_entropy": pl.List(pl.Float64), "engine": pl.String,
        "absence": pl.String,
    },
    "model_versions_frame": {
        "id": pl.String, "name": pl.String, "version": pl.String, "family": pl.String, "device": pl.String,
        "dtype": pl.String, "tier": pl.String, "synthetic": pl.Boolean,
    },
}  # fmt: skip
A, B, PICTURE = Text("a"), Text("!!!"), image(1)
OUTPUTS: list[Content] = [PICTURE, A, PICTURE, B, PICTURE]


def furnish(record: Record) -> tuple[str, list[str]]:
    """Two runs of a network of two: one of five steps, measured, with a diagram; one that failed at once."""
    with record.writing() as connection:
        key, ids = plant(connection, [Text("a prompt"), image(9)], models=("Painter", "Reader"), max_length=5)
        grow(connection, ids[0], OUTPUTS, spec=PAINTER, stop_reason="length")
        measure(connection, [A, B])
        write_diagram(connection, diagram(ids[0], version_of(connection, EMBEDDER), run_length=5, points=2))
        write_failures(connection, [Failure(key, "generate", "Painter", ModelCallFailed("it broke"), ids[1], 0)])
        _, (elsewhere,) = plant(connection)
        grow(connection, elsewhere, [A])
        write_diagram(connection, diagram(elsewhere, version_of(connection, EMBEDDER), run_length=1, points=1))
    return key, ids


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_as_documented_even_of_nothing(record: Record, name: str) -> None:
    full, _ = furnish(record)
    with record.writing() as connection:
        empty, _ = plant(connection, [])
    of = getattr(frames, name)
    assert dict(of(record, [full]).schema) == SCHEMAS[name]
    for nothing in ([empty], []):
        frame = of(record, nothing)
        assert dict(frame.schema) == SCHEMAS[name]
        assert len(frame) == (4 if name == "model_versions_frame" and nothing else 0)
    words = " ".join(of.__doc__.split())
    assert f"Columns {', '.join(SCHEMAS[name])}" in words


def test_runs_say_how_they_ended(record: Record) -> None:
    key, ids = furnish(record)
    first, second = frames.runs_frame(record, [key]).iter_rows(named=True)
    assert [first["run_id"], second["run_id"]] == ids
    assert (first["network"], first["prompt"], first["prompt_type"]) == ("Painter → Reader", "a prompt", "text")
    assert (first["length"], first["max_length"], first["stop_reason"], first["failure"]) == (5, 5, "length", None)
    assert (second["prompt"], second["prompt_type"]) == (f"image {image(9).sha256[:12]}", "image")
    assert (second["length"], second["stop_reason"], second["failure"]) == (0, "failed", "it broke")


def test_runs_that_are_twins_say_so(record: Record) -> None:
    with record.writing() as connection:
        key, (base,) = plant(connection)
        (run,) = planned()
        ensure_runs(
            connection, key, [], [PlannedTwin(replace(run, run_number=1), run, {"kind": "prompt", "changes": 4})]
        )
    own, twin = frames.runs_frame(record, [key]).iter_rows(named=True)
    assert (own["run_id"], own["twin_of"], own["perturbation"]) == (base, None, None)
    assert (twin["twin_of"], json.loads(twin["perturbation"])) == (base, {"kind": "prompt", "changes": 4})


def test_invocations_stand_in_run_and_sequence_order(record: Record) -> None:
    key, ids = furnish(record)
    rows = list(frames.invocations_frame(record, [key]).iter_rows(named=True))
    assert [row["run_id"] for row in rows] == [ids[0]] * 5
    assert [row["sequence_number"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["position"] for row in rows] == [0, 1, 0, 1, 0]
    assert [row["text"] for row in rows] == [None, "a", None, "!!!", None]
    assert [row["sha256"] for row in rows] == [output.sha256 for output in OUTPUTS]
    assert rows[3]["degenerate"] == "repetitive"
    assert rows[1]["started_at"] == EPOCH + timedelta(seconds=1)
    assert rows[1]["completed_at"] - rows[1]["started_at"] == timedelta(seconds=0.25)
    assert (rows[0]["model"], rows[0]["version"], rows[0]["synthetic"], rows[0]["seed"]) == ("Painter", "1", True, 7)


def test_every_occurrence_of_a_content_has_its_vector(record: Record) -> None:
    key, ids = furnish(record)
    frame = frames.embeddings_frame(record, [key])
    assert frame.select("run_id", "sequence_number", "model").rows() == [
        (ids[0], 1, "Embedder"),
        (ids[0], 3, "Embedder"),
    ]
    np.testing.assert_array_equal(np.array(frame["vector"][1], np.float32), vector(B.sha256))


def test_vectors_of_another_version_of_the_same_name_are_told_apart(record: Record) -> None:
    key, ids = furnish(record)
    with record.writing() as connection:
        measure(connection, [A], spec=replace(EMBEDDER, revision=2))
        measure(connection, [A], spec=replace(EMBEDDER, name="Stranger"))
    rows = frames.embeddings_frame(record, [key]).select("run_id", "sequence_number", "model").rows()
    assert sorted(rows) == [
        (ids[0], 1, "Embedder"),
        (ids[0], 1, "Embedder@2"),
        (ids[0], 1, "Stranger"),
        (ids[0], 3, "Embedder"),
    ]


def test_bars_keep_their_infinities(record: Record) -> None:
    key, ids = furnish(record)
    assert frames.bars_frame(record, [key]).rows() == [
        (ids[0], "Embedder", 0, 0.0, 1.5),
        (ids[0], "Embedder", 0, 0.0, float("inf")),
    ]


def test_damaged_bars_are_an_error_of_the_record(record: Record) -> None:
    key, _ = furnish(record)
    with record.writing() as connection:
        connection.execute(sa.update(persistence_diagrams).values(data=b"rubbish"))
    with pytest.raises(RecordError, match="does not decode"):
        frames.bars_frame(record, [key])


def test_diagrams_have_one_row_each(record: Record) -> None:
    key, ids = furnish(record)
    (row,) = frames.diagrams_frame(record, [key]).iter_rows(named=True)
    assert (row["run_id"], row["points"], row["entropy"], row["absence"]) == (ids[0], 2, [0.25, 0.0], None)


def test_the_model_versions_of_an_experiment_are_those_it_pinned(record: Record) -> None:
    key, _ = furnish(record)
    with record.writing() as connection:
        version_of(connection, replace(EMBEDDER, revision=2))
    frame = frames.model_versions_frame(record, [key])
    assert frame.select("name", "version").rows() == [
        ("Embedder", "1"),
        ("Painter", "1"),
        ("Reader", "1"),
        ("Writer", "1"),
    ]


def test_frames_of_several_experiments_hold_them_all(record: Record) -> None:
    key, _ = furnish(record)
    with record.reading() as connection:
        everything = list(connection.execute(sa.text("SELECT id FROM experiments ORDER BY id")).scalars())
    assert everything[0] == key
    assert len(frames.runs_frame(record, everything)) == 3
    assert len(frames.invocations_frame(record, everything)) == 6


def test_batches_put_together_are_the_whole(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    with record.writing() as connection:
        key, ids = plant(connection, seeds=(1, 2), max_length=9)
        for run_id in ids:
            grow(connection, run_id, numbered(5, run_id))
            measure(connection, numbered(5, run_id))
        version = version_of(connection, EMBEDDER)
    whole = frames.invocations_frame(record, [key])
    (vectors,) = frames.vector_batches(record, [key], version)
    monkeypatch.setattr(frames, "_ROWS_AT_ONCE", 3)
    pieces = list(frames.invocation_batches(record, [key]))
    assert [len(piece) for piece in pieces] == [3, 3, 3, 1]
    assert_frame_equal(pl.concat(pieces), whole)
    assert_frame_equal(pl.concat(frames.vector_batches(record, [key], version)), vectors)
    assert vectors.schema["vector"] == pl.Array(pl.Float32, 8)
    assert vectors["output_id"].to_list() == sorted(whole["sha256"])


def test_vectors_of_distinct_outputs_come_once(record: Record) -> None:
    key, _ = furnish(record)
    with record.reading() as connection:
        version = connection.execute(sa.text("SELECT id FROM model_versions WHERE name = 'Embedder'")).scalar_one()
    (frame,) = frames.vector_batches(record, [key], version)
    assert frame.select("output_id", "model", "version").rows() == [
        (output, "Embedder", "1") for output in sorted([A.sha256, B.sha256])
    ]
    assert list(frames.vector_batches(record, [key], "none such")) == []


def test_a_network_is_labelled_by_its_models_and_what_was_set() -> None:
    nodes: list[dict[str, Any]] = [{"model": "SmolLM2", "parameters": {"temperature": 0.5, "instruction": "rephrase"}}]
    assert frames.network_label([*nodes, {"model": "Glyph"}]) == "SmolLM2 (rephrase, 0.5) → Glyph"
