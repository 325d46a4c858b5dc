"""The doctor: finds what is wrong with a record, takes it out, and lets performing make it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.errors import PanicError, RecordBusy, RecordError
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.perform import load, perform
from panic_tda.lab.progress import Pace
from panic_tda.lab.workbench import Workbench
from panic_tda.models.catalogue import catalogue
from panic_tda.signature import Signature
from panic_tda.store.claims import refuse_if_busy, status_of
from panic_tda.store.database import Record
from panic_tda.store.experiments import find_experiment
from panic_tda.store.integrity.contents import contents, count_contents
from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.derived import clusters, diagrams, missing_diagrams, missing_runs
from panic_tda.store.integrity.file import file_damage
from panic_tda.store.integrity.references import dangling, duplicates
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.integrity.steps import steps
from panic_tda.store.integrity.vectors import Expected, missing_vectors, vectors
from panic_tda.store.mending import mend
from panic_tda.store.tables import experiments, model_versions


class Fixed(NamedTuple):
    """What fixing did: ``fixed`` damages are gone, ``left`` are still there, ``to_resume`` were not whole before."""

    fixed: int
    left: list[Damage]
    to_resume: list[str]


def examine(bench: Workbench, experiment_ids: Sequence[str] | None = None) -> list[Damage]:
    """Everything that is wrong with these experiments (full ids), or with the whole record; changes nothing.

    When the file itself is damaged nothing else is looked at, since nothing that is read from it can be trusted.
    """
    if damages := file_damage(bench.record):
        return damages
    scope = Scope(experiment_ids)
    with bench.record.reading() as connection:
        found = [*dangling(connection, scope), *duplicates(connection, scope)]
        found += steps(connection, scope, _signature_of)
        found += _contents(bench, connection, scope)
        found += vectors(connection, scope, _expected(connection))
        found += [*diagrams(connection, scope), *clusters(connection, scope)]
        keys = connection.execute(sa.select(experiments.c.id).where(scope.experiments()).order_by(experiments.c.id))
        rows = [find_experiment(connection, key) for key in keys.scalars().all()]
    for row in rows:
        found += _of_the_plan(bench.record, row.id, completed=status_of(row) == "completed")
    return list(dict.fromkeys(found))


def fix(bench: Workbench, damages: Sequence[Damage]) -> Fixed:
    """Deletes what is damaged with all that was derived from it, and performs what was complete before.

    Experiments that were not complete are left to be resumed. Raises ``RecordError`` for a damaged file and
    ``RecordBusy`` while one of the experiments is being performed.
    """
    if any(damage.kind == "file" for damage in damages):
        raise RecordError(
            f"{bench.record.location} itself is damaged, which deleting rows does not mend",
            hint="salvage what can be read into a new database: panic-tda doctor --recover OUT.sqlite",
        )
    _refuse_while_busy(bench.record)
    with bench.record.reading() as connection:
        complete = sa.select(experiments.c.id).where(experiments.c.status.in_(("completed", "failed")))
        whole = set(connection.execute(complete).scalars())
    with bench.record.writing() as connection:
        touched = mend(connection, damages)
    again = sorted(touched & whole)
    if again:
        perform(bench, again)
    left = examine(bench)
    return Fixed(len(damages) - len(left), left, sorted(touched - whole))


def _refuse_while_busy(record: Record) -> None:
    with record.reading() as connection:
        for row in connection.execute(sa.select(experiments)):
            try:
                refuse_if_busy(row)
            except RecordBusy as fault:
                raise RecordBusy(fault.message, hint="the doctor fixes a record that nobody works on") from fault


def _signature_of(model: str) -> Signature | None:
    """None for a model that is not in the catalogue any more, as imported records have."""
    spec = catalogue().get(model)
    return spec.signature if spec else None


def _contents(bench: Workbench, connection: Connection, scope: Scope) -> Iterator[Damage]:
    number = count_contents(connection, scope)
    pace = Pace("contents", done=0, remaining={"contents": number}, report=bench.report)
    for done, damage in enumerate(contents(connection, scope), 1):
        if damage is not None:
            yield damage
        pace.advance("contents", 1, 0.0)
        if done % 500 == 0 or done == number:
            pace.tell()


def _expected(connection: Connection) -> dict[str, Expected]:
    """What vectors must be, for the versions of embedders that this code can make itself."""
    known = catalogue()
    expected = {}
    for row in connection.execute(sa.select(model_versions)):
        spec = known.get(row.name)
        if spec is not None and spec.version == row.version and spec.dims:
            expected[row.id] = Expected(spec.dims, normalised=True)
    return expected


def _of_the_plan(record: Record, key: str, *, completed: bool) -> list[Damage]:
    """What a completed experiment's configuration asks for and its record does not hold."""
    try:
        _, experiment = load(record, key)
    except PanicError:
        return []  # historical models, or a prompt that is damaged, which has been found already
    if not completed:
        return []
    with record.reading() as connection:
        return [*missing_runs(connection, key, _planned(experiment)), *_missing(connection, key, experiment)]


def _planned(experiment: Experiment) -> list[tuple[str, str, int, int]]:
    planned = [*experiment.planned_runs(), *(each.run for each in experiment.planned_twins())]
    return [(run.network_id, run.prompt_id, run.seed, run.run_number) for run in planned]


def _missing(connection: Connection, key: str, experiment: Experiment) -> Iterator[Damage]:
    for spec in experiment.embedders:
        yield from missing_vectors(connection, key, spec.name, spec.signature.input.value)
        if experiment.config.diagrams is not None:
            yield from missing_diagrams(connection, key, spec.name)
