"""Exporting experiments as Parquet: one file for each table, zstd, written in pieces so that memory stays flat."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from panic_tda.errors import make_folder, naming_the_file
from panic_tda.store import frames
from panic_tda.store.database import Record
from panic_tda.store.statements import chunks
from panic_tda.store.tables import (
    clustering_results,
    embedding_clusters,
    experiments,
    failures,
    invocations,
    lyapunov_results,
    outputs,
    runs,
)
from panic_tda.store.types import UtcTimestamp

if TYPE_CHECKING:
    import polars as pl

_IMAGES_AT_ONCE = 64
_ROWS_TOGETHER = 16_384
"""Rows of one row group: what a reader, and the writer, holds in memory at a time."""


def export_parquet(
    record: Record,
    experiment_ids: Sequence[str],
    folder: Path,
    *,
    images: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Writes the tables into ``folder`` and returns the files, the dataset card ``README.md`` last.

    ``invocations`` has a row of ``sequence_number`` −1 for each run: the prompt itself. Vectors are fixed-size
    arrays of float32, one file for each embedder, and for each of its versions where there are several. Failures,
    Lyapunov results and clusterings have a file where there are any. Images are left out unless ``images``. Each file
    appears under its name only when it is whole.
    """
    make_folder(folder)
    tables = _tables(record, experiment_ids, images)
    written = []
    for name, pieces in tables:
        together = _IMAGES_AT_ONCE if name == "images" else _ROWS_TOGETHER
        if path := _write(pieces, folder / f"{name}.parquet", together):
            written.append(path)
            report(f"wrote {path.name}")
    card = folder / "README.md"
    with naming_the_file(card), tempfile.TemporaryDirectory(dir=folder, prefix=".card-") as aside:
        text = _dataset_card(record, experiment_ids, written)
        shutil.move(_written(text, Path(aside) / card.name), card)
    return [*written, card]


def _written(text: str, path: Path) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _tables(
    record: Record, experiment_ids: Sequence[str], images: bool
) -> Iterator[tuple[str, Iterable[pl.DataFrame]]]:
    yield "experiments", [_experiments(record, experiment_ids)]
    yield "runs", [frames.runs_frame(record, experiment_ids)]
    yield "invocations", _invocations(record, experiment_ids)
    versions = frames.model_versions_frame(record, experiment_ids)
    yield "model_versions", [versions]
    names = versions["name"].to_list()
    for version in versions.iter_rows(named=True):
        name = version["name"] if names.count(version["name"]) == 1 else f"{version['name']}@{version['version']}"
        yield f"embeddings-{name.replace('/', '_')}", frames.vector_batches(record, experiment_ids, version["id"])
    yield "persistence_diagrams", [frames.diagrams_frame(record, experiment_ids)]
    yield "persistence_bars", [frames.bars_frame(record, experiment_ids)]
    for table, mine in _sparse_tables(experiment_ids):
        yield table.name, _rows(record, table, mine)
    if images:
        yield "images", _images(record, experiment_ids)


