"""The doctor: finds what is wrong with a record, takes it out, and lets performing make it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.analysis.clustering import Algorithm, Sizes
from panic_tda.errors import PanicError, RecordBusy, RecordError
from panic_tda.lab.cluster_outputs import ClusterRequest
from panic_tda.lab.clustering import compute_clustering
from panic_tda.lab.completeness import missing_of_the_plan
from panic_tda.lab.named_programs import remember_programs
from panic_tda.lab.perform import perform
from panic_tda.lab.progress import Pace
from panic_tda.lab.workbench import Workbench
from panic_tda.models.catalogue import catalogue, look_up
from panic_tda.signature import Signature
from panic_tda.store.clusterings import StoredClustering, stored_clusterings
from panic_tda.store.database import Record
from panic_tda.store.experiments import find_experiment, historical_experiments
from panic_tda.store.integrity.clusters import clusters
from panic_tda.store.integrity.contents import contents, count_contents
from panic_tda.store.integrity.counters import counters
from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.derived import diagrams
from panic_tda.store.integrity.exponents import exponents
from panic_tda.store.integrity.file import file_damage
from panic_tda.store.integrity.references import dangling, duplicates
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.integrity.steps import steps
from panic_tda.store.integrity.vectors import Expected, vectors
from panic_tda.store.mending import experiments_of, mend
from panic_tda.store.performers import refuse_if_busy
from panic_tda.store.tables import experiments, model_versions


class Fixed(NamedTuple):
    """What fixing did: ``fixed`` damages are gone, ``left`` are still there, ``to_resume`` were not whole before.

    ``lost`` clusterings went with what they were of, and were not computed again.
    """

    fixed: int
    left: list[Damage]
    to_resume: list[str]
    lost: list[StoredClustering]


def examine(bench: Workbench, experiment_ids: Sequence[str] | None = None) -> list[Damage]:
    """Everything that is wrong with these experiments (full ids), or with the whole record; changes nothing.

    When the file itself is damaged nothing else is looked at, since nothing that is read from it can be trusted.
    """
    if damages := file_damage(bench.record):
        return damages
    scope = Scope(experiment_ids)
    with bench.record.reading() as connection:
        remember_programs(connection)
        found = [*dangling(connection, scope), *duplicates(connection, scope)]
        found += steps(connection, scope, _signature_of)
        found += _contents(bench, connection, scope)
        found += vectors(connection, scope, _expected(connection))
        found += [*diagrams(connection, scope), *exponents(connection, scope, _signature_of)]
        found += [*clusters(connection, scope), *counters(connection, scope)]
        keys = connection.execute(sa.select(experiments.c.id).where(scope.experiments()).order_by(experiments.c.id))
        rows = [find_experiment(connection, key) for key in keys.scalars().all()]
        damaged = {key for damage in found for key in experiments_of(connection, damage)}
    for row in rows:
        if row.status == "completed":
            found += missing_of_the_plan(bench.record, row.id, otherwise_whole=row.id not in damaged)
    return list(dict.fromkeys(found))


def fix(bench: Workbench, damages: Sequence[Damage]) -> Fixed:
    """Deletes what is damaged with all that was derived from it, and performs what was complete before.

    What was imported is not performed: importing it again brings back what its source has. Clusterings that went are
    computed again. Experiments that were not complete are left to be resumed. Raises ``RecordError`` for a damaged file
    and ``RecordBusy`` while one of the experiments is being performed.
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
        historical = historical_experiments(connection)
        clustered = stored_clusterings(connection)
    with bench.record.writing() as connection:
        touched = mend(connection, damages)
    touched -= historical
    again = sorted(touched & whole)
    if again:
        perform(bench, again)
    lost = _clustered_again(bench, clustered, may=touched <= whole)
    left = examine(bench)
    return Fixed(len(damages) - len(left), left, sorted(touched - whole), lost)


def _clustered_again(bench: Workbench, before: Sequence[StoredClustering], *, may: bool) -> list[StoredClustering]:
    """Computes the clusterings again that are gone; returns, one layer for each, those that could not be."""
    with bench.record.reading() as connection:
        there = {each.id for each in stored_clusterings(connection)}
    gone = {each.layers[0]: each for each in before if each.id not in there}
    return [each for each in gone.values() if not (may and _computed_again(bench, each))]


def _computed_again(bench: Workbench, stored: StoredClustering) -> bool:
    if stored.algorithm not in get_args(Algorithm) or not set(Sizes._fields) <= stored.parameters.keys():
        return False
    request = ClusterRequest(
        f"{stored.embedder.name}@{stored.embedder.version}",
        stored.experiment_ids,
        stored.algorithm,  # type: ignore[arg-type]
        Sizes(*(stored.parameters[name] for name in Sizes._fields)),
        stored.parameters.get("seed", 0),
    )
    try:
        compute_clustering(bench.record, request, progress=bench.report, say=bench.warn)
    except PanicError as fault:
        bench.warn(f"clustering {stored.id} was not computed again: {fault}")
        return False
    return True


def _refuse_while_busy(record: Record) -> None:
    with record.reading() as connection:
        for row in connection.execute(sa.select(experiments)).all():
            try:
                refuse_if_busy(connection, row)
            except RecordBusy as fault:
                raise RecordBusy(fault.message, hint="the doctor fixes a record that nobody works on") from fault


def _signature_of(model: str) -> Signature | None:
    """None for a model that is not in the catalogue any more, as imported records have."""
    spec = look_up(model)
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
