from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panic_tda.content import Text
from panic_tda.errors import InvalidOutput, ModelCallFailed
from panic_tda.store.database import Record
from panic_tda.store.generation import (
    Failure,
    OtherSeed,
    forgive_failures,
    mend_holes,
    unfinished_runs,
    visited_outputs,
    write_failures,
    write_invocations,
)
from panic_tda.store.progress import recorded_failures
from panic_tda.store.tables import failures, invocations, outputs, persistence_diagrams, runs, twins
from panic_tda.store.topology import write_diagram
from support.contents import image, numbered
from support.records import EMBEDDER, PAINTER, WRITER, diagram, drop_invocation, grow, plant, version_of

few_examples = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def numbers(connection: sa.Connection, run_id: str) -> list[int]:
    mine = sa.select(invocations.c.sequence_number).where(invocations.c.run_id == run_id)
    return list(connection.execute(mine.order_by(invocations.c.sequence_number)).scalars())


def run_row(connection: sa.Connection, run_id: str) -> Any:
    return connection.execute(sa.select(runs).where(runs.c.id == run_id)).one()


def test_every_unfinished_run_goes_on_from_its_own_last_output(record: Record) -> None:
    prompts = numbered(2, "prompt")
    lengths = [0, 3, 1, 2]
    with record.writing() as connection:
        key, ids = plant(connection, prompts, seeds=(1, 2), models=("Writer", "Painter"), max_length=9)
        for run_id, length in zip(ids, lengths, strict=True):
            grow(connection, run_id, numbered(length, run_id))
        positions = unfinished_runs(connection, key)
    assert [position.run_id for position in positions] == ids
    assert [position.length for position in positions] == lengths
    assert [position.next_input for position in positions] == [
        prompts[0].sha256,
        numbered(3, ids[1])[-1].sha256,
        numbered(1, ids[2])[-1].sha256,
        numbered(2, ids[3])[-1].sha256,
    ]
    first = positions[0]
    assert (first.seed, first.max_length, first.experiment_id) == (1, 9, key)
    assert [node["model"] for node in first.network] == ["Writer", "Painter"]


def test_a_noise_twin_knows_its_other_seed_and_a_prompt_twin_has_none(record: Record) -> None:
    perturbations: list[dict[str, Any]] = [{"kind": "noise", "step": 3, "seed": 8}, {"kind": "prompt", "changes": 1}]
    with record.writing() as connection:
        key, (base, *rest) = plant(connection, seeds=(1, 2, 3))
        rows = [
            {"run_id": run_id, "twin_of": base, "perturbation": perturbation}
            for run_id, perturbation in zip(rest, perturbations, strict=True)
        ]
        connection.execute(sa.insert(twins), rows)
        positions = unfinished_runs(connection, key)
    assert [position.other_seed for position in positions] == [None, OtherSeed(3, 8), None]


def test_finished_runs_are_left_alone(record: Record) -> None:
    with record.writing() as connection:
        key, (done, looped, open_) = plant(connection, seeds=(1, 2, 3))
        grow(connection, done, numbered(4), stop_reason="length")
        grow(connection, looped, numbered(2), stop_reason="loop")
        assert [position.run_id for position in unfinished_runs(connection, key)] == [open_]


def test_what_a_seeded_run_visited_is_known_in_order(record: Record) -> None:
    with record.writing() as connection:
        key, (seeded, unseeded, fresh, done) = plant(connection, seeds=(3, -1, 4, 5))
        for run_id in (seeded, unseeded, done):
            grow(connection, run_id, [Text("b"), Text("a"), Text("b")])
        connection.execute(sa.update(runs).where(runs.c.id == done).values(stop_reason="loop"))
        visited = visited_outputs(connection, key)
    assert visited == {seeded: [Text("b").sha256, Text("a").sha256, Text("b").sha256]}
    assert fresh not in visited


def test_steps_store_their_outputs_and_move_their_runs(record: Record) -> None:
    with record.writing() as connection:
        _, (run_id, other) = plant(connection, seeds=(1, 2))
        grow(connection, run_id, [image(1), Text("b")], spec=PAINTER, stop_reason="length")
        moved, resting = run_row(connection, run_id), run_row(connection, other)
        stored = connection.execute(sa.select(outputs.c.id)).scalars().all()
        step = connection.execute(sa.select(invocations).order_by(invocations.c.sequence_number)).first()
    assert (moved.length, moved.stop_reason, resting.length, resting.stop_reason) == (2, "length", 0, None)
    assert {image(1).sha256, Text("b").sha256} <= set(stored)
    assert step is not None
    assert (step.seed, step.seconds, step.input_id) == (7, 0.25, Text("a prompt").sha256)
    assert (step.completed_at - step.started_at).total_seconds() == 0.25


def test_nothing_to_write_writes_nothing(record: Record) -> None:
    with record.writing() as connection:
        write_invocations(connection, [], [])
        write_failures(connection, [])
        assert connection.execute(sa.select(sa.func.count()).select_from(outputs)).scalar_one() == 0


def test_the_database_refuses_a_step_twice_and_keeps_nothing_of_it(record: Record) -> None:
    with record.writing() as connection:
        _, (run_id,) = plant(connection)
        grow(connection, run_id, numbered(2))
    with pytest.raises(sa.exc.IntegrityError), record.writing() as connection:
        grow(connection, run_id, [Text("again")], start=1)
    with record.reading() as connection:
        assert numbers(connection, run_id) == [0, 1]
        assert Text("again").sha256 not in connection.execute(sa.select(outputs.c.id)).scalars().all()


