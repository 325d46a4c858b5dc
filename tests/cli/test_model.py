"""The catalogue on the command line, fetching weights, and measuring models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cli.command_line import CommandLine
from cli.plugins import add_models
from panic_tda.models.catalogue import catalogue
from panic_tda.models.measurements import remember
from panic_tda.models.weights import Weights
from support.checkpoints import put_weights
from support.gpus import put_gpu
from support.heavy_models import heavy_spec
from support.measurements import measurement
from support.models import fake_spec

SHAPE = {
    *("name", "family", "signature", "summary", "licence", "source", "twin", "memory_bytes", "revision", "weights"),
    *("parameters", "dims", "dtype", "tier", "tiers", "batch_size", "gated", "synthetic", "requires", "version"),
    *("extra", "non_commercial", "repository", "device", "options", "here", "memory_source", "endpoint"),
}
MEASURED = {
    *("model", "version", "machine", "measured_at", "load_seconds", "resident_bytes", "peak_bytes", "memory_bytes"),
    *("seconds_per_item", "batch_size", "largest_batch", "out_of_memory_at", "tier", "tier_reason", "tier_claimed"),
    *("seeds_matter", "verdict"),
}
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
    assert (ran.code, ran.err.splitlines()[0]) == (2, f"error: {task!r} is not a signature")


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
    shown = command("model", "show", "DummyI2T", "--json").json
    assert (shown["memory_bytes"], shown["memory_source"]) == (measured["memory_bytes"], "measured")
    assert command("--db", "another.sqlite", "model", "show", "DummyI2T", "--json").json == shown
    assert "GiB measured" in command("experiment", "validate", command.write()).out


def test_measure_for_people_is_a_table_and_a_sentence(command: CommandLine) -> None:
    ran = command("model", "measure", "DummyText")
    out = ran.out.splitlines()
    assert [line.split()[0] for line in out[1:8]] == ["1", "2", "4", "8", "16", "32", "64"]
    assert out[-4].startswith("DummyText on ")
    assert out[-3].startswith("loaded in 0.")
    assert out[-2].startswith("batch size ")
    assert out[-2].endswith("all batches up to 512 fit")
    assert out[-1] == "tier exact; seeds change nothing"
    assert ran.err.splitlines()[-2:] == [
        "DummyText: batch of 512",
        "DummyText: the same items alone, together, in another order and beside others",
    ]


def test_a_tier_that_does_not_hold_and_a_batch_that_does_not_fit_are_said(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_models(monkeypatch, heavy_spec("Gregarious", minds="first seed", fit=4))
    out = command("model", "measure", "Gregarious").out.splitlines()
    assert out[-3].endswith("; 2 is the largest batch that fits, 4 does not")
    assert out[-2] == "tier free: the seed of a neighbour changes the result of an item; seeds matter"
    assert out[-1].startswith("Gregarious is free here, and the catalogue says exact: ")


def test_measuring_a_model_that_makes_rubbish_fails_and_says_what_it_saw(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_models(monkeypatch, fake_spec("Shouter", synthetic=False, loader="cli.plugins:load_shouter"))
    ran = command("model", "measure", "Shouter")
    assert ran.code == 1
    assert "error: Shouter: on trial inputs every output is repetitive" in ran.err.splitlines()
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
    *("weights_here", "runs", "memory_source", "weights_bytes", "working_bytes", "batch_size", "economies"),
    *("endpoint", "unreachable"),
}


@pytest.mark.usefixtures("no_weights_of_others")
def test_a_model_that_does_not_fit_is_told_in_numbers(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_MEMORY_BUDGET", "4000")
    monkeypatch.setenv("PANIC_TDA_DEVICE", "cpu")
    ran = command("model", "fit", "CodeLlama7B", "--json")
    assert ran.code == 1
    assert ran.json.keys() == FIT | {"beside", "leave"}
    assert (ran.json["fits"], ran.json["needed_bytes"], ran.json["budget_bytes"]) == (False, 32 * 10**9, 4 * 10**9)
    said = command("model", "fit", "CodeLlama7B").out
    assert said.startswith("CodeLlama7B does not fit: needs 29.80 GiB (estimated), the budget is 3.73 GiB; cpu; ")
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
    assert "rule 1: unknown executor 'nowhere' (there is: auto, inprocess, process, ray, remote)" in ran.err


@pytest.mark.usefixtures("no_weights_of_others")
def test_a_fit_is_explained_by_weights_and_by_what_would_have_to_leave(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANIC_TDA_MEMORY_BUDGET", "500")
    remember(measurement(catalogue()["MiniLM"], batch_size=2, peak_bytes={2: 200_000_000}))
    beside = ("--beside", "SmolLM2", "--beside", "Glyph", "--beside", "RapidOCR")
    found = command("model", "fit", "MiniLM", *beside, "--json").json
    assert (found["needed_bytes"], found["memory_source"], found["batch_size"]) == (200_000_000, "measured", 2)
    assert found["weights_bytes"] + found["working_bytes"] == found["needed_bytes"]
    assert found["leave"] == ["Glyph", "RapidOCR"]
    assert command("model", "fit", "MiniLM", *beside).out.splitlines() == [
        "MiniLM fits: needs 0.19 GiB (measured), the budget is 0.47 GiB; cpu; ready to run",
        "  0.02 GiB of weights (int8), 0.16 GiB to work in batches of 2",
        "  beside SmolLM2, Glyph, RapidOCR: Glyph, RapidOCR would have to leave",
    ]
    assert "nothing would have to leave" in command("model", "fit", "MiniLM", "--beside", "Glyph").out


@pytest.mark.usefixtures("no_weights_of_others")
def test_a_model_too_large_for_a_gpu_is_told_what_would_make_it_smaller(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_gpu(command.folder, monkeypatch, mebibytes=16_000)
    monkeypatch.setenv("PANIC_TDA_DEVICE", "cuda")
    said = command("model", "fit", "QwenImage").out
    assert "the budget is 11.72 GiB; cuda" in said
    assert "with --option offload=sequential it would need about 5.59 GiB" in said
    smaller = command("model", "add", "QwenImage", "--option", "offload=sequential", "--json").json
    assert (smaller["options"]["offload"], smaller["memory_bytes"]) == ("sequential", 6_000_000_000)
    assert command("model", "fit", "QwenImage").code == 0


@pytest.mark.usefixtures("no_weights_of_others")
@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (
            ("QwenImage", "--option", "offload=partly"),
            "QwenImage: offload must be one of none, model, sequential, auto",
        ),
        (("QwenImage", "--option", "steps=3"), "QwenImage has no option 'steps'"),
        (("QwenImage",), "what is to change about QwenImage?"),
        (("Mine", "--family", "diffusion"), "Mine is not in the catalogue, so it needs --from"),
        (("CLIP", "--option", "quantisation=4bit"), "CLIP has no option 'quantisation'"),
    ],
)
def test_options_that_a_model_does_not_have_are_refused(
    words: tuple[str, ...], fault: str, command: CommandLine
) -> None:
    ran = command("model", "add", *words)
    assert (ran.code, ran.err.splitlines()[0][:60]) == (2, f"error: {fault}"[:60])
    assert not (command.folder / "cache" / "models.json").exists()


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
def test_a_model_that_torch_does_not_compute_is_not_exported(command: CommandLine) -> None:
    ran = command("model", "export-onnx", "MiniLM", str(command.folder / "out"))
    assert (ran.code, ran.err) == (2, "error: MiniLM cannot be exported: it is no embedder that torch computes\n")
    assert not (command.folder / "out").exists()


@pytest.mark.usefixtures("no_weights_of_others")
def test_what_is_special_about_a_licence_is_shown(command: CommandLine) -> None:
    said = command("model", "show", "FluxDev").out
    assert "FLUX.1 [dev] non-commercial licence (not for commercial use; gated: accept its licence" in said
    assert "mind" not in command("model", "show", "Glyph").out
