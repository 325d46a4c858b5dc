"""Models of the family remote, at a server of the tests, in time that passes only when somebody sleeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from panic_tda.models.model import Embedder, Generator, ModelSpec, Placement
from panic_tda.models.remote import added, pauses
from panic_tda.models.shelf import Added
from support.openai_server import OpenAIServer, serving
from support.times import StillTime

TASKS = ("text->text", "image->text", "text->image", "text->vector")


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """A server of this test's own."""
    with serving() as started:
        yield started


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> StillTime:
    """What models loaded from now on take for time."""
    time = StillTime()
    monkeypatch.setattr(pauses, "REAL_TIMES", time.times)
    return time


def remote_spec(address: str, task: str = "text->text", **options: Any) -> ModelSpec:
    """The entry of a model at an address."""
    given = {"task": task, "model": "m", **({"dims": 8} if task == "text->vector" else {}), **options}
    return added("Far", Added("remote", address, given))


@contextmanager
def generator(spec: ModelSpec) -> Iterator[Generator]:
    """The loaded model, closed at the end."""
    model = cast("Generator", spec.load(Placement()))
    try:
        yield model
    finally:
        model.close()


@contextmanager
def embedder(spec: ModelSpec) -> Iterator[Embedder]:
    """The loaded model, closed at the end."""
    model = cast("Embedder", spec.load(Placement()))
    try:
        yield model
    finally:
        model.close()
