from __future__ import annotations

from collections.abc import Iterator

import pytest

from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from support.laboratory import fakes
from support.talkers import MUMBLER, TALKER, Mumbler

__all__ = ["fakes"]


@pytest.fixture
def talkers(fakes: dict[str, ModelSpec]) -> list[object]:
    """Talkers in the catalogue; what they are asked is heard here."""
    fakes |= {spec.name: spec for spec in (TALKER, MUMBLER)}
    Mumbler.heard.clear()
    return list[object](Mumbler.heard)


@pytest.fixture
def executor() -> Iterator[InProcessExecutor]:
    made = InProcessExecutor()
    yield made
    made.close()
