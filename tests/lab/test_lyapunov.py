"""The lyapunov stage: one result for each network, prompt and embedder, computed where it is missing or outdated."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from panic_tda.lab.lyapunov import compute_lyapunov
from panic_tda.lab.perform import create, extend, perform
from panic_tda.lab.progress import Progress
from panic_tda.lab.status import experiment_status
from panic_tda.lab.validation import validate_config
from panic_tda.store.database import Record
from panic_tda.store.lyapunov import GroupTrajectories, RunGroup
from panic_tda.store.tables import lyapunov_results
from support.laboratory import bench_on, performed

DUMMIES: dict[str, Any] = {
    "network": ["DummyT2I", "DummyI2T"],
    "prompts": ["a", "b"],
    "seeds": [-1],
    "num_runs": 3,
    "embedding_models": ["DummyText", "DummyVision"],
    "max_length": 24,
    "stages": {"diagrams": False, "lyapunov": True},
}
GROUP = RunGroup("experiment", "network", "prompt")


def results(record: Record) -> list[Any]:
    with record.reading() as connection:
        query = sa.select(lyapunov_results).order_by(lyapunov_results.c.prompt_id, lyapunov_results.c.model_version_id)
        return list(connection.execute(query).all())


def stage(record: Record, key: str) -> dict[str, int]:
    with record.reading() as connection:
        counted: dict[str, int] = experiment_status(connection, key)["stages"]["lyapunov"]
        return counted


def group_of(*points: Any) -> GroupTrajectories:
    arrays = tuple(np.asarray(each, np.float32) for each in points)
    return GroupTrajectories(GROUP, "run", arrays, 10, sum(map(len, arrays)), 0)


def test_every_prompt_has_an_exponent_under_every_embedder(record: Record) -> None:
    outcome = performed(record, DUMMIES)
    assert outcome.status == "completed"
    found = results(record)
    assert len(found) == 4
    assert {(row.num_runs, row.num_pairs, row.num_timesteps, row.absence) for row in found} == {(3, 3, 12, None)}
    for row in found:
        assert row.exponent_low <= row.exponent <= row.exponent_high
        assert len(row.divergence_curve) == len(row.log_divergence_curve) == 12
        assert "only 3 pairs" in row.cautions
    assert stage(record, outcome.id) == {"done": 4, "total": 4}


def test_without_the_stage_nothing_is_computed(record: Record) -> None:
    outcome = performed(record, DUMMIES | {"stages": {"diagrams": False}})
    assert results(record) == []
    assert stage(record, outcome.id) == {"done": 0, "total": 0}


def test_performing_again_changes_nothing_and_growing_runs_are_computed_anew(record: Record) -> None:
    with bench_on(record) as bench:
        key = create(bench, validate_config(DUMMIES | {"max_length": 8}, folder=Path()))
        perform(bench, [key])
        before = results(record)
        perform(bench, [key])
        assert results(record) == before
        extend(bench, key, max_length=24)
        perform(bench, [key])
    assert [row.num_timesteps for row in before] == [4] * 4
    assert [row.num_timesteps for row in results(record)] == [12] * 4
    assert stage(record, key) == {"done": 4, "total": 4}


def test_the_same_runs_have_the_same_result(record: Record) -> None:
    points = [np.random.default_rng(run).normal(size=(20, 4)) for run in range(4)]
    first, again = (compute_lyapunov(group_of(*points), "version") for _ in range(2))
    assert replace(first, seconds=0.0) == replace(again, seconds=0.0)


def test_one_run_alone_has_a_recorded_absence_and_the_experiment_completes(record: Record) -> None:
    outcome = performed(record, DUMMIES | {"num_runs": 1, "max_length": 1})
    assert outcome.status == "completed"
    reasons = {row.absence for row in results(record)}
    ending = "measured outputs of this kind; divergence needs 2"
    assert reasons == {f"1 run has {ending}", f"no run has {ending}"}
    assert {(row.exponent, row.num_timesteps) for row in results(record)} == {(None, 0)}


def test_runs_that_never_lie_apart_have_a_recorded_absence() -> None:
    found = compute_lyapunov(group_of(np.ones((9, 2)), np.ones((9, 2))), "version")
    assert found.absence == "no two runs lie apart at two steps or more"
    assert found.divergence_curve == [0.0] * 9


def test_outputs_that_could_not_be_measured_are_told_with_the_absence() -> None:
    alone = replace(group_of(np.ones((5, 2)), np.empty((0, 0))), unmeasured=3)
    words = "1 run has measured outputs of this kind, 3 outputs could not be measured; divergence needs 2"
    assert compute_lyapunov(alone, "version").absence == words


def test_one_group_that_fails_is_recorded_and_does_not_stop_the_others(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_once(*arguments: Any) -> Any:
        if next(asked) == 1:
            raise MemoryError
        return compute_lyapunov(*arguments)

    asked = iter(range(1_000))
    monkeypatch.setattr("panic_tda.lab.lyapunov.compute_lyapunov", fail_once)
    with bench_on(record) as bench:
        key = create(bench, validate_config(DUMMIES, folder=Path()))
        first, again = (perform(bench, [key])[0] for _ in range(2))
        assert (first.status, first.failures, again.failures) == ("completed", 1, 1)
        assert (len(results(record)), stage(record, key)) == (3, {"done": 3, "total": 4})
        assert perform(bench, [key], retry_failed=True)[0].failures == 0
    assert stage(record, key) == {"done": 4, "total": 4}


def test_the_stage_tells_its_progress_and_stops_between_groups(sqlite_record: Record) -> None:
    stop, told = threading.Event(), []

    def report(progress: Progress) -> None:
        if progress.stage == "lyapunov":
            told.append((progress.done, progress.total))
            if len(told) == 2:
                stop.set()

    with bench_on(sqlite_record, report=report, stop=stop) as bench:
        key = create(bench, validate_config(DUMMIES, folder=Path()))
        assert perform(bench, [key])[0].status == "interrupted"
        assert told == [(0, 4), (1, 4)]
        stop.clear()
        assert perform(bench, [key])[0].status == "completed"
    assert told[2:] == [(1, 4), (2, 4), (3, 4), (4, 4), (4, 4)]
