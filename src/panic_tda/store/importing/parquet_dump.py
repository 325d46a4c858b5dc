"""A folder of Parquet files, read as the database that they were dumped from.

The files are poured, in pieces, into a temporary SQLite database with an index on every reference, so that they are
read as any other source is, and memory stays flat however large they are.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from panic_tda.errors import RequestError
from panic_tda.store.importing.eras import PARQUET
from panic_tda.store.importing.source import Source, open_sqlite
from panic_tda.store.importing.text_only import take_images_out

if TYPE_CHECKING:
    import polars as pl

_ROWS_AT_ONCE = 5_000
_REFERENCES = ("id", "experiment_id", "run_id", "invocation_id", "clustering_result_id")
_PROMPT = "sequence_number = -1 AND id LIKE 'prompt-%'"


@contextmanager
def open_dump(folder: Path) -> Iterator[Source]:
    """The dump in a folder; raises ``RequestError`` when a file is missing or damaged, or of another shape."""
    files = _files(folder)
    with tempfile.TemporaryDirectory(prefix="panic-tda-import-") as aside:
        path = Path(aside) / "dump.sqlite"
        with closing(sqlite3.connect(path)) as database:
            for table, file in files.items():
                _pour(database, table, file)
            _check_columns(folder, database)
            left_out = take_images_out(database)
            database.commit()
        with open_sqlite(path, [PARQUET]) as source:
            if any(left_out):
                source.note = (
                    f"a dump holds no images: {left_out.invocations:,} steps that made one"
                    f" and {left_out.embeddings:,} vectors of images are left out"
                )
            yield source


def _files(folder: Path) -> dict[str, Path]:
    there = {table: folder / f"{table}.parquet" for table, _ in PARQUET.tables.values()}
    missing = [there[table].name for table in PARQUET.required if not there[table].is_file()]
    if missing:
        raise RequestError(
            f"{folder} is no dump of an earlier panic-tda: there is no {missing[0]}",
            hint=f"a dump is a folder with {', '.join(file.name for file in there.values())}",
        )
    return {table: file for table, file in there.items() if file.is_file()}


def _check_columns(folder: Path, database: sqlite3.Connection) -> None:
    """Raises ``RequestError`` when a column is missing without which nothing can be read."""
    for table, words in PARQUET.required.items():
        there = {row[1] for row in database.execute(f'PRAGMA table_info("{table}")')}
        columns = PARQUET.tables[table][1]
        if missing := [word for word in words if not set(columns[word]) & there]:
            raise RequestError(
                f"{folder} is no dump of an earlier panic-tda: {table}.parquet has no {columns[missing[0]][0]}"
            )


def _pour(database: sqlite3.Connection, table: str, file: Path) -> None:
    try:
        _copy(database, table, file)
    except (RequestError, KeyboardInterrupt, OSError):
        raise
    except BaseException as fault:  # polars panics, which is no Exception, on some damaged files
        if not isinstance(fault, Exception) and type(fault).__name__ != "PanicException":
            raise
        reason = (str(fault).strip().splitlines() or [type(fault).__name__])[0]
        raise RequestError(f"{file}: {reason}", hint="the file is damaged, or no Parquet file") from fault


def _copy(database: sqlite3.Connection, table: str, file: Path) -> None:
    import polars as pl

    scan = pl.scan_parquet(file, glob=False)
    schema = scan.collect_schema()
    columns = [name for name in schema.names() if '"' not in name]
    if not columns:
        return
    database.execute(f'CREATE TABLE "{table}" ({", ".join(_column(name) for name in columns)})')
    marks = ", ".join("?" * len(columns))
    total = scan.select(pl.len()).collect().item()
    for start in range(0, total, _ROWS_AT_ONCE):
        piece = scan.select(columns).slice(start, _ROWS_AT_ONCE).collect()
        database.executemany(f'INSERT INTO "{table}" VALUES ({marks})', _rows(piece))
    if table == "invocations" and {"id", "sequence_number"} <= set(columns):
        database.execute(f"DELETE FROM invocations WHERE {_PROMPT}")
    for name in set(columns) & set(_REFERENCES):
        database.execute(f'CREATE INDEX "{table}_{name}" ON "{table}" ("{name}")')


def _column(name: str) -> str:
    return f'"{name}"'  # without a type, so that values stay what they are


def _rows(piece: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    converted = {name: _converted(piece[name]) for name in piece.columns}
    return zip(*converted.values(), strict=True)


def _converted(column: pl.Series) -> list[Any]:
    """The values as SQLite holds them: vectors as float32 bytes, other lists as JSON, times as text."""
    import numpy as np
    import polars as pl

    if column.dtype in (pl.String, pl.Binary) or column.dtype.is_float():
        return column.to_list()
    if column.dtype.is_integer():
        return [each if each is None or abs(each) < 2**63 else str(each) for each in column.to_list()]
    if isinstance(column.dtype, (pl.List, pl.Array)) and column.dtype.inner.is_float():
        return [None if each is None else _bytes(np, each) for each in column.to_list()]
    if isinstance(column.dtype, (pl.List, pl.Array)):
        return [None if each is None else json.dumps(each, default=str) for each in column.to_list()]
    return [None if each is None else _text(each) for each in column.to_list()]


def _bytes(np: Any, values: list[float | None]) -> bytes:
    numbers = [float("nan") if each is None else each for each in values]
    return bytes(np.array(numbers, "<f4").tobytes())


def _text(value: Any) -> str:
    return value.isoformat(sep="T") if hasattr(value, "isoformat") else str(value)
