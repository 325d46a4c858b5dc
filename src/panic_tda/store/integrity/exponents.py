"""Lyapunov results that are missing, or do not agree with the runs they were computed from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import comb, isfinite
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.signature import Signature
from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.model_versions import HISTORICAL
from panic_tda.store.tables import (
    embeddings,
    experiments,
    failures,
    invocations,
    lyapunov_results,
    model_versions,
    outputs,
    runs,
    twins,
)

_TABLE = "lyapunov_results"
_INTERVALS = (("exponent", "exponent_low", "exponent_high"), ("early_exponent", "early_low", "early_high"))
_NUMBERS = (*_INTERVALS[0], *_INTERVALS[1], "standard_error", "r_squared", "early_r_squared")
_CURVES = ("divergence_curve", "log_divergence_curve")


class _Group(NamedTuple):
    """The runs of a group, twins apart, with their invocations by the kind of what they made."""

    runs: int
    invocations: int
    by_kind: Mapping[str, int]


def exponents(
    connection: Connection, scope: Scope, signature_of: Callable[[str], Signature | None]
) -> Iterator[Damage]:
    """What is wrong with each stored result.

    Its group must exist, its numbers must be numbers, its interval must hold its estimate and its curves must be as
    long as it says. In an experiment that is completed it was computed from the runs, steps and vectors there are.
    """
    table = lyapunov_results
    query = (
        sa.select(table, experiments.c.status, model_versions.c.name, model_versions.c.family)
        .join(experiments, experiments.c.id == table.c.experiment_id)
        .outerjoin(model_versions, model_versions.c.id == table.c.model_version_id)
        .where(scope.experiments())
        .order_by(table.c.id)
    )
    groups: dict[str, dict[tuple[str, str], _Group]] = {}
    for row in connection.execute(query).all():
        if row.experiment_id not in groups:
            groups[row.experiment_id] = _groups(connection, row.experiment_id)
        group = groups[row.experiment_id].get((row.network_id, row.prompt_id))
        fault = _fault(row, group)
        if fault is None and group is not None and row.status == "completed":
            signature = signature_of(row.name) if row.name and row.family != HISTORICAL else None
            kind = signature.input.value if signature else None
            fault = _stale(row, group, kind, _measured(connection, row) if row.unmeasured else 0)
        if fault:
            words = f"result of network {row.network_id[:12]} and prompt {row.prompt_id[:12]}: {fault[1]}"
            yield Damage(fault[0], _TABLE, row.id, words, experiment_id=row.experiment_id, key=(row.id,))


def missing_exponents(connection: Connection, experiment_id: str, embedder: str, version: str) -> Iterator[Damage]:
    """Groups of runs that have neither a result under this version of an embedder nor a recorded failure."""
    table = lyapunov_results
    of_version = sa.select(model_versions.c.id).where(
        model_versions.c.name == embedder, model_versions.c.version == version
    )
    there = sa.select(table.c.network_id, table.c.prompt_id).where(
        table.c.experiment_id == experiment_id, table.c.model_version_id.in_(of_version)
    )
    failed = (
        sa.select(runs.c.network_id, runs.c.prompt_id)
        .join(failures, failures.c.run_id == runs.c.id)
        .where(runs.c.experiment_id == experiment_id, failures.c.stage == "lyapunov", failures.c.model == embedder)
    )
    settled = {tuple(row) for query in (there, failed) for row in connection.execute(query)}
    for network_id, prompt_id in sorted(_groups(connection, experiment_id).keys() - settled):
        name = f"{network_id}/{prompt_id}/{embedder}"
        detail = f"network {network_id[:12]} and prompt {prompt_id[:12]} have no result under {embedder}"
        yield Damage("missing", _TABLE, name, detail, experiment_id=experiment_id)


def _groups(connection: Connection, experiment_id: str) -> dict[tuple[str, str], _Group]:
    mine = sa.and_(runs.c.experiment_id == experiment_id, ~sa.exists().where(twins.c.run_id == runs.c.id))
    group = (runs.c.network_id, runs.c.prompt_id)
    counted = sa.select(*group, sa.func.count(), sa.func.sum(runs.c.length)).where(mine).group_by(*group)
    kinds = (
        sa.select(*group, outputs.c.kind, sa.func.count())
        .join(invocations, invocations.c.run_id == runs.c.id)
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .where(mine)
        .group_by(*group, outputs.c.kind)
    )
    made: dict[tuple[str, str], dict[str, int]] = {}
    for network_id, prompt_id, kind, number in connection.execute(kinds):
        made.setdefault((network_id, prompt_id), {})[kind] = number
    return {
        (network_id, prompt_id): _Group(number, int(length), made.get((network_id, prompt_id), {}))
        for network_id, prompt_id, number, length in connection.execute(counted)
    }


def _measured(connection: Connection, row: Any) -> int:
    """How many invocations of the row's group made something that has a vector now."""
    query = (
        sa.select(sa.func.count())
        .select_from(runs)
        .join(invocations, invocations.c.run_id == runs.c.id)
        .join(embeddings, embeddings.c.output_id == invocations.c.output_id)
        .where(
            runs.c.experiment_id == row.experiment_id,
            runs.c.network_id == row.network_id,
            runs.c.prompt_id == row.prompt_id,
            ~sa.exists().where(twins.c.run_id == runs.c.id),
            embeddings.c.model_version_id == row.model_version_id,
        )
    )
    return int(connection.execute(query).scalar_one())


