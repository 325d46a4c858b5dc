"""What the lyapunov stage reads and writes: groups of runs that differ in their seed alone, and their exponents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.signature import Kind
from panic_tda.store.identifiers import new_id
from panic_tda.store.tables import embeddings, failures, invocations, lyapunov_results, runs, twins
from panic_tda.store.vectors import vectors_of_run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RunGroup:
    """The runs of an experiment with one network and one prompt; twins are left out."""

    experiment_id: str
    network_id: str
    prompt_id: str


@dataclass(frozen=True, slots=True)
class GroupTrajectories:
    """The vectors of each run of a group, one array (T_i, d) for each, in sequence order.

    Row t is the t-th output of the embedder's kind in every run: a run ends before its first output without a vector.
    ``num_invocations``, ``num_points`` and ``unmeasured`` count the invocations of all runs, and their outputs of the
    kind with and without a vector.
    """

    group: RunGroup
    first_run_id: str
    points: tuple[NDArray[np.float32], ...]
    num_invocations: int
    num_points: int
    unmeasured: int


@dataclass(frozen=True, slots=True)
class StoredLyapunov:
    """A row of ``lyapunov_results``; numbers that are not known are NaN, and become null."""

    group: RunGroup
    model_version_id: str
    exponent: float
    exponent_low: float
    exponent_high: float
    standard_error: float
    r_squared: float
    early_exponent: float
    early_low: float
    early_high: float
    early_r_squared: float
    saturation_step: int | None
    divergence_curve: list[float]
    log_divergence_curve: list[float]
    num_pairs: int
    merged_pairs: int
    num_timesteps: int
    num_runs: int
    num_invocations: int
    num_points: int
    unmeasured: int
    cautions: list[str]
    absence: str | None
    seconds: float


def count_groups(connection: Connection, experiment_id: str) -> int:
    """Number of groups."""
    query = sa.select(sa.func.count()).select_from(_groups(experiment_id).subquery())
    return int(connection.execute(query).scalar_one())


def groups_without_lyapunov(
    connection: Connection, experiment_id: str, model_version_id: str, model: str
) -> list[RunGroup]:
    """Groups whose result is missing, or was computed from fewer runs, steps or vectors than there are.

    Those of which a run failed in this stage before are left out.
    """
    group = _groups(experiment_id).subquery()
    measured = (
        sa.select(sa.func.count())
        .select_from(
            runs.join(invocations, invocations.c.run_id == runs.c.id).join(
                embeddings, embeddings.c.output_id == invocations.c.output_id
            )
        )
        .where(_of(group, experiment_id), embeddings.c.model_version_id == model_version_id)
        .scalar_subquery()
    )
    table = lyapunov_results
    current = sa.and_(
        table.c.experiment_id == experiment_id,
        table.c.network_id == group.c.network_id,
        table.c.prompt_id == group.c.prompt_id,
        table.c.model_version_id == model_version_id,
        table.c.num_runs == group.c.num_runs,
        table.c.num_invocations == group.c.num_invocations,
        sa.or_(table.c.unmeasured == 0, table.c.num_points == measured),
    )
    failed = sa.and_(
        failures.c.run_id == runs.c.id,
        failures.c.stage == "lyapunov",
        failures.c.model == model,
        _of(group, experiment_id),
    )
    query = (
        sa.select(group.c.network_id, group.c.prompt_id)
        .where(~sa.exists().where(current), ~sa.exists().where(failed))
        .order_by(group.c.network_id, group.c.prompt_id)
    )
    return [RunGroup(experiment_id, *row) for row in connection.execute(query)]


def load_group(connection: Connection, group: RunGroup, kind: Kind, model_version_id: str) -> GroupTrajectories:
    """The trajectories of a group under one embedder, runs in the order of their ids."""
    members = connection.execute(
        sa.select(runs.c.id, runs.c.length).where(
            _originals(group.experiment_id),
            runs.c.network_id == group.network_id,
            runs.c.prompt_id == group.prompt_id,
        )
    )
    lengths = dict(sorted((run_id, int(length)) for run_id, length in members))
    vectors = {run_id: vectors_of_run(connection, run_id, kind, model_version_id) for run_id in lengths}
    known = sum(vector is not None for each in vectors.values() for vector in each)
    return GroupTrajectories(
        group=group,
        first_run_id=next(iter(lengths)),
        points=tuple(_up_to_a_gap(each) for each in vectors.values()),
        num_invocations=sum(lengths.values()),
        num_points=known,
        unmeasured=sum(map(len, vectors.values())) - known,
    )


def write_lyapunov(connection: Connection, result: StoredLyapunov) -> None:
    """Stores a result in place of the group's earlier one under the same embedder."""
    table = lyapunov_results
    identity = {
        "experiment_id": result.group.experiment_id,
        "network_id": result.group.network_id,
        "prompt_id": result.group.prompt_id,
        "model_version_id": result.model_version_id,
    }
    connection.execute(sa.delete(table).where(*(table.c[name] == value for name, value in identity.items())))
    names = [column.name for column in table.columns if hasattr(result, column.name)]
    row = {name: _known(getattr(result, name)) for name in names}
    connection.execute(sa.insert(table), row | identity | {"id": new_id(), "created_at": datetime.now(UTC)})


def _originals(experiment_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(runs.c.experiment_id == experiment_id, ~sa.exists().where(twins.c.run_id == runs.c.id))


def _groups(experiment_id: str) -> sa.Select[Any]:
    return (
        sa.select(
            runs.c.network_id,
            runs.c.prompt_id,
            sa.func.count().label("num_runs"),
            sa.func.sum(runs.c.length).label("num_invocations"),
        )
        .where(_originals(experiment_id))
        .group_by(runs.c.network_id, runs.c.prompt_id)
    )


def _of(group: sa.Subquery, experiment_id: str) -> sa.ColumnElement[bool]:
    """Whether a run belongs to the row of ``group``."""
    return sa.and_(
        _originals(experiment_id), runs.c.network_id == group.c.network_id, runs.c.prompt_id == group.c.prompt_id
    )


def _up_to_a_gap(vectors: list[NDArray[np.float32] | None]) -> NDArray[np.float32]:
    import numpy as np

    there = []
    for vector in vectors:
        if vector is None:
            break
        there.append(vector)
    return np.stack(there) if there else np.empty((0, 0), dtype=np.float32)


def _known(value: Any) -> Any:
    """NaN as null: neither SQLite's REAL nor PostgreSQL's JSON takes it."""
    if isinstance(value, list):
        return [_known(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
