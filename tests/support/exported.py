"""Twins exported for onnxruntime, each once in a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from panic_tda.models.catalogue import published
from panic_tda.models.model import ModelSpec
from panic_tda.models.onnx.exporting import export
from support.checkpoints import Twins


class Exports:
    """Exports a twin when it is first asked for."""

    def __init__(self, folder: Path, twins: Twins) -> None:
        self._folder = folder
        self._twins = twins

    def twin(self, name: str) -> ModelSpec:
        """A row of the catalogue with the weights of its twin."""
        spec = published()[name]
        assert spec.repository is not None
        repository = replace(spec.repository, folder=str(self._twins.folder(spec)))
        return replace(spec, repository=repository, dtype="float32")

    def folder(self, name: str) -> Path:
        """Where the exported twin of a row is."""
        place = self._folder / name
        if not place.exists():
            export(self.twin(name), place, report=lambda _: None)
        return place


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory, twins: Twins) -> Exports:
    """The exported twins."""
    return Exports(tmp_path_factory.mktemp("exports"), twins)
