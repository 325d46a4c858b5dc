"""The record as polars frames: what figures, exports and analyses read.

Every function takes an open record and the ids of the experiments wanted, and returns one row for each thing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.database import Record
from panic_tda.store.tables import (
    embeddings,
    experiments,
    failures,
    invocations,
    model_versions,
    outputs,
    persistence_diagrams,
    runs,
    twins,
)
from panic_tda.store.topology import decode_bars

if TYPE_CHECKING:
    import polars as pl

_ROWS_AT_ONCE = 20_000


def runs_frame(record: Record, experiment_ids: Sequence[str]) -> pl.DataFrame:
    """Columns run_id, experiment_id, network, prompt, prompt_sha256, prompt_type, seed, run_number, length,
    max_length, stop_reason, period, failure, twin_of, perturbation; in the order of creation.

    ``twin_of`` and ``perturbation``, as JSON, are null but for twins, which are no independent runs.
    """
    query = (
        sa.select(runs, outputs.c.kind, outputs.c.text, failures.c.message, twins.c.twin_of, twins.c.perturbation)
        .join(outputs, outputs.c.id == runs.c.prompt_id)
        .outerjoin(twins, twins.c.run_id == runs.c.id)
        .outerjoin(failures, sa.and_(failures.c.run_id == runs.c.id, failures.c.stage == "generate"))
        .where(runs.c.experiment_id.in_(experiment_ids))
        .order_by(runs.c.id)
    )
    return _frame(record, query, _RUNS, _run)


def _run(row: Any) -> tuple[Any, ...]:
    prompt = row.text if row.kind == "text" else f"image {row.prompt_id[:12]}"
    return (
        row.id,
        row.experiment_id,
        network_label(row.network),
        prompt,
        row.prompt_id,
        row.kind,
        row.seed,
        row.run_number,
        row.length,
        row.max_length,
        row.stop_reason,
        row.period,
        row.message,
        row.twin_of,
        json.dumps(row.perturbation) if row.perturbation else None,
    )


def network_label(network: Sequence[dict[str, Any]]) -> str:
    """``Glyph → RapidOCR``, with the given parameters in brackets."""
    labels = []
    for node in network:
        values = ", ".join(str(value) for _, value in sorted(node.get("parameters", {}).items()))
        labels.append(f"{node['model']} ({values})" if values else node["model"])
    return " → ".join(labels)


def invocations_frame(record: Record, experiment_ids: Sequence[str]) -> pl.DataFrame:
    """Columns run_id, invocation_id, sequence_number, position, model, version, type, seed, text, sha256,
    degenerate, synthetic, started_at, completed_at, seconds; in run and sequence order."""
    return _frame(record, _invocations_query(experiment_ids), INVOCATIONS, _invocation)


def invocation_batches(record: Record, experiment_ids: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The rows of :func:`invocations_frame` in pieces, for exports larger than memory."""
    return _batches(record, _invocations_query(experiment_ids), INVOCATIONS, _invocation)


def _invocations_query(experiment_ids: Sequence[str]) -> sa.Select[Any]:
    return (
        sa.select(
            invocations,
            runs.c.network,
            model_versions.c.name,
            model_versions.c.version,
            model_versions.c.synthetic,
            outputs.c.kind,
            outputs.c.text,
            outputs.c.degenerate,
        )
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(model_versions, model_versions.c.id == invocations.c.model_version_id)
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .where(runs.c.experiment_id.in_(experiment_ids))
        .order_by(invocations.c.run_id, invocations.c.sequence_number)
    )


def _invocation(row: Any) -> tuple[Any, ...]:
    return (
        row.run_id,
        row.id,
        row.sequence_number,
        row.sequence_number % len(row.network),
        row.name,
        row.version,
        row.kind,
        row.seed,
        row.text,
        row.output_id,
        row.degenerate,
        row.synthetic,
        row.started_at,
        row.completed_at,
        row.seconds,
    )


