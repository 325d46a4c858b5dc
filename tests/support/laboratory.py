"""What the tests of the lab share: benches on real records, and fake models known by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from panic_tda.lab.perform import Outcome, create, perform
from panic_tda.lab.validation import validate_config
from panic_tda.lab.workbench import Workbench
from panic_tda.models import catalogue as catalogue_module
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.store.database import Record
from support.models import fake_spec

ECHO = fake_spec("Echo")
EMBEDDER = fake_spec("Ruler", "text -> vector")
PAINTER = fake_spec("Painter", "text -> image")
READER = fake_spec("Reader", "image -> text")


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModelSpec]:
    """The fake models in the catalogue, beside the real ones; more may be added."""
    specs = dict(catalogue_module.catalogue())
    specs |= {spec.name: spec for spec in (ECHO, EMBEDDER, PAINTER, READER)}
    monkeypatch.setattr(catalogue_module, "catalogue", lambda: specs)
    return specs


@contextmanager
def bench_on(record: Record, **options: Any) -> Iterator[Workbench]:
    """A bench with an executor of its own."""
    executor = options.pop("executor", None) or InProcessExecutor()
    try:
        yield Workbench(record, executor, **options)
    finally:
        executor.close()


def performed(record: Record, config: Mapping[str, Any], **options: Any) -> Outcome:
    """Creates and performs an experiment."""
    with bench_on(record, **options) as bench:
        return perform(bench, [create(bench, validate_config(config, folder=Path()))])[0]
