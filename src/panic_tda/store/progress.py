"""How far an experiment is, from aggregates and counters, never from loading rows.

Generate is counted from the runs. The other stages count once when they begin and then keep a
counter in the transaction that stores their work, so that showing an experiment takes no scan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.fault_points import reach
from panic_tda.store.statements import replace_row
from panic_tda.store.tables import failures, runs, stage_progress, twins


class Count(NamedTuple):
    """Items done, of how many."""

    done: int
    total: int


class RunCounts(NamedTuple):
    """Runs, their invocations recorded and expected, and how many runs stopped by ``length``, ``loop``, ``failed``.

    A run that stopped early expects no more invocations than it has.
    """

    runs: int
    invocations: Count
    stop_reasons: dict[str, int]


def run_counts(connection: Connection, experiment_id: str) -> RunCounts:
    """All that is counted from the runs, twins included."""
    query = (
        sa.select(runs.c.stop_reason, sa.func.count(), sa.func.sum(runs.c.length), sa.func.sum(runs.c.max_length))
        .where(runs.c.experiment_id == experiment_id)
        .group_by(runs.c.stop_reason)
    )
    number, done, total = 0, 0, 0
    stopped = {"length": 0, "loop": 0, "failed": 0}
    for reason, alike, length, longest in connection.execute(query):
        number, done, total = number + alike, done + length, total + (length if reason else longest)
        if reason:
            stopped[reason] = alike
    return RunCounts(number, Count(int(done), int(total)), stopped)


def generate_count(connection: Connection, experiment_id: str) -> Count:
    """Invocations recorded, and expected."""
    return run_counts(connection, experiment_id).invocations


def stop_reasons(connection: Connection, experiment_id: str) -> dict[str, int]:
    """Number of runs for each of ``length``, ``loop`` and ``failed``."""
    return run_counts(connection, experiment_id).stop_reasons


def count_runs(connection: Connection, experiment_id: str) -> int:
    """Number of runs, twins included."""
    return run_counts(connection, experiment_id).runs


def count_twins(connection: Connection, experiment_id: str) -> int:
    """How many of the runs are twins."""
    mine = sa.select(sa.func.count()).select_from(twins.join(runs, runs.c.id == twins.c.run_id))
    return int(connection.execute(mine.where(runs.c.experiment_id == experiment_id)).scalar_one())


def calls_left(connection: Connection, experiment_id: str) -> dict[str, int]:
    """How often each generator is still to be called, from how many runs stand at which step."""
    unfinished = sa.and_(runs.c.experiment_id == experiment_id, runs.c.stop_reason.is_(None))
    groups = sa.select(runs.c.network_id, runs.c.length, runs.c.max_length, sa.func.count()).where(unfinished)
    groups = groups.group_by(runs.c.network_id, runs.c.length, runs.c.max_length)
    networks = sa.select(runs.c.network_id, sa.func.min(runs.c.id).label("example")).where(unfinished)
    example = networks.group_by(runs.c.network_id).subquery()
    shapes = sa.select(runs.c.network_id, runs.c.network).join(example, example.c.example == runs.c.id)
    models = {key: [node["model"] for node in network] for key, network in connection.execute(shapes)}
    left: Counter[str] = Counter()
    for network_id, length, max_length, number in connection.execute(groups):
        cycle = models[network_id]
        for offset, model in enumerate(cycle):
            left[model] += number * steps_at(offset, len(cycle), length, max_length)
    return dict(left)


def steps_at(offset: int, cycle: int, start: int, stop: int) -> int:
    """How many of the sequence numbers ``start`` to ``stop`` − 1 fall on position ``offset`` of the cycle."""
    first = start + (offset - start) % cycle
    return (stop - 1 - first) // cycle + 1 if first < stop else 0


def set_stage(connection: Connection, experiment_id: str, stage: str, model: str, count: Count) -> None:
    """Starts a stage's counter for one model."""
    row = {"experiment_id": experiment_id, "stage": stage, "model": model, "done": count.done, "total": count.total}
    replace_row(connection, stage_progress, row)


def advance_stage(connection: Connection, experiment_id: str, stage: str, model: str, items: int) -> None:
    """Adds finished items to a stage's counter."""
    reach("inside the commit")
    mine = sa.and_(
        stage_progress.c.experiment_id == experiment_id,
        stage_progress.c.stage == stage,
        stage_progress.c.model == model,
    )
    connection.execute(sa.update(stage_progress).where(mine).values(done=stage_progress.c.done + items))


def forget_stages(connection: Connection, experiment_id: str) -> None:
    """Drops the counters of the stages after generate, whose totals are about to change."""
    connection.execute(sa.delete(stage_progress).where(stage_progress.c.experiment_id == experiment_id))


def stage_counters(connection: Connection, experiment_id: str) -> dict[str, dict[str, Count]]:
    """The counters of every stage that has begun, by stage and model."""
    columns = (stage_progress.c.stage, stage_progress.c.model, stage_progress.c.done, stage_progress.c.total)
    counters: dict[str, dict[str, Count]] = {}
    for stage, model, *count in connection.execute(
        sa.select(*columns).where(stage_progress.c.experiment_id == experiment_id)
    ):
        counters.setdefault(stage, {})[model] = Count(*count)
    return counters


def stage_count(connection: Connection, experiment_id: str, stage: str) -> Count:
    """The sum of a stage's counters over its models; 0 of 0 before it begins."""
    return added(stage_counters(connection, experiment_id).get(stage, {}).values())


def added(counts: Iterable[Count]) -> Count:
    """All of them together."""
    return Count(*map(sum, zip(Count(0, 0), *counts, strict=True)))


def count_failures(connection: Connection, experiment_id: str, stage: str, model: str) -> int:
    """How many items of a stage failed under one model."""
    mine = sa.and_(failures.c.experiment_id == experiment_id, failures.c.stage == stage, failures.c.model == model)
    return int(connection.execute(sa.select(sa.func.count()).select_from(failures).where(mine)).scalar_one())


def recorded_failures(connection: Connection, experiment_id: str, limit: int | None = None) -> list[dict[str, Any]]:
    """What failed, oldest first."""
    query = sa.select(failures).where(failures.c.experiment_id == experiment_id).order_by(failures.c.id).limit(limit)
    names = ("stage", "model", "run_id", "sequence_number", "output_id", "error", "message")
    return [
        {name: getattr(row, name) for name in names} | {"occurred_at": row.occurred_at.isoformat()}
        for row in connection.execute(query)
    ]
