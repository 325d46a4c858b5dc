"""Performing, listing and showing experiments from the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from cli.command_line import DUMMIES, LENGTH, CommandLine

OUTCOME = {"id", "status", "runs", "invocations", "embeddings", "persistence_diagrams", "failures", "seconds"}
SHOWN = {"id", "status", "config", "runs", "stages", "stop_reasons", "failures"}
SHOWN_BESIDES = {"created_at", "completed_at", "models", "rates", "seconds_left", "twins", "retries"}
LISTED = {"id", "status", "created_at", "networks", "prompts", "runs", "invocations"}

YAML = """\
network: [DummyT2I, DummyI2T]
prompts: [a red apple]
seeds: [7]
embedding_models: [DummyText]
max_length: 4
"""
TOML = """\
networks = [["DummyT2I", {model = "DummyI2T"}]]
prompts = ["a red apple"]
num_runs = 2
embedding_models = ["DummyVision"]
max_length = 4
stages = {diagrams = false}
"""


def test_perform_prints_the_id_first_and_then_what_was_done(command: CommandLine) -> None:
    ran = command("experiment", "perform", command.write())
    first, last = ran.out.splitlines()
    key = first.removeprefix("experiment ")
    assert ran.code == 0
    assert len(key) == 36
    assert last.startswith("completed: 2 runs, 12 invocations, 12 embeddings, 4 persistence diagrams in ")
    assert (command.folder / "panic-tda.sqlite").is_file()


def test_perform_with_json_prints_one_document_of_the_documented_shape(command: CommandLine) -> None:
    ran = command("experiment", "perform", command.write(), "--json")
    assert ran.json.keys() == OUTCOME
    assert ran.json["status"] == "completed"
    assert [ran.json[name] for name in ("runs", "invocations", "embeddings", "failures")] == [2, 2 * LENGTH, 12, 0]
    assert ran.err.startswith(f"experiment {ran.json['id']}\n")


@pytest.mark.parametrize(
    ("name", "text", "runs"),
    [("e.json", json.dumps(DUMMIES), 2), ("e.yaml", YAML, 1), ("e.yml", YAML, 1), ("e.toml", TOML, 2)],
)
def test_a_file_may_be_json_yaml_or_toml(command: CommandLine, name: str, text: str, runs: int) -> None:
    (command.folder / name).write_text(text, encoding="utf-8")
    assert command("experiment", "perform", name, "--json").json["runs"] == runs


@pytest.mark.parametrize("text", [json.dumps(DUMMIES), YAML])
def test_a_dash_reads_json_or_yaml_from_stdin(command: CommandLine, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert command("experiment", "perform", "-").code == 0


def test_several_files_are_performed_by_one_command(command: CommandLine) -> None:
    files = [command.write("one.json"), command.write("two.json", prompts=["a ship", "a wolf"])]
    ran = command("experiment", "perform", *files, "--json")
    assert [outcome["runs"] for outcome in ran.json] == [2, 4]
    assert all(outcome.keys() == OUTCOME for outcome in ran.json)
    assert [word for line in ran.err.splitlines()[:2] for word in line.split()[1:]] == [
        outcome["id"] for outcome in ran.json
    ]
    assert len(command("experiment", "list", "--json").json) == 2


def test_when_one_of_several_files_is_wrong_nothing_is_created(command: CommandLine) -> None:
    ran = command("experiment", "perform", command.write("good.json"), command.write("bad.json", seeds=[]))
    assert ran.code == 2
    assert ran.err == "error: seeds: must not be empty\n"
    assert not (command.folder / "panic-tda.sqlite").exists()


def test_progress_is_plain_lines_on_stderr_when_it_is_no_terminal(command: CommandLine) -> None:
    lines = command("experiment", "perform", command.write()).err.splitlines()
    stages = [line.split()[0] for line in lines]
    assert stages == sorted(stages, key=["generate", "embed", "diagrams"].index)
    assert lines[0] == "generate 0/12 (0 %)"
    assert any(line.startswith("generate 12/12 (100 %)") for line in lines)
    assert any(line.startswith("diagrams 4/4 (100 %)") for line in lines)


@pytest.mark.parametrize("output", [[], ["--json"]], ids=["for people", "json"])
def test_quiet_prints_nothing_on_stderr(command: CommandLine, output: list[str]) -> None:
    file = command.write()
    assert command("experiment", "perform", file, "--quiet", *output).err == ""
    assert command("experiment", "resume", "latest", "--quiet", *output).err == ""
    assert command("experiment", "extend", "latest", "--seed", "7", "--quiet", *output).err == ""
    assert command("experiment", "validate", command.write(num_runs=3), "--quiet", *output).err == ""


def test_quiet_leaves_the_errors(command: CommandLine) -> None:
    ran = command("experiment", "perform", command.write(seeds=[]), "--quiet")
    assert ran.err == "error: seeds: must not be empty\n"


def test_flags_reach_the_executor_and_the_workbench(command: CommandLine) -> None:
    file = command.write()
    assert command("experiment", "perform", file, "--batch-size", "1", "--workers", "1").code == 0
    refused = command("experiment", "perform", file, "--executor", "warp")
    assert (refused.code, refused.err) == (
        2,
        "error: unknown executor 'warp' (there is: auto, inprocess, process, ray, remote)\n",
    )
    assert command("experiment", "perform", file, "--fail-on-error", "1.5").code == 2
    assert command("experiment", "perform", file, "--batch-size", "0").code == 2


def test_verbose_says_what_the_executor_did(command: CommandLine) -> None:
    ran = command("--verbose", "experiment", "perform", command.write(), "--executor", "process", "--workers", "1")
    assert ran.code == 0
    heading, *rows = (line for line in ran.err.splitlines() if line.startswith(("model ", "Dummy")))
    assert heading.split()[:4] == ["model", "calls", "items", "faults"]
    assert {"DummyT2I", "DummyI2T"} <= {row.split()[0] for row in rows}
    assert "1 worker, 0 restarts" in ran.err.splitlines()
    assert "restarts" not in ran.out


def test_list_has_the_documented_shape_newest_first(command: CommandLine, experiment_id: str) -> None:
    newer = command("experiment", "perform", command.write(prompts=["a ship"]), "--json").json["id"]
    rows = command("experiment", "list", "--json").json
    assert [row["id"] for row in rows] == [newer, experiment_id]
    assert all(row.keys() == LISTED for row in rows)
    assert rows[1] | {"created_at": ""} == {
        "id": experiment_id,
        "status": "completed",
        "created_at": "",
        "networks": DUMMIES["networks"],
        "prompts": DUMMIES["prompts"],
        "runs": 2,
        "invocations": 12,
    }


def test_list_for_people_has_a_line_for_each_experiment(command: CommandLine, experiment_id: str) -> None:
    heading, line = command("experiment", "list").out.splitlines()
    assert heading.split() == ["id", "status", "created", "networks", "prompts", "runs", "invocations"]
    assert line.split()[:2] == [experiment_id, "completed"]
    assert line.split()[-4:] == ["1", "1", "2", "12"]


def test_show_has_the_documented_shape(command: CommandLine, experiment_id: str) -> None:
    shown = command("experiment", "show", experiment_id, "--json").json
    assert shown.keys() == SHOWN | SHOWN_BESIDES
    assert shown["stages"] == {
        "generate": {"done": 12, "total": 12},
        "embed": {"done": 12, "total": 12},
        "diagrams": {"done": 4, "total": 4},
        "lyapunov": {"done": 0, "total": 0},
    }
    assert shown["stop_reasons"] == {"length": 2, "loop": 0, "failed": 0}
    assert shown["failures"] == []
    assert shown["config"]["prompts"] == DUMMIES["prompts"]


def test_show_for_people_says_how_far_each_stage_is(command: CommandLine, experiment_id: str) -> None:
    out = command("experiment", "show", "latest").out
    assert f"experiment {experiment_id}: completed, 2 runs" in out
    assert "generate  12/12 (100 %)" in out
    assert "stopped   2 by length" in out
    assert "lyapunov" not in out


def test_twins_are_told_by_validate_perform_and_show(command: CommandLine) -> None:
    file = command.write(seeds=[7], twins={"noise": {"count": 2}, "prompt": {"changes": [1]}})
    assert command("experiment", "validate", file).out.startswith("4 runs, at most 24 invocations")
    assert command("experiment", "perform", file).out.splitlines()[1].startswith("completed: 4 runs, 24 invocations")
    assert ": completed, 4 runs (3 of them twins), created " in command("experiment", "show", "latest").out
    assert command("experiment", "show", "latest", "--json").json["twins"] == 3
    refused = command("experiment", "extend", "latest", "--seed", "-1")
    assert (refused.code, refused.err.splitlines()) == (
        2,
        ["error: twins: need fixed seeds: a run of seed -1 cannot be repeated with one thing changed"],
    )


@pytest.mark.parametrize("shorten", [lambda key: "latest", lambda key: key[:8], lambda key: key.upper()])
def test_an_experiment_is_found_by_prefix_and_as_latest(
    command: CommandLine, experiment_id: str, shorten: object
) -> None:
    assert callable(shorten)
    assert command("experiment", "show", shorten(experiment_id), "--json").json["id"] == experiment_id


def test_an_ambiguous_or_unknown_prefix_is_a_wrong_request(command: CommandLine, experiment_id: str) -> None:
    command("experiment", "perform", command.write())
    ambiguous = command("experiment", "show", experiment_id[:2])
    assert ambiguous.code == 2
    assert ambiguous.err.splitlines() == [
        f"error: experiment '{experiment_id[:2]}' is ambiguous",
        "hint: panic-tda experiment list shows their ids",
    ]
    assert command("experiment", "show", "no-such-id").err.startswith("error: there is no experiment 'no-such-id'\n")


def test_an_image_prompt_is_read_relative_to_its_file(command: CommandLine, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "folder").mkdir()
    Image.new("RGB", (8, 8), "teal").save(tmp_path / "folder" / "start.png")
    file = command.write("folder/e.json", networks=[["DummyI2T", "DummyT2I"]], prompts=[{"image": "start.png"}])
    key = command("experiment", "perform", file, "--json").json["id"]
    (tmp_path / "folder" / "start.png").unlink()
    assert command("experiment", "extend", key, "--max-length", "8", "--json").json["invocations"] == 16
