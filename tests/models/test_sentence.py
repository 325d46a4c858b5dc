from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import onnxruntime
import pytest

from panic_tda.content import Text
from panic_tda.errors import InvalidOutput, ModelLoadError
from panic_tda.models import sentence
from panic_tda.models.hashing import sha256_of_file
from panic_tda.models.model import Embedder, Placement
from panic_tda.models.onnx.vectors import unit
from panic_tda.models.weights import Weights, require

if TYPE_CHECKING:
    from panic_tda.models.model import Vector

[SPEC] = sentence.MODELS
TEXTS = ["A man is playing a guitar.", "Someone plays a guitar.", "The stock market fell sharply.", "", "word " * 300]


@pytest.fixture(scope="module")
def model() -> Iterator[Embedder]:
    loaded = cast("Embedder", SPEC.load(Placement()))
    yield loaded
    loaded.close()


def embed(model: Embedder, texts: list[str]) -> list[Vector]:
    outcomes = model.embed([Text(text) for text in texts])
    assert all(isinstance(outcome, np.ndarray) for outcome in outcomes)
    return [cast("Vector", outcome) for outcome in outcomes]


def test_vectors_are_float32_of_length_one(model: Embedder) -> None:
    for vector in embed(model, TEXTS):
        assert vector.shape == (SPEC.dims,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_no_batch_composition_changes_a_bit(model: Embedder) -> None:
    alone = [embed(model, [text])[0] for text in TEXTS]
    backwards = embed(model, TEXTS[::-1])[::-1]
    doubled = embed(model, TEXTS + TEXTS)
    for one, other, first, second in zip(alone, backwards, doubled, doubled[len(TEXTS) :], strict=False):
        assert one.tobytes() == other.tobytes() == first.tobytes() == second.tobytes()


def test_vectors_are_those_of_the_packaged_network_but_for_the_digits_of_the_activations(model: Embedder) -> None:
    path = require(SPEC.weights[0], model="MiniLM")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    tokens = sentence.minilm_tokenizer()
    for text, vector in zip(TEXTS, embed(model, TEXTS), strict=True):
        mean = session.run(None, tokens.arrays([tokens.of(text)]))[0][0].mean(axis=0)
        assert float(vector @ (mean / np.linalg.norm(mean))) > 0.99999


def test_the_network_is_the_one_that_its_tool_writes() -> None:
    pytest.importorskip("onnx", reason="onnx is not installed (pip install 'panic-tda[export]')")
    import minilm_graph

    assert sentence.NETWORK.read_bytes() == minilm_graph.made()


def test_a_fresh_load_and_two_threads_give_the_same_bits(model: Embedder) -> None:
    fresh = cast("Embedder", SPEC.load(Placement(threads=2)))
    assert [v.tobytes() for v in embed(fresh, TEXTS)] == [v.tobytes() for v in embed(model, TEXTS)]
    fresh.close()


def test_a_paraphrase_is_nearer_than_another_subject(model: Embedder) -> None:
    guitar, paraphrase, market, *_ = embed(model, TEXTS)
    assert guitar @ paraphrase > 0.7
    assert guitar @ market < 0.2


def test_what_follows_the_first_256_tokens_is_cut(model: Embedder) -> None:
    start = "one two three " * 100
    short, long = embed(model, [start, start + "something else entirely"])
    assert short.tobytes() == long.tobytes()


def test_an_empty_batch_gives_nothing(model: Embedder) -> None:
    assert list(model.embed([])) == []


@pytest.mark.parametrize("values", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_a_vector_that_is_zero_or_not_finite_is_an_error_for_its_item(values: list[float]) -> None:
    assert isinstance(unit(replace(SPEC, dims=2), np.array(values, np.float32)), InvalidOutput)


def test_a_file_that_is_no_network_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path))
    garbage = tmp_path / "model.onnx"
    garbage.write_bytes(b"no network")
    digest = sha256_of_file(garbage)
    home = tmp_path / "weights" / digest
    home.mkdir(parents=True)
    garbage.rename(home / "model.onnx")
    spec = replace(SPEC, weights=(Weights("no-such-package", "1", "model.onnx", digest, 10),))
    with pytest.raises(ModelLoadError, match="does not load"):
        spec.load(Placement())