def _fault(row: Any, group: _Group | None) -> tuple[str, str] | None:
    if group is None:
        return "dangling", "there are no such runs"
    values = row._mapping
    if strange := [name for name in _CURVES if not _is_curve(values[name])]:
        return "type", f"{strange[0]} is no list of numbers"
    for name in _CURVES:
        if len(values[name]) != row.num_timesteps:
            return "length", f"{name} has {len(values[name])} steps instead of {row.num_timesteps}"
    if endless := [name for name in (*_NUMBERS, *_CURVES) if not _is_finite(values[name])]:
        return "non-finite", f"{endless[0]} holds NaN or infinity"
    return _contradiction(row)


def _is_curve(value: Any) -> bool:
    return isinstance(value, list) and all(
        each is None or (isinstance(each, (int, float)) and not isinstance(each, bool)) for each in value
    )


def _is_finite(value: Any) -> bool:
    """Whether it is a number, none, or a list of such."""
    values: Sequence[Any] = value if isinstance(value, list) else [value]
    return all(each is None or isfinite(each) for each in values)


def _contradiction(row: Any) -> tuple[str, str] | None:
    values = row._mapping
    for name, low, high in _INTERVALS:
        estimate, ends = values[name], (values[low], values[high])
        if None not in (estimate, *ends) and not ends[0] <= ends[1]:
            return "content", f"the interval of {name} ends before it begins"
    if (row.exponent is None) != (row.absence is not None):
        return "content", "it has neither an exponent nor a reason why" if row.absence is None else "it has both"
    if row.standard_error is not None and row.standard_error < 0:
        return "content", "its standard error is negative"
    if not 0 <= row.merged_pairs <= row.num_pairs <= comb(max(0, row.num_runs), 2):
        return "content", f"{row.merged_pairs} of {row.num_pairs} pairs merge, of {row.num_runs} runs"
    return None


def _stale(row: Any, group: _Group, kind: str | None, measured: int) -> tuple[str, str] | None:
    """Whether it was computed from other runs; what could not be measured then may have been measured since."""
    if (row.num_runs, row.num_invocations) != (group.runs, group.invocations):
        given = f"{row.num_runs} runs of {row.num_invocations} steps"
        return "stale", f"it was computed from {given}, there are {group.runs} of {group.invocations}"
    made = group.by_kind.get(kind, 0) if kind else row.num_points + row.unmeasured
    if min(row.num_points, row.unmeasured) < 0 or row.num_points + row.unmeasured != made:
        return "stale", f"it was computed from {row.num_points} vectors and {row.unmeasured} gaps, there are {made}"
    if row.unmeasured and row.num_points > measured:
        return "stale", f"it was computed from {row.num_points} vectors, there are {measured}"
    return None
