"""Runs chosen by name, and their steps moment by moment."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.answers.trajectory import trajectories
from panic_tda.errors import NotFound
from panic_tda.lab.laboratory import load_config, perform
from panic_tda.store import steps
from panic_tda.store.database import Record
from panic_tda.store.frames import invocations_frame, runs_frame
from panic_tda.store.steps import Choice, aspect_of_images, chosen_runs, chosen_runs_frame, moments, steps_frame
from panic_tda.store.tables import experiments, runs

CONFIG = {"network": ["DummyT2I", "DummyI2T"], "embedding_models": ["DummyText"]}


def performed(record: Record, **options: Any) -> str:
    return perform(record, load_config(CONFIG | options)).id


@pytest.fixture
def two(record: Record) -> tuple[str, str]:
    """An experiment of three runs of five steps, and one of a run of two."""
    first = performed(record, prompts=["a", "b", "c"], seeds=[-1], max_length=5)
    return first, performed(record, prompts=["d"], max_length=2, num_runs=1)


def choose(record: Record, *names: str) -> Choice:
    with record.reading() as connection:
        return chosen_runs(connection, names)


def ids_of_runs(record: Record, experiment_id: str) -> list[str]:
    return runs_frame(record, [experiment_id])["run_id"].to_list()


def test_names_are_experiments_or_else_runs(record: Record, two: tuple[str, str]) -> None:
    first, second = two
    run = ids_of_runs(record, first)[1]
    assert choose(record, "latest") == Choice((second,))
    assert choose(record, first, run, first[:30], run) == Choice((first,), (run,))
    assert chosen_runs_frame(record, choose(record, run))["run_id"].to_list() == [run]
    assert chosen_runs_frame(record, choose(record, second, run)).height == 2
    assert chosen_runs_frame(record, choose(record, first, run)).height == 3


def test_twins_are_left_out_unless_they_are_asked_for_or_named(record: Record) -> None:
    key = performed(record, prompts=["a", "b"], seeds=[3], max_length=4, twins={"noise": {"count": 2}})
    everyone = runs_frame(record, [key])
    twin = everyone.filter(everyone["twin_of"].is_not_null())["run_id"][0]
    with record.reading() as connection:
        with_twins = chosen_runs(connection, [key], twins=True)
    for choice, number in ((choose(record, key), 2), (choose(record, key, twin), 3), (with_twins, 6)):
        chosen = set(chosen_runs_frame(record, choice)["run_id"])
        assert len(chosen) == number
        assert set(steps_frame(record, choice)["run_id"]) == chosen
        assert {each.run_id for moment in moments(record, choice, 4) for each in moment.made} == chosen
    assert chosen_runs_frame(record, choose(record, twin))["run_id"].to_list() == [twin]


def test_unknown_and_ambiguous_names_are_refused(record: Record, two: tuple[str, str]) -> None:
    with pytest.raises(NotFound, match="there is no experiment and no run 'nothing'"):
        choose(record, "nothing")
    with pytest.raises(NotFound, match="experiment '0' is ambiguous"):
        choose(record, "0")
    with pytest.raises(NotFound, match="there is no experiment and no run ''"):
        choose(record, "")


def test_an_ambiguous_run_is_called_a_run(record: Record, two: tuple[str, str]) -> None:
    with record.writing() as connection:
        row = connection.execute(sa.select(runs).where(runs.c.experiment_id == two[0]).limit(1)).one()._asdict()
        copies = [row | {"id": f"ffff{number}", "run_number": 9 + number} for number in range(2)]
        connection.execute(sa.insert(runs), copies)
    with pytest.raises(NotFound, match="run 'ffff' is ambiguous"):
        choose(record, "ffff")


def test_latest_of_nothing_is_refused(record: Record) -> None:
    with pytest.raises(NotFound, match="there is no experiment yet"):
        choose(record, "latest")


def test_moments_hold_what_every_run_made_in_a_step(record: Record, two: tuple[str, str]) -> None:
    found = list(moments(record, Choice(two), 5, runs_at_once=4))
    assert [moment.sequence_number for moment in found] == [0, 1, 2, 3, 4]
    assert [len(moment.made) for moment in found] == [4, 4, 3, 3, 3]
    rows = invocations_frame(record, list(two)).sort("sequence_number", "run_id")
    made = [each for moment in found for each in moment.made]
    assert made == [
        steps.Made(*row) for row in rows.select("run_id", "sequence_number", "model", "type", "text", "sha256").rows()
    ]


def test_moments_are_the_same_in_pieces_of_any_size(
    record: Record, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list(moments(record, Choice(two), 7, runs_at_once=4))
    assert [len(moment.made) for moment in whole[5:]] == [0, 0]
    for rows in (1, 8, 9):
        monkeypatch.setattr(steps, "_ROWS_AT_ONCE", rows)
        assert list(moments(record, Choice(two), 7, runs_at_once=4)) == whole


def test_only_the_chosen_runs_are_read(record: Record, two: tuple[str, str]) -> None:
    run = ids_of_runs(record, two[0])[2]
    assert {each.run_id for moment in moments(record, Choice((), (run,)), 5) for each in moment.made} == {run}
    assert steps_frame(record, Choice((), (run,)))["run_id"].unique().to_list() == [run]


def test_the_frame_makes_the_same_trajectories_as_the_invocations(record: Record, two: tuple[str, str]) -> None:
    frame = runs_frame(record, list(two))
    whole = trajectories(frame, invocations_frame(record, list(two)))
    assert trajectories(frame, steps_frame(record, Choice(two))) == whole


def test_the_shape_of_images_is_found_and_otherwise_assumed(record: Record, two: tuple[str, str]) -> None:
    assert aspect_of_images(record, Choice(two)) == 1.0
    with record.writing() as connection:
        connection.execute(sa.delete(experiments))
    assert aspect_of_images(record, Choice(two), default=1.5) == 1.5
