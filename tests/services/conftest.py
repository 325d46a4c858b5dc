"""Models that are loaded once for a file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from panic_tda.services.host import Host
from panic_tda.settings import Settings


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A host on one thread, which keeps its models for all tests of the file."""
    with Host(Settings(threads=1)) as opened:
        yield opened
