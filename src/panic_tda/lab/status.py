"""What there is to say about an experiment: how far each stage is, how runs ended, how long it will take."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from panic_tda.lab.progress import seconds_left
from panic_tda.store.claims import status_of
from panic_tda.store.experiments import find_experiment
from panic_tda.store.progress import (
    Count,
    calls_left,
    count_runs,
    count_twins,
    generate_count,
    items_left,
    recorded_failures,
    stage_count,
    stop_reasons,
)
from panic_tda.store.settings import measurement_key, pace_key, read_setting

STAGES = ("generate", "embed", "diagrams", "lyapunov")


def experiment_status(connection: Connection, name: str) -> dict[str, Any]:
    """The shape of ``experiment show --json``, and how long generating will still take if that is known."""
    row = find_experiment(connection, name)
    counts = {"generate": generate_count(connection, row.id)}
    counts |= {stage: stage_count(connection, row.id, stage) for stage in STAGES[1:]}
    return {
        "id": row.id,
        "status": status_of(row),
        "created_at": row.created_at.isoformat(),
        "completed_at": row.completed_at.isoformat() if row.completed_at else None,
        "config": row.config,
        "models": row.model_versions,
        "runs": count_runs(connection, row.id),
        "twins": count_twins(connection, row.id),
        "stages": {stage: _shape(count) for stage, count in counts.items()},
        "stop_reasons": stop_reasons(connection, row.id),
        "failures": recorded_failures(connection, row.id),
        "rates": _rates(connection, row.model_versions),
        "seconds_left": _seconds_left(connection, row.id, row.model_versions),
    }


def _shape(count: Count) -> dict[str, int]:
    return {"done": count.done, "total": count.total}


def _rates(connection: Connection, versions: dict[str, str]) -> dict[str, float]:
    """Items per second of each model, as last measured in this record."""
    paces = {name: seconds_per_item(connection, name, version) for name, version in versions.items()}
    return {name: 1.0 / pace for name, pace in paces.items() if pace}


def _seconds_left(connection: Connection, key: str, versions: dict[str, str]) -> float | None:
    """None while some kind of work that is left was never measured."""
    paces = {name: seconds_per_item(connection, name, version) for name, version in versions.items()}
    left = calls_left(connection, key) | items_left(connection, key, "embed")
    return seconds_left(left, {name: pace for name, pace in paces.items() if pace})


def seconds_per_item(connection: Connection, name: str, version: str) -> float | None:
    """What an item took when the model last worked on this record, or else when it was measured."""
    if pace := read_setting(connection, pace_key(name, version)):
        return float(pace)
    if measured := read_setting(connection, measurement_key(name, version)):
        return float(measured["seconds_per_item"][str(measured["batch_size"])])
    return None
