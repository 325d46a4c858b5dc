"""A database of an earlier era to import from."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="session")
def real_source() -> Path:
    """A database that the Python era wrote: 1 experiment, 4 runs, 400 invocations, 200 embeddings, 4 diagrams."""
    return DATA / "legacy-python.sqlite"
