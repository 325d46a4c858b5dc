"""Runs for people to look at: lists, and one run's trajectory."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.experiments import find_experiment, find_run
from panic_tda.store.frames import network_label
from panic_tda.store.tables import invocations, model_versions, outputs, runs, twins


def list_runs(connection: Connection, experiment: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """Runs of one experiment (by id, prefix or ``latest``) or of all, in the order of creation."""
    query = _heads()
    if experiment is not None:
        query = query.where(runs.c.experiment_id == find_experiment(connection, experiment).id)
    return [_head(row) for row in connection.execute(query.order_by(runs.c.id).limit(limit))]


def run_trajectory(connection: Connection, name: str) -> dict[str, Any]:
    """The shape of ``run show --json``: the run, and each of its invocations in order."""
    key = find_run(connection, name).id
    head = _head(connection.execute(_heads().where(runs.c.id == key)).one())
    steps = (
        sa.select(invocations, model_versions.c.name, outputs.c.kind, outputs.c.text, outputs.c.degenerate)
        .join(model_versions, model_versions.c.id == invocations.c.model_version_id)
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .where(invocations.c.run_id == key)
        .order_by(invocations.c.sequence_number)
    )
    return head | {"invocations": [_step(row) for row in connection.execute(steps)]}


def _heads() -> sa.Select[Any]:
    return (
        sa.select(runs, outputs.c.kind, outputs.c.text, twins.c.twin_of, twins.c.perturbation)
        .join(outputs, outputs.c.id == runs.c.prompt_id)
        .outerjoin(twins, twins.c.run_id == runs.c.id)
    )


def _head(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "experiment_id": row.experiment_id,
        "network": network_label(row.network),
        "seed": row.seed,
        "run_number": row.run_number,
        "prompt": row.text if row.kind == "text" else f"image {row.prompt_id}",
        "length": row.length,
        "stop_reason": row.stop_reason,
        "period": row.period,
        "twin_of": row.twin_of,
        "perturbation": row.perturbation,
    }


def _step(row: Any) -> dict[str, Any]:
    content = {"text": row.text} if row.kind == "text" else {"image_sha256": row.output_id}
    return {
        "sequence_number": row.sequence_number,
        "model": row.name,
        "type": row.kind,
        "seed": row.seed,
        **content,
        "degenerate": row.degenerate,
        "started_at": row.started_at.isoformat(),
        "completed_at": row.completed_at.isoformat(),
    }
