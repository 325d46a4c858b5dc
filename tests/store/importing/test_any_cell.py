"""Whatever stands in whatever cell of a source: every row is accounted for, and importing again changes nothing."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from panic_tda.store.database import open_record
from support.earlier import PYTHON_TABLES, Earlier
from support.importing import everything, imported

STRANGE = st.sampled_from(
    [None, 0, -1, 2**63 - 1, 1.5, float("inf"), "", "x", "\0", "é" * 100, "[]", "{}", "[[", "null", b"", b"\xff" * 9]
    + ["f" * 32, "0688868050e750978308376736095512", "2025-06-01 10:00:00", '["A"]', '[["A"]]', "[1e999]", "TEXT"]
) | st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.binary(max_size=40))
TABLES = st.sampled_from(
    ["experiments", "runs", "invocations", "embeddings", "persistence_diagrams"]
    + ["clustering_results", "embedding_clusters"]
)


def world() -> Earlier:
    earlier = Earlier()
    earlier.experiment(runs=2, steps=4)
    vectors = earlier.tables["embeddings"]
    earlier.clustering([vectors[:2]], vectors[2:])
    return earlier


@settings(max_examples=20)
@given(st.lists(st.tuples(TABLES, st.integers(0, 50), st.integers(0, 50), STRANGE), min_size=1, max_size=4))
def test_any_value_in_any_cell(sqlite_template: Path, changes: list[tuple[str, int, int, Any]]) -> None:
    earlier = world()
    for table, place, column, value in changes:
        row = earlier.tables[table][place % len(earlier.tables[table])]
        row[list(row)[column % len(row)]] = value
    with tempfile.TemporaryDirectory() as folder:
        source = earlier.write(Path(folder) / "old.sqlite")
        with open_record(shutil.copy(sqlite_template, Path(folder) / "record.sqlite")) as record:
            first = imported(source, record)
            _accounted(source, first)
            before = everything(record)
            again = imported(source, record)
            assert everything(record) == before
            assert again["refused"] == first["refused"]


def _accounted(source: Path, result: dict[str, Any]) -> None:
    with closing(sqlite3.connect(source)) as database:
        for table, name in PYTHON_TABLES.items():
            if table in result:
                found = database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                counts = result[table]
                assert counts["found"] == found == sum(counts.values()) - counts["found"], (table, counts, found)
