from __future__ import annotations

from dataclasses import replace

import pytest

from panic_tda.content import Text
from panic_tda.errors import NotFound
from panic_tda.store.database import Record
from panic_tda.store.experiments import PlannedTwin, ensure_runs
from panic_tda.store.runs import list_runs, run_trajectory
from support.contents import image, numbered
from support.records import EPOCH, PAINTER, grow, planned, plant, run_ids


def test_runs_are_listed_in_the_order_of_creation(record: Record) -> None:
    with record.writing() as connection:
        first, mine = plant(connection, [Text("a prompt"), image(1)], seeds=(1, 2))
        _, others = plant(connection)
        assert [row["id"] for row in list_runs(connection)] == [*mine, *others]
        assert [row["id"] for row in list_runs(connection, "latest")] == others
        assert [row["id"] for row in list_runs(connection, first, limit=3)] == mine[:3]
        listed = list_runs(connection, first)
        with pytest.raises(NotFound):
            list_runs(connection, "nowhere")
    assert [row["prompt"] for row in listed] == ["a prompt"] * 2 + [f"image {image(1).sha256}"] * 2
    assert [row["seed"] for row in listed] == [1, 2, 1, 2]
    assert (listed[0]["network"], listed[0]["length"], listed[0]["stop_reason"]) == ("Writer", 0, None)


def test_a_trajectory_shows_every_step_with_its_content(record: Record) -> None:
    with record.writing() as connection:
        _, (run_id,) = plant(connection)
        grow(connection, run_id, [image(1), Text(""), *numbered(1)], spec=PAINTER, stop_reason="length")
        shown = run_trajectory(connection, run_id[:-3])
    assert (shown["id"], shown["length"], shown["stop_reason"]) == (run_id, 3, "length")
    picture, empty, text = shown["invocations"]
    assert picture["image_sha256"] == image(1).sha256
    assert "text" not in picture
    assert (empty["text"], empty["degenerate"]) == ("", "empty")
    assert (text["text"], text["sequence_number"], text["model"], text["seed"]) == ("text 0", 2, "Painter", 7)
    assert picture["started_at"] == EPOCH.isoformat()


def test_a_twin_says_whose_it_is_and_what_was_changed(record: Record) -> None:
    with record.writing() as connection:
        key, (base,) = plant(connection)
        (run,) = planned()
        noise = {"kind": "noise", "step": 2, "seed": 11}
        ensure_runs(connection, key, [run], [PlannedTwin(replace(run, run_number=1), run, noise)])
        _, twin = run_ids(connection, key)
        listed = list_runs(connection)
        shown = run_trajectory(connection, twin)
    assert [(row["id"], row["twin_of"], row["perturbation"]) for row in listed] == [
        (base, None, None),
        (twin, base, noise),
    ]
    assert (shown["twin_of"], shown["perturbation"]) == (base, noise)
