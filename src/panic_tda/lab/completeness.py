"""What the configuration of a completed experiment asks for, and its record does not hold."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.errors import PanicError
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.perform import load
from panic_tda.lab.preflight import check_pins
from panic_tda.store.database import Record
from panic_tda.store.experiments import PlannedRun, find_experiment
from panic_tda.store.integrity.counters import Expected, finished_counters
from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.derived import missing_diagrams, missing_runs
from panic_tda.store.integrity.exponents import missing_exponents
from panic_tda.store.integrity.twins import Identity, planned_twins
from panic_tda.store.integrity.vectors import missing_vectors
from panic_tda.store.lyapunov import count_groups
from panic_tda.store.measurement import count_outputs
from panic_tda.store.progress import count_failures, count_runs
from panic_tda.store.tables import model_versions


def missing_of_the_plan(record: Record, key: str, *, otherwise_whole: bool) -> list[Damage]:
    """Runs, twins, vectors, diagrams, Lyapunov results and counters that must be there and are not.

    Counters are looked at where everything else is right, ``otherwise_whole`` included: they follow what they count.

    Empty for an experiment that this installation can not read or perform: with models of the past, or with a prompt
    that is damaged, which is found elsewhere.
    """
    try:
        _, experiment = load(record, key)
        with record.reading() as connection:
            pins = find_experiment(connection, key).model_versions
        check_pins(experiment.models(), pins, key)
    except PanicError:
        return []
    with record.reading() as connection:
        twins = (
            (_identity(each.run), _identity(each.twin_of), each.perturbation) for each in experiment.planned_twins()
        )
        missing = [
            *missing_runs(connection, key, _planned_runs(experiment)),
            *planned_twins(connection, key, twins),
            *_missing(connection, key, experiment),
        ]
        if missing or not otherwise_whole:
            return missing
        return list(finished_counters(connection, key, _counters(connection, key, experiment)))


def _planned_runs(experiment: Experiment) -> list[Identity]:
    planned = [*experiment.planned_runs(), *(each.run for each in experiment.planned_twins())]
    return [_identity(run) for run in planned]


def _identity(run: PlannedRun) -> Identity:
    return run.network_id, run.prompt_id, run.seed, run.run_number


def _missing(connection: Connection, key: str, experiment: Experiment) -> Iterator[Damage]:
    for spec in experiment.embedders:
        yield from missing_vectors(connection, key, spec.name, spec.signature.input.value)
        if experiment.config.diagrams is not None:
            yield from missing_diagrams(connection, key, spec.name)
        if experiment.config.stages.lyapunov:
            yield from missing_exponents(connection, key, spec.name, spec.version)


def _counters(connection: Connection, key: str, experiment: Experiment) -> dict[tuple[str, str], Expected]:
    """What the counter of each stage and embedder must say."""
    stages = {"diagrams": count_runs(connection, key)} if experiment.config.diagrams is not None else {}
    if experiment.config.stages.lyapunov:
        stages["lyapunov"] = count_groups(connection, key)
    expected = {}
    for spec in experiment.embedders:
        version = sa.select(model_versions.c.id).where(
            model_versions.c.name == spec.name, model_versions.c.version == spec.version
        )
        version_id = connection.execute(version).scalar_one_or_none() or ""
        _, outputs = count_outputs(connection, key, spec.signature.input, version_id)
        for stage, total in (stages | {"embed": outputs}).items():
            expected[stage, spec.name] = Expected(total, count_failures(connection, key, stage, spec.name))
    return expected