def test_the_database_refuses_an_invocation_of_an_unknown_output(record: Record) -> None:
    with record.writing() as connection:
        _, (run_id,) = plant(connection)
        grow(connection, run_id, numbered(1))
    with pytest.raises(sa.exc.IntegrityError), record.writing() as connection:
        connection.execute(sa.update(invocations).values(output_id="0" * 64))


@few_examples
@given(length=st.integers(1, 8), holes=st.sets(st.integers(0, 7), max_size=4), reason=st.sampled_from([None, "length"]))
def test_a_run_is_cut_back_to_the_steps_before_its_first_hole(
    record: Record, length: int, holes: set[int], reason: str | None
) -> None:
    with record.writing() as connection:
        key, (run_id, whole) = plant(connection, seeds=(1, 2), max_length=8)
        for each in (run_id, whole):
            grow(connection, each, numbered(length, each), stop_reason=reason)
        lost = {hole for hole in holes if hole < length}
        for hole in lost:
            drop_invocation(connection, run_id, hole)
        assert mend_holes(connection, key) == bool(lost)
        left = min(lost, default=length)
        row = run_row(connection, run_id)
        assert numbers(connection, run_id) == list(range(left))
        assert (row.length, row.stop_reason) == (left, None if lost else reason)
        assert numbers(connection, whole) == list(range(length))
        assert mend_holes(connection, key) == 0


def test_what_was_derived_from_a_run_with_a_hole_goes_with_the_lost_steps(record: Record) -> None:
    with record.writing() as connection:
        key, ids = plant(connection, seeds=(1, 2))
        version = version_of(connection, EMBEDDER)
        for run_id in ids:
            grow(connection, run_id, numbered(3))
            write_diagram(connection, diagram(run_id, version, run_length=3, points=3))
            fault = ModelCallFailed("the fourth step failed")
            write_failures(connection, [Failure(key, "generate", "Writer", fault, run_id, 3)])
        drop_invocation(connection, ids[0], 1)
        mend_holes(connection, key)
        assert connection.execute(sa.select(persistence_diagrams.c.run_id)).scalars().all() == [ids[1]]
        assert connection.execute(sa.select(failures.c.run_id)).scalars().all() == [ids[1]]
        assert [position.run_id for position in unfinished_runs(connection, key)] == [ids[0]]


def test_holes_of_other_experiments_are_left_alone(record: Record) -> None:
    with record.writing() as connection:
        mine, _ = plant(connection)
        _, (other,) = plant(connection)
        grow(connection, other, numbered(3))
        drop_invocation(connection, other, 0)
        assert mend_holes(connection, mine) == 0
        assert numbers(connection, other) == [1, 2]


def test_a_failure_stops_its_run_and_is_told_in_full(record: Record) -> None:
    with record.writing() as connection:
        key, (failed, going) = plant(connection, seeds=(1, 2))
        write_failures(connection, [Failure(key, "generate", "Writer", InvalidOutput("not a text"), failed, 0)])
        write_failures(
            connection,
            [Failure(key, "embed", "Embedder", ModelCallFailed("no words"), output_id=Text("a prompt").sha256)],
        )
        reasons = [run_row(connection, run_id).stop_reason for run_id in (failed, going)]
        first, second = recorded_failures(connection, key)
        assert len(recorded_failures(connection, key, limit=1)) == 1
    assert reasons == ["failed", None]
    told = ("stage", "model", "run_id", "sequence_number", "output_id", "error", "message")
    assert [first[name] for name in told] == [
        "generate", "Writer", failed, 0, None, "InvalidOutput", "not a text",
    ]  # fmt: skip
    assert (second["output_id"], second["error"]) == (Text("a prompt").sha256, "ModelCallFailed")


def test_a_message_that_no_database_takes_is_recorded_without_what_they_refuse(record: Record) -> None:
    with record.writing() as connection:
        key, (run_id,) = plant(connection)
        fault = ModelCallFailed("a\0b \ud800 ü")
        write_failures(connection, [Failure(key, "generate", "Writer", fault, run_id, 0)])
        assert recorded_failures(connection, key)[0]["message"] == "a�b ? ü"


def test_forgiven_runs_go_on_where_they_failed(record: Record) -> None:
    with record.writing() as connection:
        key, (failed, done) = plant(connection, seeds=(1, 2))
        other, (elsewhere,) = plant(connection)
        grow(connection, done, numbered(4), stop_reason="length")
        for experiment, run_id in ((key, failed), (other, elsewhere)):
            write_failures(connection, [Failure(experiment, "generate", "W", ModelCallFailed("no"), run_id, 0)])
        forgive_failures(connection, key)
        assert [position.run_id for position in unfinished_runs(connection, key)] == [failed]
        assert recorded_failures(connection, key) == []
        assert len(recorded_failures(connection, other)) == 1


def test_more_than_a_thousand_runs_are_no_burden(record: Record) -> None:
    with record.writing() as connection:
        key, ids = plant(connection, seeds=range(1_200), max_length=2)
        grow(connection, ids[600], numbered(1))
        assert len(unfinished_runs(connection, key)) == 1_200
        assert mend_holes(connection, key) == 0
        faults = [Failure(key, "generate", WRITER.name, ModelCallFailed("no"), run_id, 0) for run_id in ids[:1_100]]
        write_failures(connection, faults)
        assert len(unfinished_runs(connection, key)) == 100
