"""Listing runs, and reading one as a trajectory."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from cli.command_line import DUMMIES, CommandLine
from panic_tda.cli.run_noun import changed, stopped
from panic_tda.cli.thumbnail import half_blocks

HEAD = {"id", "network", "seed", "prompt", "stop_reason", "period"}
HEAD_BESIDES = {"experiment_id", "run_number", "length", "twin_of", "perturbation"}
STEP = {"sequence_number", "model", "type", "seed", "started_at", "completed_at", "degenerate"}


def test_run_list_has_the_runs_of_all_experiments_or_of_one(command: CommandLine, experiment_id: str) -> None:
    command("experiment", "perform", command.write(prompts=["a ship"]))
    rows = command("run", "list", "--json").json
    assert [row["prompt"] for row in rows] == ["a red apple"] * 2 + ["a ship"] * 2
    assert all(row.keys() == HEAD | HEAD_BESIDES for row in rows)
    mine = command("run", "list", "--experiment", experiment_id[:13], "--json").json
    assert mine == rows[:2]
    assert command("run", "list", "--experiment", "latest", "--limit", "1", "--json").json == rows[2:3]


def test_run_list_for_people_says_how_each_run_stopped(command: CommandLine, experiment_id: str) -> None:
    heading, *lines = command("run", "list").out.splitlines()
    assert heading.split() == ["id", "network", "prompt", "seed", "length", "stopped"]
    assert [line.split()[-3:] for line in lines] == [["7", "6", "length"], ["-1", "6", "length"]]
    assert all("DummyT2I → DummyI2T" in line and "a red apple" in line for line in lines)


TWINS: dict[str, Any] = {"seeds": [7], "twins": {"noise": {"step": 2}, "prompt": {"changes": [1, 4]}}}


def test_run_list_says_of_twins_what_was_changed(command: CommandLine) -> None:
    command("experiment", "perform", command.write(**TWINS))
    heading, *lines = command("run", "list").out.splitlines()
    assert heading.split()[-2:] == ["stopped", "changed"]
    assert lines[0].split()[-1] == "length"
    assert [line.partition("length")[2].strip() for line in lines[1:]] == [
        "noise of step 2",
        "1 place of the prompt",
        "4 places of the prompt",
    ]


def test_run_show_says_whose_twin_a_run_is(command: CommandLine) -> None:
    command("experiment", "perform", command.write(**TWINS))
    base = command("run", "list", "--json").json[0]["id"]
    _, twin, prompt, *_ = command("run", "show", "latest").out.splitlines()
    assert twin == f"twin of {base}: 4 places of the prompt"
    assert prompt.split(maxsplit=1)[1] != "a red apple"
    assert "twin of" not in command("run", "show", base).out


def test_run_show_has_the_documented_shape(command: CommandLine, experiment_id: str) -> None:
    first = command("run", "list", "--json").json[0]
    run = command("run", "show", first["id"], "--json").json
    steps = run.pop("invocations")
    assert run == first
    assert [step["sequence_number"] for step in steps] == list(range(6))
    assert [step["model"] for step in steps] == DUMMIES["networks"][0] * 3
    assert all(step["seed"] == 7 for step in steps)
    for step in steps:
        content = "text" if step["type"] == "text" else "image_sha256"
        assert step.keys() == STEP | {content}
        assert step["started_at"] <= step["completed_at"]
        assert step["started_at"].endswith("+00:00")
    assert {step["degenerate"] for step in steps if step["type"] == "image"} == {"constant"}


def test_a_run_of_a_drawn_seed_records_what_was_drawn(command: CommandLine, experiment_id: str) -> None:
    run = command("run", "show", "latest", "--json").json
    assert run["seed"] == -1
    assert all(step["seed"] >= 0 for step in run["invocations"])


def test_run_show_for_people_reads_as_a_trajectory(command: CommandLine, experiment_id: str) -> None:
    head, prompt, *steps = command("run", "show", "latest").out.splitlines()
    assert head.endswith("DummyT2I → DummyI2T, seed -1, length")
    assert prompt.split(maxsplit=1) == ["prompt", "a red apple"]
    assert [line.split()[:3] for line in steps[::2]] == [[str(step), "DummyT2I:", "image"] for step in (0, 2, 4)]
    assert all("DummyI2T: dummy caption: " in line for line in steps[1::2])


def test_on_a_terminal_images_are_shown_as_thumbnails(
    command: CommandLine, experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert command("run", "show", "latest").out.count("▀") == 3 * 32 * 16


def test_an_unknown_run_is_a_wrong_request(command: CommandLine, experiment_id: str) -> None:
    ran = command("run", "show", "nothing")
    assert (ran.code, ran.err.splitlines()) == (
        2,
        ["error: there is no run 'nothing'", "hint: panic-tda run list shows their ids"],
    )


@pytest.mark.parametrize(
    ("reason", "period", "words"),
    [
        ("loop", 4, "loop of period 4"),
        ("length", None, "length"),
        ("failed", None, "failed"),
        (None, None, "unfinished"),
    ],
)
def test_how_a_run_stopped_in_words(reason: str | None, period: int | None, words: str) -> None:
    assert stopped({"stop_reason": reason, "period": period}) == words


@pytest.mark.parametrize(
    ("perturbation", "words"),
    [
        (None, ""),
        ({"kind": "noise", "step": 0, "seed": 1}, "noise of step 0"),
        ({"kind": "prompt", "changes": 1}, "1 place of the prompt"),
        ({"kind": "prompt", "changes": 3}, "3 places of the prompt"),
    ],
)
def test_what_tells_a_twin_in_words(perturbation: dict[str, object] | None, words: str) -> None:
    assert changed({"perturbation": perturbation}) == words


def test_a_thumbnail_has_two_pixels_to_a_character_cell() -> None:
    picture = Image.new("RGB", (2, 4), "white")
    picture.putpixel((0, 0), (255, 0, 0))
    picture.putpixel((0, 1), (0, 0, 255))
    text = half_blocks(picture, columns=2)
    assert text.plain == "▀▀\n▀▀\n"
    assert str(text.spans[0].style) == "#ff0000 on #0000ff"


@pytest.mark.parametrize(
    ("size", "rows"), [((256, 256), 16), ((2048, 64), 1), ((1, 16_000), 64), ((16_000, 1), 1), ((1, 1), 16)]
)
def test_a_thumbnail_keeps_the_proportions_within_reason(size: tuple[int, int], rows: int) -> None:
    lines = half_blocks(Image.new("RGBA", size)).plain.splitlines()
    assert len(lines) == rows
    assert {len(line) for line in lines} == {32}
