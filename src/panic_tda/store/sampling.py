"""Invocations drawn from the record, with everything that is needed to execute them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.statements import chunks
from panic_tda.store.tables import invocations, model_versions, runs


@dataclass(frozen=True, slots=True)
class Recorded:
    """One invocation as it was: its place, model version and parameters, input, seed, and the output it had."""

    id: str
    run_id: str
    sequence_number: int
    model: str
    version: str
    parameters: dict[str, Any]
    input_id: str
    seed: int
    output_id: str


def sample_invocations(
    connection: Connection, experiment_id: str, number: int | None, rng: np.random.Generator
) -> list[Recorded]:
    """``number`` different invocations of an experiment, each as likely as any other; all of them for None."""
    mine = sa.select(invocations.c.id).join(runs, runs.c.id == invocations.c.run_id)
    keys = list(
        connection.execute(mine.where(runs.c.experiment_id == experiment_id).order_by(invocations.c.id)).scalars()
    )
    if number is not None and number < len(keys):
        keys = [keys[place] for place in sorted(rng.choice(len(keys), size=number, replace=False))]
    return [found for piece in chunks(keys) for found in _load(connection, piece)]


def _load(connection: Connection, keys: Sequence[str]) -> list[Recorded]:
    query = (
        sa.select(invocations, runs.c.network, model_versions.c.name, model_versions.c.version)
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(model_versions, model_versions.c.id == invocations.c.model_version_id)
        .where(invocations.c.id.in_(keys))
        .order_by(invocations.c.id)
    )
    return [_recorded(row) for row in connection.execute(query)]


def _recorded(row: Any) -> Recorded:
    node = row.network[row.sequence_number % len(row.network)]
    return Recorded(
        row.id,
        row.run_id,
        row.sequence_number,
        row.name,
        row.version,
        dict(node.get("parameters", {})),
        row.input_id,
        row.seed,
        row.output_id,
    )
