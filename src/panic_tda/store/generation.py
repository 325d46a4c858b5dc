"""What the generate stage reads and writes: where each run stands, and the steps it adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.content import Content
from panic_tda.errors import PanicError
from panic_tda.fault_points import reach
from panic_tda.store.identifiers import new_id
from panic_tda.store.outputs import insert_outputs
from panic_tda.store.statements import chunks, storable
from panic_tda.store.tables import failures, invocations, persistence_diagrams, runs, twins


class OtherSeed(NamedTuple):
    """What makes a noise twin: the invocation at ``step`` is called with this ``seed`` in place of the run's own."""

    step: int
    seed: int


@dataclass(frozen=True, slots=True)
class RunPosition:
    """An unfinished run: how far it is, and the key of the content its next invocation takes."""

    run_id: str
    experiment_id: str
    network: tuple[dict[str, Any], ...]
    seed: int
    length: int
    max_length: int
    next_input: str
    other_seed: OtherSeed | None = None


@dataclass(frozen=True, slots=True)
class Invocation:
    """One finished invocation, and whether the run ends with it."""

    run_id: str
    sequence_number: int
    model_version_id: str
    input_id: str
    output: Content
    seed: int
    started_at: datetime
    completed_at: datetime
    seconds: float
    stop_reason: str | None = None
    period: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A model that failed on an input; ``run_id`` for a run, ``output_id`` for an embedding."""

    experiment_id: str
    stage: str
    model: str
    error: PanicError
    run_id: str | None = None
    sequence_number: int | None = None
    output_id: str | None = None


def unfinished_ids(connection: Connection, experiment_id: str) -> list[str]:
    """The ids of the runs without a stop reason, in the order of creation."""
    query = sa.select(runs.c.id).where(runs.c.experiment_id == experiment_id, runs.c.stop_reason.is_(None))
    return list(connection.execute(query.order_by(runs.c.id)).scalars())


def unfinished_runs(
    connection: Connection, experiment_id: str, run_ids: Sequence[str] | None = None
) -> list[RunPosition]:
    """Every run without a stop reason, or those of the given ones that have none, in the order of creation."""
    last = sa.and_(invocations.c.run_id == runs.c.id, invocations.c.sequence_number == runs.c.length - 1)
    query = (
        sa.select(runs, invocations.c.output_id, twins.c.perturbation)
        .outerjoin(invocations, last)
        .outerjoin(twins, twins.c.run_id == runs.c.id)
        .where(runs.c.experiment_id == experiment_id, runs.c.stop_reason.is_(None))
        .order_by(runs.c.id)
    )
    return [
        RunPosition(
            row.id,
            experiment_id,
            tuple(row.network),
            row.seed,
            row.length,
            row.max_length,
            row.output_id or row.prompt_id,
            _other_seed(row.perturbation),
        )
        for some in _pieces(query, run_ids)
        for row in connection.execute(some)
    ]


def _pieces(query: sa.Select[Any], run_ids: Sequence[str] | None) -> Iterator[sa.Select[Any]]:
    """The query itself, or one for each few hundred of the runs."""
    if run_ids is None:
        yield query
    else:
        yield from (query.where(runs.c.id.in_(some)) for some in chunks(sorted(run_ids)))


def _other_seed(perturbation: dict[str, Any] | None) -> OtherSeed | None:
    if perturbation is None or perturbation["kind"] != "noise":
        return None
    return OtherSeed(perturbation["step"], perturbation["seed"])


def visited_outputs(
    connection: Connection, experiment_id: str, run_ids: Sequence[str] | None = None
) -> dict[str, list[str]]:
    """The output keys of every unfinished seeded run (of the given ones) that has begun, in sequence order, by run."""
    query = (
        sa.select(invocations.c.run_id, invocations.c.output_id)
        .join(runs, runs.c.id == invocations.c.run_id)
        .where(runs.c.experiment_id == experiment_id, runs.c.stop_reason.is_(None), runs.c.seed >= 0)
        .order_by(invocations.c.run_id, invocations.c.sequence_number)
    )
    visited: dict[str, list[str]] = {}
    for some in _pieces(query, run_ids):
        for run_id, output_id in connection.execute(some):
            visited.setdefault(run_id, []).append(output_id)
    return visited


def runs_with_holes(connection: Connection, experiment_id: str) -> list[str]:
    """Runs that are not whole: their invocations are not numbered 0 to ``length`` − 1."""
    counted = sa.func.count(invocations.c.id)
    last = sa.func.coalesce(sa.func.max(invocations.c.sequence_number), -1)
    query = (
        sa.select(runs.c.id)
        .outerjoin(invocations, invocations.c.run_id == runs.c.id)
        .where(runs.c.experiment_id == experiment_id)
        .group_by(runs.c.id, runs.c.length)
        .having(sa.or_(counted != runs.c.length, last != runs.c.length - 1))
    )
    return list(connection.execute(query).scalars())


def mend_holes(connection: Connection, experiment_id: str) -> int:
    """Cuts every run that is not whole back to the steps before the hole, with all that was derived from it.

    Returns how many there were.
    """
    broken = runs_with_holes(connection, experiment_id)
    for run_id in broken:
        _cut_at_hole(connection, run_id)
    return len(broken)


def _cut_at_hole(connection: Connection, run_id: str) -> None:
    mine = invocations.c.run_id == run_id
    numbers = connection.execute(
        sa.select(invocations.c.sequence_number).where(mine).order_by(invocations.c.sequence_number)
    ).scalars()
    whole = 0
    for number in numbers:
        if number != whole:
            break
        whole += 1
    connection.execute(sa.delete(invocations).where(mine, invocations.c.sequence_number >= whole))
    connection.execute(sa.delete(persistence_diagrams).where(persistence_diagrams.c.run_id == run_id))
    connection.execute(sa.delete(failures).where(failures.c.run_id == run_id))
    values = {"length": whole, "stop_reason": None, "period": None}
    connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))


def write_invocations(
    connection: Connection, steps: Sequence[Invocation], new_outputs: Sequence[dict[str, Any]]
) -> None:
    """Adds invocations, the outputs they made, and the new length of their runs."""
    if not steps:
        return
    insert_outputs(connection, new_outputs)
    reach("inside the commit")
    connection.execute(sa.insert(invocations), [_invocation(step) for step in steps])
    advanced = (
        sa.update(runs)
        .where(runs.c.id == sa.bindparam("key"))
        .values(
            length=sa.bindparam("new_length"),
            stop_reason=sa.bindparam("reason"),
            period=sa.bindparam("found_period"),
        )
    )
    connection.execute(
        advanced,
        [
            {
                "key": step.run_id,
                "new_length": step.sequence_number + 1,
                "reason": step.stop_reason,
                "found_period": step.period,
            }
            for step in steps
        ],
    )


def _invocation(step: Invocation) -> dict[str, Any]:
    return {
        "id": new_id(),
        "run_id": step.run_id,
        "sequence_number": step.sequence_number,
        "model_version_id": step.model_version_id,
        "input_id": step.input_id,
        "output_id": step.output.sha256,
        "seed": step.seed,
        "started_at": step.started_at,
        "completed_at": step.completed_at,
        "seconds": step.seconds,
    }


def write_failures(connection: Connection, found: Sequence[Failure]) -> None:
    """Records failures; the runs among them stop with the reason ``failed``."""
    if not found:
        return
    connection.execute(sa.insert(failures), [_failure(failure) for failure in found])
    stopped = [{"key": failure.run_id} for failure in found if failure.stage == "generate"]
    if stopped:
        query = sa.update(runs).where(runs.c.id == sa.bindparam("key")).values(stop_reason="failed")
        connection.execute(query, stopped)


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "id": new_id(),
        "experiment_id": failure.experiment_id,
        "stage": failure.stage,
        "model": failure.model,
        "run_id": failure.run_id,
        "sequence_number": failure.sequence_number,
        "output_id": failure.output_id,
        "error": type(failure.error).__name__,
        "message": storable(failure.error.message),
        "occurred_at": datetime.now(UTC),
    }


def forgive_failures(connection: Connection, experiment_id: str) -> None:
    """Lets failed runs and embeddings be tried again."""
    mine = sa.and_(runs.c.experiment_id == experiment_id, runs.c.stop_reason == "failed")
    connection.execute(sa.update(runs).where(mine).values(stop_reason=None))
    connection.execute(sa.delete(failures).where(failures.c.experiment_id == experiment_id))
