"""Texts come from lines, and vectors go to files that say which text failed."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panic_tda.errors import ConfigurationError, InvalidOutput, RequestError
from panic_tda.services.embedding import embed_batch
from panic_tda.services.text_files import encode_vectors, read_texts

LINES = st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1), min_size=1, max_size=5)


@settings(max_examples=25)
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_every_line_is_a_text_whatever_signs_it_holds(lines: list[str], ending: str, last: bool) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "texts.txt"
        path.write_bytes((ending.join(lines) + (ending if last else "")).encode())
        found = read_texts(str(path))
    assert found == [lines[0].removeprefix("\ufeff"), *lines[1:]]


def test_an_empty_line_is_an_empty_text_and_an_empty_file_none(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    for content, texts in (("a\n\nb\n", ["a", "", "b"]), ("", [])):
        path.write_text(content)
        assert read_texts(str(path)) == texts


def test_lines_of_json_are_texts_or_objects_with_one(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('"a\\nb"\n\n{"text": "c", "id": 1}\n')
    assert read_texts(str(path)) == ["a\nb", "c"]


def test_every_line_that_is_neither_is_named(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('nothing\n{"id": 1}\n"good"\n3\n')
    with pytest.raises(ConfigurationError) as refused:
        read_texts(str(path))
    assert [issue.split(": ")[1] for issue in refused.value.issues] == ["line 1", "line 2", "line 4"]


def test_files_that_cannot_be_read_are_wrong_requests(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("é".encode("latin-1"))
    for name, words in (("latin", "not UTF-8"), ("none", "No such file"), (".", "directory")):
        with pytest.raises(RequestError, match=words):
            read_texts(str(tmp_path / name))


def test_vectors_in_parquet_stand_beside_their_texts_and_faults() -> None:
    texts = ["a", "", "b"]
    found = embed_batch(texts, "DummyText2")
    frame = pl.read_parquet(io.BytesIO(encode_vectors(texts, found, ".parquet")))
    assert frame.columns == ["text", "vector", "truncated", "error", "model"]
    assert frame["text"].to_list() == texts
    assert frame["vector"].dtype == pl.Array(pl.Float32, 768)
    assert frame["vector"].is_null().to_list() == [False, True, False]
    assert np.array_equal(frame["vector"][2].to_numpy(), found[2].vector)
    assert [error is None for error in frame["error"]] == [True, False, True]
    assert set(frame["model"]) == {found.model}


def test_vectors_in_npy_are_rows_and_a_fault_has_none() -> None:
    found = embed_batch(["a", "b"], "DummyText2")
    rows = np.load(io.BytesIO(encode_vectors(["a", "b"], found, ".npy")))
    assert np.array_equal(rows, found.vectors)
    with pytest.raises(InvalidOutput, match=r"1 of 2 texts .* \.npy"):
        encode_vectors(["a", ""], embed_batch(["a", ""], "DummyText2"), ".npy")
    with pytest.raises(RequestError, match=r"\.npy or \.parquet"):
        encode_vectors(["a"], found, ".csv")


def test_no_texts_make_an_empty_file_of_the_same_shape() -> None:
    found = embed_batch([], "DummyText2")
    assert np.load(io.BytesIO(encode_vectors([], found, ".npy"))).shape == (0, 768)
    assert pl.read_parquet(io.BytesIO(encode_vectors([], found, ".parquet")))["vector"].dtype == pl.Array(
        pl.Float32, 768
    )
