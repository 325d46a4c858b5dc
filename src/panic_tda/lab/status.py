"""What there is to say about an experiment: how far each stage is, how runs ended, how long it will take."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from panic_tda.lab.progress import seconds_left
from panic_tda.models.measurements import measured_here
from panic_tda.store.experiments import find_experiment
from panic_tda.store.performers import status_of
from panic_tda.store.progress import (
    added,
    calls_left,
    count_twins,
    recorded_failures,
    run_counts,
    stage_counters,
)
from panic_tda.store.retries import counted_retries
from panic_tda.store.settings import earlier_measurement, pace_key, read_setting

STAGES = ("generate", "embed", "diagrams", "lyapunov")


def experiment_status(connection: Connection, name: str) -> dict[str, Any]:
    """The shape of ``experiment show --json``, and how long generating will still take if that is known."""
    row = find_experiment(connection, name)
    counts, counters = run_counts(connection, row.id), stage_counters(connection, row.id)
    stages = {stage: added(counters.get(stage, {}).values()) for stage in STAGES} | {"generate": counts.invocations}
    left = calls_left(connection, row.id)
    left |= {model: count.total - count.done for model, count in counters.get("embed", {}).items()}
    paces = _paces(connection, row.model_versions)
    return {
        "id": row.id,
        "status": status_of(connection, row),
        "created_at": row.created_at.isoformat(),
        "completed_at": row.completed_at.isoformat() if row.completed_at else None,
        "config": row.config,
        "models": row.model_versions,
        "runs": counts.runs,
        "twins": count_twins(connection, row.id),
        "stages": {stage: count._asdict() for stage, count in stages.items()},
        "stop_reasons": counts.stop_reasons,
        "failures": recorded_failures(connection, row.id),
        "retries": counted_retries(connection, row.id),
        "rates": {name: 1.0 / pace for name, pace in paces.items()},
        "seconds_left": seconds_left(left, paces),
    }


def _paces(connection: Connection, versions: dict[str, str]) -> dict[str, float]:
    """Seconds per item of each model that was measured in this record."""
    paces = {name: seconds_per_item(connection, name, version) for name, version in versions.items()}
    return {name: pace for name, pace in paces.items() if pace}


def seconds_per_item(connection: Connection, name: str, version: str) -> float | None:
    """What an item took when the model last worked on this record, or else when it was measured on this machine."""
    if pace := read_setting(connection, pace_key(name, version)):
        return float(pace)
    if found := measured_here(name, version):
        return found.seconds_per_item[found.batch_size]
    earlier = earlier_measurement(connection, name, version)
    return earlier.seconds_per_item if earlier else None