def embeddings_frame(record: Record, experiment_ids: Sequence[str]) -> pl.DataFrame:
    """Columns run_id, sequence_number, model, vector: one row for each (invocation, embedder).

    Of an embedder that the experiment uses, ``model`` is the name of the version it is pinned to; vectors by another
    version of the same name, made for other experiments that share outputs, go by ``NAME@VERSION``.
    """
    with record.reading() as connection:
        columns = sa.select(experiments.c.id, experiments.c.model_versions)
        rows = connection.execute(columns.where(experiments.c.id.in_(experiment_ids)))
        pins = {row.id: row.model_versions for row in rows}

    def labelled(row: Any) -> tuple[Any, ...]:
        pinned = pins[row.experiment_id].get(row.name, row.version) == row.version
        return row.run_id, row.sequence_number, row.name if pinned else f"{row.name}@{row.version}", row.vector

    query = (
        sa.select(
            invocations.c.run_id,
            invocations.c.sequence_number,
            runs.c.experiment_id,
            model_versions.c.name,
            model_versions.c.version,
            embeddings.c.vector,
        )
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(embeddings, embeddings.c.output_id == invocations.c.output_id)
        .join(model_versions, model_versions.c.id == embeddings.c.model_version_id)
        .where(runs.c.experiment_id.in_(experiment_ids))
        .order_by(model_versions.c.name, invocations.c.run_id, invocations.c.sequence_number)
    )
    return _frame(record, query, _EMBEDDINGS, labelled)


def vector_batches(record: Record, experiment_ids: Sequence[str], model_version_id: str) -> Iterator[pl.DataFrame]:
    """Columns output_id, model, version, vector (a fixed-size array): each distinct output once, in pieces."""
    import polars as pl

    made = (
        sa.select(invocations.c.output_id)
        .join(runs, runs.c.id == invocations.c.run_id)
        .where(runs.c.experiment_id.in_(experiment_ids))
    )
    query = (
        sa.select(embeddings.c.output_id, model_versions.c.name, model_versions.c.version, embeddings.c.vector)
        .join(model_versions, model_versions.c.id == embeddings.c.model_version_id)
        .where(embeddings.c.model_version_id == model_version_id, embeddings.c.output_id.in_(made))
        .order_by(embeddings.c.output_id)
    )
    schema = {"output_id": "String", "model": "String", "version": "String", "vector": "List(Float32)"}
    for frame in _batches(record, query, schema, tuple):
        width = len(frame["vector"][0])
        yield frame.with_columns(pl.col("vector").list.to_array(width))


def bars_frame(record: Record, experiment_ids: Sequence[str]) -> pl.DataFrame:
    """Columns run_id, model, dimension, birth, death: one row for each bar."""
    import polars as pl

    rows = []
    with record.reading() as connection:
        for row in connection.execute(_diagrams_query(experiment_ids)):
            for dimension, bars in enumerate(decode_bars(row.data)):
                rows += [(row.run_id, row.name, dimension, float(birth), float(death)) for birth, death in bars]
    return pl.DataFrame(rows, schema=schema(_BARS), orient="row")


def diagrams_frame(record: Record, experiment_ids: Sequence[str]) -> pl.DataFrame:
    """Columns run_id, model, points, distinct_points, unmeasured, max_dim, covering_radius, entropy,
    normalised_entropy, engine, absence: one row for each diagram."""
    return _frame(record, _diagrams_query(experiment_ids), _DIAGRAMS, _diagram)


def _diagrams_query(experiment_ids: Sequence[str]) -> sa.Select[Any]:
    return (
        sa.select(persistence_diagrams, model_versions.c.name)
        .join(runs, runs.c.id == persistence_diagrams.c.run_id)
        .join(model_versions, model_versions.c.id == persistence_diagrams.c.model_version_id)
        .where(runs.c.experiment_id.in_(experiment_ids))
        .order_by(model_versions.c.name, persistence_diagrams.c.run_id)
    )


