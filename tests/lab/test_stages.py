"""The embed and diagrams stages: each computes what is missing, and says what it cannot compute."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from panic_tda.lab.config import DiagramsStage
from panic_tda.lab.diagrams import compute_diagram
from panic_tda.lab.doctor import examine
from panic_tda.lab.perform import Outcome, create, extend, perform
from panic_tda.lab.progress import Progress
from panic_tda.lab.status import experiment_status
from panic_tda.lab.validation import validate_config
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.mock import MockExecutor
from panic_tda.runtime.result import Call, Result
from panic_tda.store.database import Record
from panic_tda.store.frames import diagrams_frame, embeddings_frame
from panic_tda.store.tables import embeddings, persistence_diagrams
from panic_tda.store.topology import Trajectory
from support.laboratory import bench_on, fakes, performed

__all__ = ["fakes"]

DUMMIES = {
    "network": ["DummyT2I", "DummyI2T"],
    "prompts": ["Test prompt"],
    "seeds": [42],
    "embedding_models": ["DummyText", "DummyVision"],
    "max_length": 12,
}


def test_each_distinct_content_is_embedded_once(record: Record, fakes: dict[str, ModelSpec]) -> None:
    asked: list[Call] = []

    class Asking(InProcessExecutor):
        def submit(self, call: Call) -> Future[Result]:
            asked.append(call)
            return super().submit(call)

    performed(record, DUMMIES | {"num_runs": 6}, executor=Asking())
    embedded = [item.sha256 for call in asked if not call.spec.signature.is_generator for item in call.inputs]
    assert len(embedded) == len(set(embedded)) == 12


def test_every_invocation_gets_the_vector_of_its_content(record: Record) -> None:
    key = performed(record, DUMMIES | {"num_runs": 2}).id
    frame = embeddings_frame(record, [key])
    assert frame.height == 24
    texts = frame.filter(frame["model"] == "DummyText")
    assert texts["sequence_number"].unique().sort().to_list() == [1, 3, 5, 7, 9, 11]


def test_a_vector_that_cannot_be_is_a_recorded_failure_and_never_stored(
    record: Record, fakes: dict[str, ModelSpec]
) -> None:
    config = {"network": ["Echo"], "prompts": ["a"], "embedding_models": ["Ruler"], "max_length": 3}
    executor = MockExecutor()
    executor.enqueue("fine")
    executor.enqueue("nan")
    executor.enqueue("zero")
    with bench_on(record, executor=executor) as bench:
        key = create(bench, validate_config(config, folder=Path()))
        perform(bench, [key])
    with bench_on(record) as bench:
        first = perform(bench, [key], retry_failed=True)[0]
        again = perform(bench, [key])[0]
    assert (first.status, first.embeddings, first.failures) == ("completed", 1, 2)
    assert replace(again, seconds=0.0) == replace(first, seconds=0.0)
    with record.reading() as connection:
        vectors = connection.execute(sa.select(embeddings.c.vector)).scalars().all()
        shown = experiment_status(connection, key)
    assert all(np.isfinite(vector).all() and vector.any() for vector in vectors)
    assert {failure["error"] for failure in shown["failures"]} == {"InvalidOutput"}
    assert diagrams_frame(record, [key])["unmeasured"].to_list() == [2]


def test_outputs_that_another_experiment_measures_meanwhile_are_counted_too(record: Record) -> None:
    begun: list[Progress] = []
    theirs: list[Outcome] = []

    def report(told: Progress) -> None:
        if told.stage == "embed" and not begun:
            begun.append(told)
            theirs.append(performed(record, DUMMIES))

    mine = performed(record, DUMMIES, report=report)
    assert theirs[0].embeddings == mine.embeddings > 0
    with record.reading() as connection:
        shown = experiment_status(connection, mine.id)["stages"]["embed"]
    assert shown == {"done": mine.embeddings, "total": mine.embeddings}
    with bench_on(record) as bench:
        assert examine(bench) == []


def test_a_run_too_short_for_a_diagram_has_a_recorded_absence_and_the_experiment_completes(record: Record) -> None:
    result = performed(record, DUMMIES | {"max_length": 1})
    assert (result.status, result.persistence_diagrams) == ("completed", 2)
    absences = dict(diagrams_frame(record, [result.id]).select("model", "absence").iter_rows())
    assert "has 0 measured outputs" in absences["DummyText"]
    assert "has 1 measured outputs" in absences["DummyVision"]


def test_diagrams_follow_when_runs_grow(record: Record) -> None:
    with bench_on(record) as bench:
        key = create(bench, validate_config(DUMMIES | {"max_length": 4}, folder=Path()))
        perform(bench, [key])
        extend(bench, key, max_length=12)
        perform(bench, [key])
    assert diagrams_frame(record, [key])["points"].to_list() == [6, 6]


def test_diagrams_switched_off_are_not_computed(record: Record) -> None:
    result = performed(record, DUMMIES | {"stages": {"diagrams": False}})
    assert (result.status, result.persistence_diagrams) == ("completed", 0)
    with record.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(persistence_diagrams)).scalar_one() == 0


def test_the_dimension_asked_for_is_the_one_computed(record: Record) -> None:
    result = performed(record, DUMMIES | {"stages": {"diagrams": {"max_dim": 1}}})
    assert {len(entropy) for entropy in diagrams_frame(record, [result.id])["entropy"].to_list()} == {2}


def test_landmarks_that_stand_for_many_points_are_recorded_with_their_radius() -> None:
    points = np.random.default_rng(1).normal(size=(60, 3)).astype(np.float32)
    settings = DiagramsStage(max_dim=2, max_points=20)
    diagram = compute_diagram(Trajectory("run", 60, points, 0), "version", settings)
    assert diagram.distinct_points == 60
    assert diagram.covering_radius > 0


def test_repeated_points_are_merged_and_counted() -> None:
    points = np.repeat(np.eye(4, dtype=np.float32), 25, axis=0)
    diagram = compute_diagram(Trajectory("run", 100, points, 0), "version", DiagramsStage())
    assert (diagram.points, diagram.distinct_points, len(diagram.bars[0])) == (100, 4, 4)
    assert diagram.normalised_entropy[0] == pytest.approx(1.0)


def test_one_diagram_that_fails_is_recorded_and_does_not_stop_the_others(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_once(trajectory: Trajectory, *rest: Any) -> Any:
        if next(asked) == 1:
            raise MemoryError
        return compute_diagram(trajectory, *rest)

    asked = iter(range(1_000))
    monkeypatch.setattr("panic_tda.lab.diagrams.compute_diagram", fail_once)
    with bench_on(record) as bench:
        key = create(bench, validate_config(DUMMIES | {"num_runs": 3}, folder=Path()))
        first = perform(bench, [key])[0]
        again = perform(bench, [key])[0]
        assert (first.status, first.persistence_diagrams, first.failures) == ("completed", 5, 1)
        assert (again.persistence_diagrams, again.failures) == (5, 1)
        assert perform(bench, [key], retry_failed=True)[0].persistence_diagrams == 6
