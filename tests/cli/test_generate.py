"""``panic-tda generate``: answers and images, whole or as they come."""

from __future__ import annotations

import io
import json
import sys

import pytest
from PIL import Image as pillow

from cli.command_line import CommandLine
from panic_tda.content import Image, Text
from panic_tda.models.dummy import MODELS
from panic_tda.models.model import Generator, Placement

SHORT = ("--raw", "--max-tokens", "4", "--temperature", "0")
PICTURE = ("--model", "DummyT2I", "--out", "a.png", "--seed", "42")


def test_an_answer_is_printed_and_streamed_alike_and_told_as_json(command: CommandLine) -> None:
    plain = command("generate", "The sea", *SHORT)
    assert (plain.code, plain.err) == (0, "")
    assert command("generate", "The sea", "--stream", *SHORT).out == plain.out
    told = command("--json", "generate", "The sea", "--seed", "3", *SHORT).json
    [output] = told["outputs"]
    assert output["text"] + "\n" == plain.out
    assert (output["seed"], output["finish_reason"]) == (3, "length")
    assert output["usage"]["completion_tokens"] == 4
    assert told["model"].startswith("SmolLM2@")
    assert told["timings"]["run_s"] > 0


def test_the_prompt_may_come_from_stdin(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a red apple\n"))
    piped = command("--json", "generate", "-", *PICTURE).json["outputs"][0]
    assert piped == command("--json", "generate", "a red apple", *PICTURE).json["outputs"][0]


def test_constraints_come_from_options_and_files(command: CommandLine) -> None:
    lines = command("generate", "Yes?", "--raw", "--choices", "yes, no", "--n", "2", "--seed", "1").out.split("\n")
    assert {*lines} <= {"yes", "no", ""}
    assert len(lines) == 3
    (command.folder / "schema.json").write_text('{"const": 5}')
    assert command("generate", "A:", "--raw", "--schema", "schema.json").out == "5\n"
    (command.folder / "grammar.gbnf").write_text('root ::= "ab"')
    assert command("generate", "A:", "--raw", "--grammar", "grammar.gbnf").out == "ab\n"


def test_what_does_not_end_in_time_fails_and_prints_no_part_of_it(command: CommandLine) -> None:
    ran = command("generate", "A:", "--raw", "--regex", "[a-z]{90}", "--max-tokens", "2")
    assert (ran.code, ran.out) == (1, "")
    assert "no whole answer under the regex within 2 tokens" in ran.err


def test_images_are_written_one_for_each_seed(command: CommandLine) -> None:
    told = command(
        "--json", "generate", "a red apple", "--model", "DummyT2I", "--out", "a.png", "--n", "2", "--seed", "42"
    )
    files = [output["image"] for output in told.json["outputs"]]
    assert files == ["a-42.png", "a-43.png"]
    model: Generator = MODELS[0].load(Placement())  # type: ignore[assignment]
    [expected] = model.generate([Text("a red apple")], [42], {})
    with pillow.open(command.folder / "a-42.png") as opened:
        found = Image.from_pillow(opened)
    assert found == expected
    assert told.json["outputs"][0]["image_sha256"] == found.sha256
    assert command("generate", "a red apple", *PICTURE, "--out", "b.webp").out == "b.webp\n"
    with pillow.open(command.folder / "b.webp") as opened:
        assert Image.from_pillow(opened) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x", "--model", "DummyT2I"), "say --out FILE"),
        (("x", "--out", "a.png"), "makes no image"),
        (("x", "--model", "DummyT2I", "--out", "a.gif"), ".png or .webp"),
        (("x", "--model", "DummyT2I", "--out", "a.png", "--option", "steps"), "is not KEY=VALUE"),
        (("x", "--model", "DummyT2I", "--out", "a.png", "--option", "steps=2"), "no parameter 'steps'"),
        (("x", "--model", "MiniLM"), "measures"),
        (("x", "--model", "Nobody"), "unknown model"),
        (("x", "--stream", "--n", "2"), "excludes --n"),
        (("x", "--temperature", "9", "--max-tokens", "0"), "temperature must be 0 to 5"),
        (("x", "--schema", "none.json"), "No such file"),
        (("x", "--regex", "(a"), "cannot be obeyed"),
        (("x", "--choices", "a,,b"), "none of them empty"),
        (("x", "--choices", "a", "--regex", "a"), "exclude one another"),
    ],
)
def test_a_wrong_request_ends_with_two_and_says_why(command: CommandLine, words: tuple[str, ...], said: str) -> None:
    ran = command("generate", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_model_that_does_not_fit_is_named_with_numbers(command: CommandLine) -> None:
    (command.folder / "settings.toml").write_text("memory_budget = 4000\n")
    ran = command("--config", "settings.toml", "--json", "generate", "x", "--model", "CodeLlama7B")
    assert ran.code == 1
    assert ran.json["error"]["type"] == "InsufficientMemory"
    assert "3.73 GiB" in ran.json["error"]["message"]


def test_an_image_that_cannot_be_written_is_an_error(command: CommandLine) -> None:
    (command.folder / "file").write_text("")
    ran = command("--json", "generate", "x", "--model", "DummyT2I", "--out", "file/a.png")
    assert ran.code == 1
    assert json.loads(ran.out)["error"]["type"] == "NotWritten"