def _diagram(row: Any) -> tuple[Any, ...]:
    return (
        row.run_id,
        row.name,
        row.points,
        row.distinct_points,
        row.unmeasured,
        row.max_dim,
        row.covering_radius,
        row.entropy,
        row.normalised_entropy,
        row.engine,
        row.absence,
    )


def model_versions_frame(record: Record, experiment_ids: Sequence[str]) -> pl.DataFrame:
    """Columns id, name, version, family, device, dtype, tier, synthetic: the versions these experiments used."""
    with record.reading() as connection:
        pins = connection.execute(sa.select(experiments.c.model_versions).where(experiments.c.id.in_(experiment_ids)))
        used = sorted({pair for pinned in pins.scalars() for pair in pinned.items()})
    columns = [model_versions.c[name] for name in _MODEL_VERSIONS]
    mine = sa.tuple_(model_versions.c.name, model_versions.c.version).in_(used)
    query = sa.select(*columns).where(mine).order_by(model_versions.c.name, model_versions.c.version)
    return _frame(record, query, _MODEL_VERSIONS, tuple)


_RUNS = {
    "run_id": "String",
    "experiment_id": "String",
    "network": "String",
    "prompt": "String",
    "prompt_sha256": "String",
    "prompt_type": "String",
    "seed": "Int64",
    "run_number": "Int64",
    "length": "Int64",
    "max_length": "Int64",
    "stop_reason": "String",
    "period": "Int64",
    "failure": "String",
    "twin_of": "String",
    "perturbation": "String",
}
INVOCATIONS = {
    "run_id": "String",
    "invocation_id": "String",
    "sequence_number": "Int64",
    "position": "Int64",
    "model": "String",
    "version": "String",
    "type": "String",
    "seed": "Int64",
    "text": "String",
    "sha256": "String",
    "degenerate": "String",
    "synthetic": "Boolean",
    "started_at": "Datetime",
    "completed_at": "Datetime",
    "seconds": "Float64",
}
_EMBEDDINGS = {"run_id": "String", "sequence_number": "Int64", "model": "String", "vector": "List(Float32)"}
_BARS = {"run_id": "String", "model": "String", "dimension": "Int64", "birth": "Float64", "death": "Float64"}
_DIAGRAMS = {
    "run_id": "String",
    "model": "String",
    "points": "Int64",
    "distinct_points": "Int64",
    "unmeasured": "Int64",
    "max_dim": "Int64",
    "covering_radius": "Float64",
    "entropy": "List(Float64)",
    "normalised_entropy": "List(Float64)",
    "engine": "String",
    "absence": "String",
}
_MODEL_VERSIONS = {
    "id": "String",
    "name": "String",
    "version": "String",
    "family": "String",
    "device": "String",
    "dtype": "String",
    "tier": "String",
    "synthetic": "Boolean",
}


def schema(columns: dict[str, str]) -> dict[str, Any]:
    """polars types for the names used in this module's tables of columns."""
    import polars as pl

    types = {
        "Datetime": pl.Datetime("us", "UTC"),
        "List(Float32)": pl.List(pl.Float32),
        "List(Float64)": pl.List(pl.Float64),
    }
    return {name: types.get(kind) or getattr(pl, kind) for name, kind in columns.items()}


def _frame(record: Record, query: sa.Select[Any], columns: dict[str, str], convert: Any) -> pl.DataFrame:
    import polars as pl

    pieces = list(_batches(record, query, columns, convert))
    return pl.concat(pieces) if pieces else pl.DataFrame(schema=schema(columns))


def _batches(record: Record, query: sa.Select[Any], columns: dict[str, str], convert: Any) -> Iterator[pl.DataFrame]:
    import polars as pl

    types = schema(columns)
    with record.reading() as connection:
        for rows in _streamed(connection, query):
            yield pl.DataFrame([convert(row) for row in rows], schema=types, orient="row")


def _streamed(connection: Connection, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    streaming = connection.execution_options(yield_per=_ROWS_AT_ONCE)
    return streaming.execute(query).partitions()