def _experiments(record: Record, experiment_ids: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    query = sa.select(experiments).where(experiments.c.id.in_(experiment_ids)).order_by(experiments.c.id)
    with record.reading() as connection:
        rows = [
            (row.id, row.status, row.created_at, row.completed_at, json.dumps(row.config))
            for row in connection.execute(query)
        ]
    time = pl.Datetime("us", "UTC")
    schema: dict[str, Any] = {"id": pl.String, "status": pl.String, "created_at": time, "completed_at": time}
    schema["config"] = pl.String
    return pl.DataFrame(rows, schema=schema, orient="row")


def _invocations(record: Record, experiment_ids: Sequence[str]) -> Iterator[pl.DataFrame]:
    import polars as pl

    prompts = frames.runs_frame(record, experiment_ids)
    yield pl.DataFrame(schema=frames.schema(frames.INVOCATIONS)).join(
        prompts.select(
            "run_id",
            pl.lit(-1, pl.Int64).alias("sequence_number"),
            pl.col("prompt_type").alias("type"),
            pl.when(pl.col("prompt_type") == "text").then(pl.col("prompt")).alias("text"),
            pl.col("prompt_sha256").alias("sha256"),
        ),
        on=["run_id", "sequence_number", "type", "text", "sha256"],
        how="full",
        coalesce=True,
    )
    yield from frames.invocation_batches(record, experiment_ids)


def _sparse_tables(experiment_ids: Sequence[str]) -> Iterator[tuple[sa.Table, sa.ColumnElement[bool]]]:
    """Tables that many experiments have no row in, and which of their rows belong to these experiments."""
    yield failures, failures.c.experiment_id.in_(experiment_ids)
    yield lyapunov_results, lyapunov_results.c.experiment_id.in_(experiment_ids)
    mine = clustering_results.c.experiment_id.in_(experiment_ids)
    clustered = sa.or_(mine, clustering_results.c.experiment_id.is_(None))
    yield clustering_results, clustered
    results = sa.select(clustering_results.c.id).where(clustered)
    yield (
        embedding_clusters,
        sa.and_(
            embedding_clusters.c.clustering_result_id.in_(results),
            embedding_clusters.c.output_id.in_(_contents(experiment_ids)),
        ),
    )


def _rows(record: Record, table: sa.Table, mine: sa.ColumnElement[bool]) -> Iterator[pl.DataFrame]:
    """The rows as they are in the record, JSON as text, in pieces."""
    import polars as pl

    schema = {column.name: _polars_type(column) for column in table.columns}
    query = sa.select(table).where(mine).order_by(*table.primary_key)
    with record.reading() as connection:
        for rows in connection.execution_options(yield_per=_ROWS_TOGETHER).execute(query).partitions():
            plain = [[json.dumps(value) if isinstance(value, (dict, list)) else value for value in row] for row in rows]
            yield pl.DataFrame(plain, schema=schema, orient="row")


def _polars_type(column: sa.Column[Any]) -> Any:
    import polars as pl

    if isinstance(column.type, UtcTimestamp):
        return pl.Datetime("us", "UTC")
    kinds: dict[type, Any] = {sa.Float: pl.Float64, sa.Integer: pl.Int64, sa.Boolean: pl.Boolean}
    return next((chosen for kind, chosen in kinds.items() if isinstance(column.type, kind)), pl.String)


def _contents(experiment_ids: Sequence[str]) -> sa.CompoundSelect[Any]:
    """The keys of everything these experiments began with or made."""
    mine = runs.c.experiment_id.in_(experiment_ids)
    return sa.union(
        sa.select(invocations.c.output_id).join(runs, runs.c.id == invocations.c.run_id).where(mine),
        sa.select(runs.c.prompt_id).where(mine),
    )


def _images(record: Record, experiment_ids: Sequence[str]) -> Iterator[pl.DataFrame]:
    import polars as pl

    mine = outputs.c.id.in_(_contents(experiment_ids))
    wanted = sa.select(outputs.c.id).where(outputs.c.kind == "image", mine).order_by(outputs.c.id)
    with record.reading() as connection:
        keys = list(connection.execute(wanted).scalars())
        for piece in chunks(keys, _IMAGES_AT_ONCE):
            columns = (outputs.c.id, outputs.c.mode, outputs.c.data)
            rows = connection.execute(sa.select(*columns).where(outputs.c.id.in_(piece)).order_by(outputs.c.id)).all()
            schema = {"sha256": pl.String, "mode": pl.String, "webp": pl.Binary}
            yield pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")


def _write(pieces: Iterable[pl.DataFrame], path: Path, rows: int) -> Path | None:
    """Writes the pieces aside, merges them as a stream in groups of ``rows``, and moves the file into place.

    Returns None when there is no piece.
    """
    import polars as pl

    with naming_the_file(path), tempfile.TemporaryDirectory(dir=path.parent, prefix=".parquet-") as folder:
        parts = []
        for number, piece in enumerate(pieces):
            part = Path(folder) / f"{number:08}.parquet"
            piece.write_parquet(part, compression="zstd")
            parts.append(part)
        if not parts:
            return None
        merged = parts[0]
        if len(parts) > 1:
            merged = Path(folder) / "merged.parquet"
            pl.scan_parquet(parts).sink_parquet(merged, compression="zstd", row_group_size=rows)
        shutil.move(merged, path)
    return path


def _dataset_card(record: Record, experiment_ids: Sequence[str], written: Sequence[Path]) -> str:
    import polars as pl

    counts = {path: pl.scan_parquet(path).select(pl.len()).collect().item() for path in written}
    rows = [f"| `{path.name}` | {counts[path]:,} |" for path in written]
    versions = frames.model_versions_frame(record, experiment_ids)
    models = [f"- {name}@{version}" for name, version in versions.select("name", "version").iter_rows()]
    return "\n".join(
        [
            "---",
            "pretty_name: panic-tda feedback loops",
            "configs:",
            # A table without rows is a fault to those who read this list.
            *[f"- config_name: {path.stem}\n  data_files: {path.name}" for path, count in counts.items() if count],
            "---",
            "# Feedback loops of generative models",
            "",
            f"Experiments: {', '.join(experiment_ids)}. Exported by panic-tda from its record.",
            "",
            "| file | rows |",
            "|---|---|",
            *rows,
            "",
            "In `invocations`, `sequence_number` −1 is the prompt of the run. Join `embeddings-*` on",
            "`output_id` = `invocations.sha256`: a content that occurs several times has one vector. Where there are",
            "`images`, `webp` is lossless; `mode` tells whether the pixels have an alpha channel.",
            "",
            'With `datasets`: `load_dataset(FOLDER, "invocations")`; every file that has rows is a configuration.',
            "",
            "Models:",
            *models,
            "",
        ]
    )
