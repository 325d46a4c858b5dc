from __future__ import annotations

from collections.abc import Iterator

import pytest

from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from support.laboratory import fakes
from support.talkers import MUMBLER, TALKER, Mumbler

__all__ = ["fakes"]


@pytest.fixture
def talkers(fakes: dict[str, ModelSpec]) -> None:
    """Talkers in the catalogue, that were asked nothing yet."""
    fakes |= {spec.name: spec for spec in (TALKER, MUMBLER)}
    Mumbler.heard.clear()
    Mumbler.loaded.clear()


@pytest.fixture
def executor() -> Iterator[InProcessExecutor]:
    made = InProcessExecutor()
    yield made
    made.close()
