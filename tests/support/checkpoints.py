"""The twins on disk, each built once in a session, and what is needed to use them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from panic_tda.models.model import ModelSpec

LIBRARIES = ("torch", "diffusers", "transformers", "sentence_transformers")


def require_libraries() -> None:
    """Skips a test module where the libraries of the extra ``torch`` are not installed."""
    for library in LIBRARIES:
        pytest.importorskip(library, reason=f"{library} is not installed (pip install 'panic-tda[torch]')")


def put_weights(folder: Path, *shapes: list[int], name: str = "model.safetensors") -> Path:
    """A safetensors file whose header tells of tensors of these shapes."""
    header = {f"w{n}": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for n, shape in enumerate(shapes)}
    text = json.dumps(header).encode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(len(text).to_bytes(8, "little") + text)
    return folder


class Twins:
    """Builds a twin when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, spec: ModelSpec) -> Path:
        """Where the twin of a row is."""
        return self.folder_of(Path(spec.twin).stem, spec.dims)

    def folder_of(self, name: str, dims: int | None) -> Path:
        """Where the twin of that name is, with vectors of so many numbers."""
        place = self._folder / (f"{name}-{dims}" if dims else name)
        if not place.exists():
            aside = place.with_name(f"{place.name}-in-the-making")
            aside.mkdir()
            made: dict[str, Any] = {"dims": dims} if dims else {}
            importlib.import_module(f"support.twins.{name}").build(aside, **made)
            aside.rename(place)
        return place


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Twins:
    """The twins, each built once and kept for all tests."""
    return Twins(tmp_path_factory.mktemp("twins"))
