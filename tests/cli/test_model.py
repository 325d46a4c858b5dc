"""The catalogue on the command line, fetching weights, and measuring models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.command_line import CommandLine
from cli.plugins import add_models
from panic_tda.models.catalogue import catalogue
from panic_tda.models.weights import Weights
from support.models import fake_spec

SHAPE = {
    *("name", "family", "signature", "summary", "licence", "source", "twin", "memory_bytes", "revision", "weights"),
    *("parameters", "dims", "dtype", "tier", "batch_size", "gated", "synthetic", "requires", "version"),
}
MEASURED = {"model", "load_seconds", "seconds_per_item", "batch_size", "verdict"}
ABSENT = Weights("no-such-package", "1.0", "nowhere/model.bin", "0" * 64, 1)


def test_every_model_of_the_catalogue_is_listed(command: CommandLine) -> None:
    rows = command("model", "list", "--json").json
    assert [row["name"] for row in rows] == list(catalogue())
    assert all(row.keys() == SHAPE for row in rows)
    lines = command("model", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["name", *catalogue()]


@pytest.mark.parametrize("task", ["text->image", "image -> vector", "text->text"])
def test_a_task_narrows_the_list(command: CommandLine, task: str) -> None:
    rows = command("model", "list", "--task", task, "--json").json
    assert rows
    assert {row["signature"].replace(" ", "") for row in rows} == {task.replace(" ", "")}


@pytest.mark.parametrize("task", ["image", "text->song", "a->b->c", ""])
def test_a_task_that_is_no_signature_is_a_wrong_request(command: CommandLine, task: str) -> None:
    ran = command("model", "list", "--task", task)
    assert (ran.code, ran.err.splitlines()[0]) == (2, f"error: --task {task!r} is not a signature")


def test_show_has_version_parameters_and_weights(command: CommandLine) -> None:
    shown = command("model", "show", "MiniLM", "--json").json
    assert shown.keys() == SHAPE
    assert [file["present"] for file in shown["weights"]] == [True]
    lines = command("model", "show", "SmolLM2").out
    assert lines.startswith(f"SmolLM2@{catalogue()['SmolLM2'].version}  text -> text\n")
    assert "  temperature = 0.8: randomness of sampling" in lines


def test_a_mistyped_model_gets_the_nearest_names(command: CommandLine) -> None:
    ran = command("model", "show", "pixelstat")
    assert (ran.code, ran.err) == (2, "error: unknown model 'pixelstat'\nhint: did you mean PixelStats?\n")


def test_download_finds_what_is_here_without_a_network(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("nothing is to be fetched"))
    files = command("model", "download", "MiniLM", "DummyT2I", "--json").json
    assert [file["model"] for file in files] == ["MiniLM"]
    assert command("model", "download", "MiniLM").out == f"MiniLM: {files[0]['path']}\n"
    assert command("model", "download", "DummyT2I").out == "DummyT2I: needs no download\n"


def test_offline_nothing_is_fetched(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    add_models(monkeypatch, replace(fake_spec("Absent"), weights=(ABSENT,)))
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("the settings say offline"))
    monkeypatch.setenv("PANIC_TDA_OFFLINE", "yes")
    ran = command("model", "download", "Absent")
    assert (ran.code, ran.err) == (1, "error: the settings say offline, and these weights are not here: Absent\n")


def test_measure_prints_and_keeps_the_batch_size(command: CommandLine) -> None:
    measured = command("model", "measure", "DummyI2T", "--json").json
    assert measured.keys() == MEASURED
    assert list(measured["seconds_per_item"]) == ["1", "2", "4", "8", "16", "32", "64"]
    forecast = command("experiment", "validate", command.write(), "--json").json
    sizes = {model["name"]: model["batch_size"] for model in forecast["models"]}
    assert sizes["DummyI2T"] == measured["batch_size"]
    assert sizes["DummyT2I"] == catalogue()["DummyT2I"].batch_size


def test_measure_for_people_is_a_table_and_a_sentence(command: CommandLine) -> None:
    out = command("model", "measure", "DummyText").out.splitlines()
    assert [line.split()[0] for line in out[1:8]] == ["1", "2", "4", "8", "16", "32", "64"]
    assert out[-1].startswith("DummyText: loaded in 0.")


def test_measuring_a_model_that_makes_rubbish_fails_and_says_what_it_saw(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_models(monkeypatch, fake_spec("Shouter", synthetic=False, loader="cli.plugins:load_shouter"))
    ran = command("model", "measure", "Shouter")
    assert ran.code == 1
    assert ran.err.splitlines()[0] == "error: Shouter: on trial inputs every output is repetitive"
    as_json = command("model", "measure", "Shouter", "--json")
    assert as_json.code == 1
    assert as_json.json["verdict"]["complaint"] == "every output is repetitive"
    assert command("model", "measure", "Shouter", "--accept").code == 0
