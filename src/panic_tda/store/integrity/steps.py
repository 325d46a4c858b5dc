"""Runs whose steps do not follow from one another, or do not add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.signature import Signature
from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.tables import invocations, model_versions, outputs, runs, twins

FindSignature = Callable[[str], Signature | None]
_REASONS = ("length", "loop", "failed")


def steps(connection: Connection, scope: Scope, signature_of: FindSignature) -> Iterator[Damage]:
    """What is wrong with each run, at the first step where something is.

    Invocations are numbered from 0 on without a gap; each takes what the one before made (the first one the prompt),
    is of the model that stands at its place of the network, makes what that model makes (``signature_of``: None for a
    model that is not known any more), and has the run's seed unless the run is a twin or draws its seeds; the run's
    length and its reason to have stopped agree with them.
    """
    query = sa.select(runs, twins.c.perturbation, _kind_of(runs.c.prompt_id).label("prompt_kind"))
    query = query.outerjoin(twins, twins.c.run_id == runs.c.id).where(scope.runs()).order_by(runs.c.id)
    for run in connection.execute(query).all():
        yield from _run(run, _steps_of(connection, run.id), signature_of)


def _kind_of(column: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    return sa.select(outputs.c.kind).where(outputs.c.id == column).scalar_subquery()


def _steps_of(connection: Connection, run_id: str) -> Sequence[Any]:
    query = (
        sa.select(
            invocations.c.id,
            invocations.c.sequence_number,
            invocations.c.input_id,
            invocations.c.output_id,
            invocations.c.seed,
            model_versions.c.name,
            outputs.c.kind,
        )
        .outerjoin(model_versions, model_versions.c.id == invocations.c.model_version_id)
        .outerjoin(outputs, outputs.c.id == invocations.c.output_id)
        .where(invocations.c.run_id == run_id)
        .order_by(invocations.c.sequence_number, invocations.c.id)
    )
    return connection.execute(query).all()


def _run(run: Any, found: Sequence[Any], signature_of: FindSignature) -> Iterator[Damage]:
    before = run.prompt_id
    for number, step in enumerate(found):
        if step.sequence_number != number:
            gap = f"run {run.id} has no step {number}"
            yield Damage("missing", "invocations", f"{run.id}/{number}", gap, run_id=run.id, step=number)
            return
        if fault := _fault(run, step, before, signature_of):
            kind, detail = fault
            words = f"step {number} of run {run.id}: {detail}"
            yield Damage(kind, "invocations", step.id, words, run_id=run.id, step=number)
            return
        before = step.output_id
    yield from _ending(run, [(number % len(run.network), step.output_id) for number, step in enumerate(found)])


def _fault(run: Any, step: Any, before: str, signature_of: FindSignature) -> tuple[str, str] | None:
    model = run.network[step.sequence_number % len(run.network)]["model"]
    if step.input_id != before:
        return "chaining", f"its input {step.input_id[:12]} is not the output before it, {before[:12]}"
    if step.name is not None and step.name != model:
        return "type", f"it was made by {step.name}, where the network has {model}"
    signature = signature_of(model)
    if signature is not None and step.kind is not None and step.kind != signature.output.value:
        return "type", f"{model} makes {signature.output.value}s, this is of kind {step.kind}"
    wanted = _seed(run, step.sequence_number)
    if wanted is not None and step.seed != wanted:
        return "chaining", f"its seed is {step.seed}, the run's is {wanted}"
    return None


def _seed(run: Any, number: int) -> int | None:
    """The seed a step must have; None where it was drawn."""
    change: Mapping[str, Any] = run.perturbation or {}
    if change.get("kind") == "noise" and change.get("step") == number:
        return int(change["seed"])
    return int(run.seed) if run.seed >= 0 else None


def _ending(run: Any, keys: Sequence[tuple[int, str]]) -> Iterator[Damage]:
    """Whether the run's own account of itself agrees with its steps."""
    if run.length != len(keys):
        detail = f"run {run.id} says it has {run.length} steps and has {len(keys)}"
        yield Damage("length", "runs", run.id, detail, run_id=run.id, step=min(run.length, len(keys)))
    elif fault := _reason_fault(run, keys):
        last = max(0, min(len(keys), run.max_length) - 1)
        yield Damage("length", "runs", run.id, f"run {run.id}: {fault}", run_id=run.id, step=last)


def _reason_fault(run: Any, keys: Sequence[tuple[int, str]]) -> str | None:
    reason, period = run.stop_reason, run.period
    if reason is not None and reason not in _REASONS:
        return f"it stopped for {reason!r}, which is no reason"
    if reason == "length" and len(keys) != run.max_length:
        return f"it stopped at its full length of {run.max_length} with {len(keys)} steps"
    if reason == "loop" and not (period and 0 < period < len(keys) and keys[-1] == keys[-1 - period]):
        return f"it stopped for a loop of period {period}, and its last output is not one of {period} steps before"
    if reason is None and len(keys) >= run.max_length:
        return "it has all its steps and has not stopped"
    return None
