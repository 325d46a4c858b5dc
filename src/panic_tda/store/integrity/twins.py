"""Twins that are not the twins an experiment plans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.integrity.damage import Damage
from panic_tda.store.tables import runs, twins

Identity = tuple[str, str, int, int]
"""Network id, prompt id, seed and run number: what tells a run from the others of its experiment."""


def planned_twins(
    connection: Connection, experiment_id: str, planned: Iterable[tuple[Identity, Identity, Mapping[str, Any]]]
) -> Iterator[Damage]:
    """Twins, as (run, run it repeats, perturbation), that are not told to be twins, or of which something else is told.

    A run that is not there is not told here.
    """
    plan = {run: (base, dict(perturbation)) for run, base, perturbation in planned}
    of = runs.alias("repeated")
    query = (
        sa.select(*_identity(runs), runs.c.id, *_identity(of), twins.c.run_id, twins.c.perturbation)
        .outerjoin(twins, twins.c.run_id == runs.c.id)
        .outerjoin(of, of.c.id == twins.c.twin_of)
        .where(runs.c.experiment_id == experiment_id)
        .order_by(runs.c.id)
    )
    for row in connection.execute(query):
        wanted, run_id = plan.get(tuple(row[:4])), row[4]
        is_twin, told = row.run_id is not None, (tuple(row[5:9]), row.perturbation)
        if wanted is None and is_twin:
            yield _damage("dangling", experiment_id, run_id, "the experiment has no such twin", key=(run_id,))
        elif wanted is not None and not is_twin:
            yield _damage("missing", experiment_id, run_id, "it is a twin, of which nothing is told")
        elif wanted is not None and told != wanted:
            yield _damage("chaining", experiment_id, run_id, "it repeats another run, or in another way", key=(run_id,))


def _identity(table: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    return [table.c[name] for name in ("network_id", "prompt_id", "seed", "run_number")]


def _damage(kind: str, experiment_id: str, run_id: str, detail: str, *, key: tuple[str, ...] = ()) -> Damage:
    return Damage(kind, twins.name, run_id, f"run {run_id}: {detail}", experiment_id=experiment_id, key=key)
