"""The demonstration, with dummies in place of its models."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from cli.command_line import DUMMIES, CommandLine
from panic_tda.lab.demo import FILE
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.laboratory import load_config

OUTCOME = {"id", "status", "runs", "invocations", "embeddings", "persistence_diagrams", "failures", "seconds"}


@pytest.fixture(autouse=True)
def dummies(monkeypatch: pytest.MonkeyPatch) -> None:
    def small(*, fast: bool = False) -> Experiment:
        return load_config(DUMMIES | {"max_length": 4 if fast else 6})

    monkeypatch.setattr("panic_tda.lab.demo.demo_experiment", small)


def test_the_demonstration_file_is_a_valid_experiment_of_models_that_are_not_dummies() -> None:
    assert not any(spec.synthetic for spec in load_config(FILE).models().values())


def test_it_writes_a_report_a_mosaic_a_film_and_a_database_and_says_what_it_found(command: CommandLine) -> None:
    ran = command("demo", "--out", "deep/show")
    assert ran.code == 0
    assert ran.out.startswith("2 runs, 12 invocations in ")
    assert any(line.startswith("- ") for line in ran.out.splitlines())
    assert {path.name for path in Path("deep/show").iterdir()} == {
        *("report.html", "mosaic.png", "film.mp4", "demo.sqlite")
    }
    assert "deep/show/report.html, deep/show/mosaic.png and deep/show/film.mp4" in ran.out
    with av.open("deep/show/film.mp4") as film:
        assert (film.streams[0].codec_context.name, film.streams[0].frames) == ("h264", 6)


def test_its_json_is_one_document(command: CommandLine) -> None:
    ran = command("demo", "--fast", "--json", "--quiet")
    assert ran.err == ""
    assert ran.json.keys() == OUTCOME | {"findings", "files"}
    assert ran.json["invocations"] == 8
    assert all(Path(path).is_file() for path in ran.json["files"].values())


def test_interrupted_it_says_how_to_go_on(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def stopped(*, quiet: bool) -> Iterator[threading.Event]:
        event = threading.Event()
        event.set()
        yield event

    with monkeypatch.context() as patch:
        patch.setattr("panic_tda.cli.interrupts.graceful", stopped)
        ran = command("demo")
    assert ran.code == 130
    advice = ran.err.splitlines()[-1].removeprefix("go on with: panic-tda ").partition(";")[0].split()
    assert command(*advice, "--json").json["invocations"] == 12
