"""A record to import into, on each database, and how to import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from panic_tda.store.database import Record, open_record

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def record(location: str) -> Iterator[Record]:
    """An empty record, on each database in turn."""
    with open_record(location) as opened:
        yield opened


@pytest.fixture
def sqlite_record(sqlite_location: str) -> Iterator[Record]:
    """An empty SQLite record."""
    with open_record(sqlite_location) as opened:
        yield opened


@pytest.fixture(scope="session")
def real_source() -> Path:
    """A database that the Python era wrote: 1 experiment, 4 runs, 400 invocations, 200 embeddings, 4 diagrams."""
    return DATA / "legacy-python.sqlite"
