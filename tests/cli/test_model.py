"""The catalogue on the command line, fetching weights, and measuring models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cli.command_line import CommandLine
from cli.plugins import add_models
from panic_tda.models.catalogue import catalogue
from panic_tda.models.weights import Weights
from support.checkpoints import put_weights
from support.models import fake_spec

SHAPE = {
    *("name", "family", "signature", "summary", "licence", "source", "twin", "memory_bytes", "revision", "weights"),
    *("parameters", "dims", "dtype", "tier", "batch_size", "gated", "synthetic", "requires", "version"),
    *("extra", "non_commercial", "repository", "device", "options", "here", "endpoint"),
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
    ran = command("model", "show", "rapidocs")
    assert (ran.code, ran.err) == (2, "error: unknown model 'rapidocs'\nhint: did you mean RapidOCR?\n")


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
    assert ran.code == 1
    assert ran.err.splitlines() == [
        "error: the settings say offline, and these weights are not here: Absent",
        "hint: on a machine with a network: panic-tda model download Absent",
    ]


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


@pytest.fixture
def no_weights_of_others(monkeypatch: pytest.MonkeyPatch, command: CommandLine) -> None:
    """An empty hub and an empty shelf."""
    monkeypatch.setenv("HF_HOME", str(command.folder / "hub"))
    monkeypatch.setenv("PANIC_TDA_CACHE", str(command.folder / "cache"))


FIT = {
    *("model", "fits", "needed_bytes", "budget_bytes", "parameters", "device", "dtype", "packages_missing"),
    *("weights_here", "runs", "endpoint", "unreachable"),
}


@pytest.mark.usefixtures("no_weights_of_others")
def test_a_model_that_does_not_fit_is_told_in_numbers(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_MEMORY_BUDGET", "4000")
    monkeypatch.setenv("PANIC_TDA_DEVICE", "cpu")
    ran = command("model", "fit", "CodeLlama7B", "--json")
    assert ran.code == 1
    assert ran.json.keys() == FIT
    assert (ran.json["fits"], ran.json["needed_bytes"], ran.json["budget_bytes"]) == (False, 32 * 10**9, 4 * 10**9)
    said = command("model", "fit", "CodeLlama7B").out
    assert said.startswith("CodeLlama7B does not fit: needs 29.80 GiB (estimate), the budget is 3.73 GiB; cpu; ")
    assert said.endswith("its weights\n")
    assert command("model", "fit", "Glyph").out.endswith("ready to run\n")


def test_explain_says_where_a_model_runs_and_which_rule_says_so(command: CommandLine, tmp_path: Path) -> None:
    said = command("model", "explain", "SmolLM2").out
    assert said == "SmolLM2 runs in inprocess: no rule matches; auto: it is small and runs on the CPU\n"
    settings = tmp_path / "settings.toml"
    settings.write_text('[[rules]]\nmatch = { model = "Smol*" }\nto = "process"\n')
    found = command("--config", str(settings), "--json", "model", "explain", "SmolLM2").json
    assert found == {
        "model": "SmolLM2",
        "executor": "process",
        "why": "rule 1 of the settings: model = 'Smol*' → process",
    }
    settings.write_text('[[rules]]\nmatch = { model = "Smol*" }\nto = "nowhere"\n')
    ran = command("--config", str(settings), "model", "explain", "SmolLM2")
    assert ran.code == 2
    assert "rule 1: unknown executor 'nowhere' (there is: auto, inprocess, process, ray)" in ran.err


@pytest.mark.usefixtures("no_weights_of_others")
def test_recommended_models_fit_and_those_that_run_at_once_come_first(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANIC_TDA_MEMORY_BUDGET", "20000")
    found = command("model", "recommend", "--task", "text->image", "--json").json
    assert all(each.keys() == FIT and each["fits"] for each in found)
    assert found[0]["model"] == "Glyph"
    assert [each["runs"] for each in found] == sorted((each["runs"] for each in found), reverse=True)
    assert not {"DummyT2I", "Flux2Dev"} & {each["model"] for each in found}
    assert command("model", "recommend", "--task", "text->image").out.splitlines()[1].split()[0] == "Glyph"
    assert command("model", "recommend", "--task", "image->image").code == 2


@pytest.mark.usefixtures("no_weights_of_others")
def test_an_added_model_is_listed_shown_and_known_to_experiments(command: CommandLine) -> None:
    folder = put_weights(command.folder / "mine", [8, 8])
    words = ("model", "add", "Mine", "--from", str(folder), "--family", "torch_sentence", "--option", "dims=8")
    assert command(*words, "--json").json["dims"] == 8
    assert "Mine" in [row["name"] for row in command("model", "list", "--here", "--json").json]
    assert "a folder" in command("model", "show", "Mine").out
    assert command("config", "schema").out.count('"Mine"') >= 1
    refused = command("model", "add", "Glyph", "--from", str(folder))
    assert (refused.code, refused.err) == (2, "error: the name Glyph is taken, and its weights are no folder\n")
    assert command(*words[:-1], "dims").code == 2


@pytest.mark.usefixtures("no_weights_of_others")
def test_what_is_special_about_a_licence_is_shown(command: CommandLine) -> None:
    said = command("model", "show", "FluxDev").out
    assert "FLUX.1 [dev] non-commercial licence (not for commercial use; gated: accept its licence" in said
    assert "mind" not in command("model", "show", "Glyph").out
