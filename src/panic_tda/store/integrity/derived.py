"""What was computed from the steps, and does not agree with them any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.errors import RecordError
from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.tables import experiments, failures, model_versions, persistence_diagrams, runs
from panic_tda.store.topology import decode_bars

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def diagrams(connection: Connection, scope: Scope) -> Iterator[Damage]:
    """What is wrong with each stored diagram; until an experiment is completed, its runs may have grown since."""
    query = (
        sa.select(persistence_diagrams, runs.c.length, experiments.c.status)
        .join(runs, runs.c.id == persistence_diagrams.c.run_id)
        .join(experiments, experiments.c.id == runs.c.experiment_id)
        .where(scope.runs())
        .order_by(persistence_diagrams.c.id)
    )
    for row in connection.execution_options(yield_per=200).execute(query):
        if fault := _diagram_fault(row):
            kind, detail = fault
            words = f"diagram of run {row.run_id}: {detail}"
            yield Damage(kind, "persistence_diagrams", row.id, words, run_id=row.run_id, key=(row.id,))


def _diagram_fault(row: Any) -> tuple[str, str] | None:
    if row.run_length != row.length and (row.status == "completed" or row.run_length > row.length):
        return "stale", f"it was computed at {row.run_length} steps, the run has {row.length}"
    try:
        bars = decode_bars(row.data)
    except RecordError as fault:
        return "content", fault.message
    if row.absence is None and len(bars) != row.max_dim + 1:
        return "length", f"it has {len(bars)} dimensions instead of {row.max_dim + 1}"
    for dimension, pairs in enumerate(bars):
        if wrong := _bars_fault(pairs):
            return "non-finite", f"H{dimension}: {wrong}"
    return None


def _bars_fault(pairs: NDArray[np.float64]) -> str | None:
    import numpy as np

    if pairs.size and (pairs.ndim != 2 or pairs.shape[1] != 2):
        return f"bars of shape {pairs.shape}"
    if pairs.size and not (np.isfinite(pairs[:, 0]) & (pairs[:, 1] >= pairs[:, 0])).all():
        return "a bar has no finite birth, or a death before its birth"
    return None


def missing_diagrams(connection: Connection, experiment_id: str, embedder: str) -> Iterator[Damage]:
    """Runs that have neither a diagram under an embedder nor a recorded failure."""
    versions = sa.select(model_versions.c.id).where(model_versions.c.name == embedder)
    there = sa.select(persistence_diagrams.c.run_id).where(persistence_diagrams.c.model_version_id.in_(versions))
    failed = sa.select(failures.c.run_id).where(
        failures.c.experiment_id == experiment_id, failures.c.stage == "diagrams", failures.c.model == embedder
    )
    named = failed.where(failures.c.run_id.is_not(None))
    query = sa.select(runs.c.id).where(
        runs.c.experiment_id == experiment_id, runs.c.id.not_in(there), runs.c.id.not_in(named)
    )
    for run_id in connection.execute(query.order_by(runs.c.id)).scalars():
        detail = f"run {run_id} has no diagram under {embedder}"
        yield Damage("missing", "persistence_diagrams", f"{run_id}/{embedder}", detail, run_id=run_id)


def missing_runs(connection: Connection, experiment_id: str, planned: Sequence[tuple[Any, ...]]) -> Iterator[Damage]:
    """Planned runs, as (network_id, prompt_id, seed, run_number), that are not there."""
    columns = (runs.c.network_id, runs.c.prompt_id, runs.c.seed, runs.c.run_number)
    there = {tuple(row) for row in connection.execute(sa.select(*columns).where(runs.c.experiment_id == experiment_id))}
    for key in planned:
        if key not in there:
            network_id, prompt_id, seed, run_number = key
            run = f"network {network_id[:12]}, prompt {prompt_id[:12]}, seed {seed}, run {run_number}"
            name = "/".join(map(str, key))
            yield Damage("missing", "runs", name, f"{run} was never created", experiment_id=experiment_id)
