"""``panic-tda analyse`` as its users and scripts see it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from cli.command_line import CommandLine
from panic_tda.answers.catalogue import analyses


def test_every_analysis_answers_or_says_why_not(command: CommandLine, experiment_id: str) -> None:
    ran = command("analyse", experiment_id, "--out", "answers", "--json")
    assert ran.code == 0
    assert (ran.json["experiments"], ran.json["out"]) == ([experiment_id], "answers")
    assert [answer["analysis"] for answer in ran.json["analyses"]] == list(analyses())
    assert all(answer["findings"] or answer["absence"] or answer["tables"] for answer in ran.json["analyses"])
    written = [Path(path) for answer in ran.json["analyses"] for path in answer["tables"] + answer["figures"]]
    assert all(path.is_file() for path in written)
    assert {path.name for path in Path("answers").glob("*.*")} == {"findings.json", "findings.md", "report.html"}


def test_one_analysis_alone_prints_sentences_and_names_the_folder(command: CommandLine, experiment_id: str) -> None:
    ran = command("analyse", "latest", "--only", "absorption")
    folder = Path(f"analysis-{experiment_id[:13]}")
    assert ran.code == 0
    assert ran.out.splitlines()[0] == "Is it stuck? (absorption)"
    assert str(folder / "report.html") in ran.out.splitlines()[-1]
    assert pl.read_parquet(folder / "absorption" / "runs.parquet").height == 2
    assert "absorption: runs 0/2 (0 %)" in ran.err


def test_the_screen_shows_a_few_findings_of_each_question_and_where_the_others_are(command: CommandLine) -> None:
    chains = [["DummyT2I", "DummyI2T"], ["DummyT2I2", "DummyI2T2"], ["DummyT2I", "DummyI2T2"]]
    config = command.write(networks=chains, seeds=[1], embedding_models=["DummyText"], stages={"diagrams": False})
    assert command("experiment", "perform", config).code == 0
    asked = ("analyse", "latest", "--only", "absorption,twins", "--out", "a")
    short, whole = command(*asked), command("--verbose", *asked)
    full = json.loads(Path("a/findings.json").read_text(encoding="utf-8"))
    sentences = [finding["sentence"] for answer in full for finding in answer["findings"]]
    assert len(sentences) == 3
    lines = short.out.splitlines()
    assert lines[0] == "Is it stuck? (absorption), 2 of 3 findings"
    assert [any(sentence in line for sentence in sentences) for line in lines[1:]] == [True, True, False, False, False]
    assert lines[3].startswith("Nothing to say from twins: ")
    assert lines[4:] == [
        f"All findings are in {Path('a/findings.md')}; --verbose prints them",
        f"Tables and figures are in a; look at {Path('a/report.html')}",
    ]
    assert all(sentence in whole.out for sentence in sentences)
    assert "--verbose" not in whole.out


def test_an_unknown_analysis_is_one_line(command: CommandLine, experiment_id: str) -> None:
    ran = command("analyse", experiment_id, "--only", "absorbtion,recurence")
    assert ran.code == 2
    error, hint = ran.err.splitlines()
    assert error == "error: there is no analysis 'absorbtion'"
    assert hint.startswith("hint: did you mean absorption")


def test_a_file_in_the_place_of_the_folder_is_one_line(command: CommandLine, experiment_id: str) -> None:
    Path("taken").write_text("mine")
    ran = command("analyse", experiment_id, "--out", "taken")
    assert ran.code == 2
    assert ran.err.splitlines() == ["error: --out taken is a file; name a folder"]
