"""Counters of the stages that do not agree with what they count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.tables import stage_progress


class Expected(NamedTuple):
    """What the counter of a finished stage says: all of ``total`` done but at most ``failed``."""

    total: int
    failed: int


def counters(connection: Connection, scope: Scope) -> Iterator[Damage]:
    """Counters that cannot be right, however far the stage is."""
    query = sa.select(stage_progress).where(scope.of_experiments(stage_progress.c.experiment_id))
    for row in connection.execute(query.order_by(*stage_progress.primary_key)):
        if not 0 <= row.done <= row.total:
            yield _damage(row.experiment_id, row.stage, row.model, f"{row.done} of {row.total} cannot be")


def finished_counters(
    connection: Connection, experiment_id: str, expected: Mapping[tuple[str, str], Expected]
) -> Iterator[Damage]:
    """Counters of a completed experiment that are missing, of no stage and model of its, or not what they must be."""
    query = sa.select(stage_progress).where(stage_progress.c.experiment_id == experiment_id)
    there = {(row.stage, row.model): row for row in connection.execute(query.order_by(*stage_progress.primary_key))}
    for stage, model in sorted(expected.keys() - there.keys()):
        name = f"{experiment_id}/{stage}/{model}"
        detail = f"experiment {experiment_id} has no counter of {stage} with {model}"
        yield Damage("missing", stage_progress.name, name, detail, experiment_id=experiment_id)
    for (stage, model), row in there.items():
        wanted = expected.get((stage, model))
        if wanted is None:
            yield _damage(experiment_id, stage, model, "the experiment has no such stage", kind="dangling")
        elif 0 <= row.done <= row.total and (row.total != wanted.total or row.done < wanted.total - wanted.failed):
            done = f"all but {wanted.failed} of {wanted.total}" if wanted.failed else f"all of {wanted.total}"
            yield _damage(experiment_id, stage, model, f"it says {row.done} of {row.total}, done are {done}")


def _damage(experiment_id: str, stage: str, model: str, detail: str, *, kind: str = "stale") -> Damage:
    key = (experiment_id, stage, model)
    words = f"counter of {stage} with {model}: {detail}"
    return Damage(kind, stage_progress.name, "/".join(key), words, experiment_id=experiment_id, key=key)
