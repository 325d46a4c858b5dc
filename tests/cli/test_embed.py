"""``panic-tda embed`` and ``panic-tda similarity``."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import polars as pl
import pytest

from cli.command_line import CommandLine
from panic_tda.services.embedding import embed, similarity


def test_each_text_gives_a_line_with_its_vector_to_the_last_bit(command: CommandLine) -> None:
    ran = command("embed", "a", "b", "--model", "DummyText")
    rows = np.array([json.loads(line) for line in ran.out.splitlines()], np.float32)
    assert ran.err == ""
    assert np.array_equal(rows, embed(["a", "b"], "DummyText").vectors)


def test_json_tells_model_kind_and_what_was_cut(command: CommandLine) -> None:
    ran = command("--json", "embed", "word " * 300, "a", "--kind", "query")
    told = ran.json
    assert (told["dims"], told["kind"], told["out"]) == (384, "query", None)
    assert [item["truncated"] for item in told["items"]] == [True, False]
    assert len(told["items"][1]["vector"]) == 384
    assert "1 text longer than MiniLM@" in ran.err


def test_lines_of_a_file_and_of_stdin_are_texts(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    (command.folder / "texts.txt").write_text("a\nb\n")
    from_file = command("embed", "--file", "texts.txt", "--model", "DummyText")
    assert "embed 2/2 (100 %)" in from_file.err
    monkeypatch.setattr(sys, "stdin", io.StringIO("a\nb\n"))
    assert command("--quiet", "embed", "--file", "-", "--model", "DummyText").out == from_file.out
    assert len(from_file.out.splitlines()) == 2


def test_a_text_that_fails_has_null_and_the_command_ends_with_one(command: CommandLine) -> None:
    ran = command("embed", "a", "", "--model", "DummyText2")
    assert ran.code == 1
    assert ran.out.splitlines()[1] == "null"
    assert "text 2: DummyText2 makes a zero vector" in ran.err
    told = command("--json", "embed", "a", "", "--model", "DummyText2").json
    assert told["items"][1] == {
        "text": "",
        "error": {"type": "InvalidOutput", "message": "DummyText2 makes a zero vector of an empty text"},
    }


def test_vectors_go_to_files(command: CommandLine) -> None:
    ran = command("embed", "a", "b", "--model", "DummyText", "--out", "vectors.npy")
    assert ran.out == "vectors.npy: 2 vectors of 768 numbers, by DummyText@1\n"
    assert np.load(command.folder / "vectors.npy").shape == (2, 768)
    told = command("--json", "embed", "a", "", "--model", "DummyText2", "--out", "v.parquet")
    assert (told.code, told.json["out"]) == (1, "v.parquet")
    assert "vector" not in told.json["items"][0]
    assert pl.read_parquet(command.folder / "v.parquet").height == 2
    assert command("embed", "a", "", "--model", "DummyText2", "--out", "w.npy").code == 1
    assert not (command.folder / "w.npy").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give texts, or a --file"),
        (("a", "--file", "b.txt"), "give texts, or a --file"),
        (("--file", "none.txt"), "No such file"),
        (("a", "--out", "a.csv"), ".npy or .parquet"),
        (("a", "--model", "SmolLM2"), "makes no vectors"),
        (("a", "--kind", "other"), "query or document"),
    ],
)
def test_a_wrong_request_ends_with_two(command: CommandLine, words: tuple[str, ...], said: str) -> None:
    ran = command("embed", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_similarity_prints_the_cosine(command: CommandLine) -> None:
    found = similarity("a cat", "a kitten")
    assert command("similarity", "a cat", "a kitten").out == f"{found:.4f}\n"
    told = command("--json", "similarity", "a cat", "word " * 300)
    assert told.json["truncated"] == [False, True]
    assert told.json["model"].startswith("MiniLM@")
    assert "only its beginning" in told.err
