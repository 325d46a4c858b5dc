"""Experiments put into a record by hand, without a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.content import Content, Text
from panic_tda.models.model import ModelSpec
from panic_tda.store.experiments import PlannedRun, create_experiment, ensure_runs
from panic_tda.store.generation import Invocation, write_invocations
from panic_tda.store.measurement import Measured, write_vectors
from panic_tda.store.model_versions import register
from panic_tda.store.outputs import encode_row, insert_outputs
from panic_tda.store.tables import invocations, metadata, runs
from panic_tda.store.topology import StoredDiagram
from support.models import fake_spec

WRITER = fake_spec("Writer")
PAINTER = fake_spec("Painter", "text -> image")
READER = fake_spec("Reader", "image -> text")
EMBEDDER = fake_spec("Embedder", "text -> vector")
EPOCH = datetime(2026, 1, 1, 12, tzinfo=UTC)


def planned(
    prompts: Sequence[Content] = (Text("a prompt"),),
    *,
    models: Sequence[str] = ("Writer",),
    seeds: Sequence[int] = (0,),
    run_numbers: int = 1,
    max_length: int = 4,
) -> list[PlannedRun]:
    """Every prompt with every seed, through one network."""
    network: list[dict[str, Any]] = [{"model": model, "parameters": {}} for model in models]
    network_id = hashlib.sha256(json.dumps(network).encode()).hexdigest()
    return [
        PlannedRun(network_id, network, prompt.sha256, seed, number, max_length)
        for prompt in prompts
        for seed in seeds
        for number in range(run_numbers)
    ]


def plant(
    connection: Connection, prompts: Sequence[Content] = (Text("a prompt"),), **plan: Any
) -> tuple[str, list[str]]:
    """An experiment with its runs, at length 0: its id, and theirs in the order of planning."""
    specs = {spec.name: spec for spec in (WRITER, PAINTER, READER, EMBEDDER)}
    config = {"networks": [list(plan.get("models", ["Writer"]))], "prompts": ["a prompt"]}
    key = create_experiment(connection, config, {name: spec.version for name, spec in specs.items()})
    register(connection, specs.values())
    insert_outputs(connection, [encode_row(prompt) for prompt in prompts])
    ensure_runs(connection, key, planned(prompts, **plan))
    return key, run_ids(connection, key)


def run_ids(connection: Connection, key: str) -> list[str]:
    """The runs of an experiment in the order of creation."""
    return list(
        connection.execute(sa.select(runs.c.id).where(runs.c.experiment_id == key).order_by(runs.c.id)).scalars()
    )


def version_of(connection: Connection, spec: ModelSpec) -> str:
    """The id of a model's version row."""
    return register(connection, [spec])[spec.name].id


def grow(
    connection: Connection,
    run_id: str,
    outputs: Sequence[Content],
    *,
    start: int = 0,
    spec: ModelSpec = WRITER,
    stop_reason: str | None = None,
) -> None:
    """Adds invocations that made these outputs; the last of them stops the run if a reason is given."""
    version = version_of(connection, spec)
    before = connection.execute(sa.select(runs.c.prompt_id).where(runs.c.id == run_id)).scalar_one()
    steps = []
    for number, output in enumerate(outputs, start):
        began = EPOCH + timedelta(seconds=number)
        ended = began + timedelta(milliseconds=250)
        reason = stop_reason if number == start + len(outputs) - 1 else None
        steps.append(Invocation(run_id, number, version, before, output, 7, began, ended, 0.25, reason))
        before = output.sha256
    write_invocations(connection, steps, [encode_row(output) for output in dict.fromkeys(outputs)])


def measure(connection: Connection, contents: Sequence[Content], spec: ModelSpec = EMBEDDER) -> None:
    """Stores a vector of each content."""
    measured = [Measured(content.sha256, vector(content.sha256)) for content in contents]
    write_vectors(connection, measured, version_of(connection, spec))


def vector(key: str, dims: int = 8) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A vector that stands for a key."""
    return np.frombuffer(bytes.fromhex(key)[: 4 * dims], "<u4").astype(np.float32)[:dims]


def diagram(run_id: str, version: str, *, run_length: int, points: int, **changes: Any) -> StoredDiagram:
    """A diagram with one finite and one infinite bar, and an empty dimension above."""
    facts: dict[str, Any] = {
        "max_dim": 1,
        "distinct_points": points,
        "unmeasured": 0,
        "covering_radius": 0.0,
        "engine": "by hand",
        "seconds": 0.5,
        "bars": (np.array([[0.0, 1.5], [0.0, np.inf]]), np.empty((0, 2))),
        "entropy": [0.25, 0.0],
        "normalised_entropy": [0.5, 0.0],
    }
    return StoredDiagram(run_id, version, run_length, points=points, **facts | changes)


def drop_invocation(connection: Connection, run_id: str, sequence_number: int) -> None:
    """Makes a hole in a run, as no code of panic-tda does."""
    mine = sa.and_(invocations.c.run_id == run_id, invocations.c.sequence_number == sequence_number)
    connection.execute(sa.delete(invocations).where(mine))


def counts(connection: Connection) -> dict[str, int]:
    """The number of rows of every table."""
    return {
        table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }
