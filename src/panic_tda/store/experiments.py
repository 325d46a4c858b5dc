"""Experiments and their runs: creating, finding, extending, listing and deleting them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from panic_tda.errors import NotFound
from panic_tda.store.identifiers import new_id
from panic_tda.store.model_versions import is_historical
from panic_tda.store.performers import lock_experiment, refuse_if_busy, status_of
from panic_tda.store.statements import insert_new
from panic_tda.store.tables import embedding_clusters, experiments, invocations, outputs, runs, twins

_RUNS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run that must exist: its identity inside the experiment and its length."""

    network_id: str
    network: list[dict[str, Any]]
    prompt_id: str
    seed: int
    run_number: int
    max_length: int


@dataclass(frozen=True, slots=True)
class PlannedTwin:
    """A run that must exist because ``twin_of`` does: the same in all but the ``perturbation``."""

    run: PlannedRun
    twin_of: PlannedRun
    perturbation: dict[str, Any]


def create_experiment(connection: Connection, config: Mapping[str, Any], pins: Mapping[str, str]) -> str:
    """A new experiment without runs; ``pins`` maps model names to versions."""
    key = new_id()
    row = {
        "id": key,
        "status": "pending",
        "config": dict(config),
        "model_versions": dict(pins),
        "created_at": datetime.now(UTC),
    }
    connection.execute(sa.insert(experiments), row)
    return key


def update_experiment(connection: Connection, key: str, *, config: Mapping[str, Any], pins: Mapping[str, str]) -> None:
    """Replaces what an experiment asks for, and opens it again."""
    values = {"config": dict(config), "model_versions": dict(pins), "completed_at": None, "status": "pending"}
    connection.execute(sa.update(experiments).where(experiments.c.id == key).values(**values))


def ensure_runs(
    connection: Connection, key: str, planned: Iterable[PlannedRun], planned_twins: Iterable[PlannedTwin] = ()
) -> None:
    """Creates the runs that are missing and reopens those that now must be longer; the others stay as they are.

    Twins of one network that start from one prompt come together in ``planned_twins``.
    """
    longest = 0
    plan = iter(planned)
    while some := list(islice(plan, _RUNS_AT_ONCE)):
        insert_new(connection, runs, [_run_row(key, run) for run in some])
        longest = max(longest, *(run.max_length for run in some))
    for _, together in groupby(planned_twins, key=lambda twin: (_start(twin.twin_of), _start(twin.run))):
        while some_twins := list(islice(together, _RUNS_AT_ONCE)):
            _ensure_twins(connection, key, some_twins)
    mine = runs.c.experiment_id == key
    connection.execute(sa.update(runs).where(mine, runs.c.max_length < longest).values(max_length=longest))
    cut_short = sa.and_(mine, runs.c.stop_reason == "length", runs.c.length < runs.c.max_length)
    connection.execute(sa.update(runs).where(cut_short).values(stop_reason=None))


def _ensure_twins(connection: Connection, key: str, planned: Sequence[PlannedTwin]) -> None:
    """Twins of one network that start from one prompt."""
    insert_new(connection, runs, [_run_row(key, twin.run) for twin in planned])
    ids = _ids_of_runs(connection, key, planned[0].run)
    bases = _ids_of_runs(connection, key, planned[0].twin_of)
    rows = [
        {
            "run_id": ids[twin.run.seed, twin.run.run_number],
            "twin_of": bases[twin.twin_of.seed, twin.twin_of.run_number],
            "perturbation": twin.perturbation,
        }
        for twin in planned
    ]
    insert_new(connection, twins, rows)


def _start(run: PlannedRun) -> tuple[str, str]:
    return run.network_id, run.prompt_id


def _ids_of_runs(connection: Connection, key: str, like: PlannedRun) -> dict[tuple[int, int], str]:
    """The runs of one network and prompt by seed and run number."""
    mine = (runs.c.experiment_id == key, runs.c.network_id == like.network_id, runs.c.prompt_id == like.prompt_id)
    query = sa.select(runs.c.seed, runs.c.run_number, runs.c.id).where(*mine)
    return {(seed, run_number): run_id for seed, run_number, run_id in connection.execute(query)}


def _run_row(key: str, run: PlannedRun) -> dict[str, Any]:
    return {
        "id": new_id(),
        "experiment_id": key,
        "network_id": run.network_id,
        "network": run.network,
        "prompt_id": run.prompt_id,
        "seed": run.seed,
        "run_number": run.run_number,
        "max_length": run.max_length,
        "length": 0,
    }


def find_experiment(connection: Connection, name: str) -> Row[Any]:
    """The experiment of that id, unambiguous prefix, or ``latest``; raises ``NotFound``."""
    if name == "latest":
        query = sa.select(experiments).order_by(experiments.c.created_at.desc(), experiments.c.id.desc()).limit(1)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound("there is no experiment yet", hint="panic-tda experiment perform CONFIG makes one")
        return row
    return _by_prefix(connection, experiments, name, "experiment", "panic-tda experiment list")


def experiment_ids(connection: Connection, names: Iterable[str]) -> list[str]:
    """The ids of experiments named by id, prefix or ``latest``, each once; raises ``NotFound``."""
    return list(dict.fromkeys(find_experiment(connection, name).id for name in names))


def find_run(connection: Connection, name: str) -> Row[Any]:
    """The run of that id, unambiguous prefix, or ``latest``; raises ``NotFound``."""
    if name == "latest":
        newest = (experiments.c.created_at.desc(), experiments.c.id.desc(), runs.c.id.desc())
        query = sa.select(runs).join(experiments, experiments.c.id == runs.c.experiment_id).order_by(*newest).limit(1)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound("there is no run yet", hint="panic-tda experiment perform CONFIG makes some")
        return row
    return _by_prefix(connection, runs, name, "run", "panic-tda run list")


def _by_prefix(connection: Connection, table: sa.Table, name: str, noun: str, remedy: str) -> Row[Any]:
    pattern = table.c.id.startswith(name.lower(), autoescape=True)
    rows = connection.execute(sa.select(table).where(pattern).limit(2)).all() if name else []
    exact = [row for row in rows if row.id == name]
    if len(exact or rows) != 1:
        problem = f"{noun} {name!r} is ambiguous" if rows else f"there is no {noun} {name!r}"
        raise NotFound(problem, hint=f"{remedy} shows their ids")
    return (exact or rows)[0]


def list_experiments(connection: Connection) -> list[dict[str, Any]]:
    """One row for each experiment, newest first, with its numbers of runs and invocations."""
    counted = (
        sa.select(
            runs.c.experiment_id,
            sa.func.count().label("runs"),
            sa.func.sum(runs.c.length).label("invocations"),
        )
        .group_by(runs.c.experiment_id)
        .subquery()
    )
    query = (
        sa.select(experiments, counted.c.runs, counted.c.invocations)
        .outerjoin(counted, counted.c.experiment_id == experiments.c.id)
        .order_by(experiments.c.created_at.desc(), experiments.c.id.desc())
    )
    return [
        {
            "id": row.id,
            "status": status_of(connection, row),
            "created_at": row.created_at.isoformat(),
            "networks": row.config["networks"],
            "prompts": row.config["prompts"],
            "runs": int(row.runs or 0),
            "invocations": int(row.invocations or 0),
        }
        for row in connection.execute(query)
    ]


def historical_experiments(connection: Connection) -> set[str]:
    """The ids of the experiments that were imported, whose models are never executed."""
    rows = connection.execute(sa.select(experiments.c.id, experiments.c.model_versions))
    return {row.id for row in rows if any(map(is_historical, row.model_versions.values()))}


def delete_experiment(connection: Connection, key: str) -> None:
    """Deletes an experiment, all that hangs on it, and the outputs that no other experiment refers to.

    Raises ``RecordBusy`` while a living process performs it.
    """
    refuse_if_busy(connection, lock_experiment(connection, key))
    mine = sa.select(runs.c.id).where(runs.c.experiment_id == key)
    referred = sa.union(
        sa.select(invocations.c.output_id).where(invocations.c.run_id.in_(mine)),
        sa.select(runs.c.prompt_id).where(runs.c.experiment_id == key),
    )
    candidates = connection.execute(referred).scalars().all()
    connection.execute(sa.delete(experiments).where(experiments.c.id == key))
    still_used = sa.or_(
        sa.exists().where(invocations.c.output_id == outputs.c.id),
        sa.exists().where(invocations.c.input_id == outputs.c.id),
        sa.exists().where(runs.c.prompt_id == outputs.c.id),
        sa.exists().where(embedding_clusters.c.medoid_output_id == outputs.c.id),
    )
    rows = [{"key": candidate} for candidate in candidates]
    if rows:
        orphaned = sa.and_(outputs.c.id == sa.bindparam("key"), ~still_used)
        connection.execute(sa.delete(outputs).where(orphaned), rows)
