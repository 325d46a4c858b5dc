"""Runs chosen by name, and their steps moment by moment: what films and timelines are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.errors import NotFound
from panic_tda.store.database import Record
from panic_tda.store.experiments import find_experiment, find_run
from panic_tda.store.frames import INVOCATIONS, runs_frame, schema
from panic_tda.store.tables import invocations, model_versions, outputs, runs, twins

if TYPE_CHECKING:
    import polars as pl

_ROWS_AT_ONCE = 4_096
_FIRST_STEPS, _SOME_IMAGES = 8, 32


class Choice(NamedTuple):
    """All runs of some experiments, and some runs by themselves; full ids.

    Twins repeat other runs: of experiments they are left out unless ``twins``.
    """

    experiment_ids: tuple[str, ...]
    run_ids: tuple[str, ...] = ()
    twins: bool = False


class Made(NamedTuple):
    """What a run made in one step; ``text`` is None for an image."""

    run_id: str
    sequence_number: int
    model: str
    type: str
    text: str | None
    sha256: str


class Moment(NamedTuple):
    """What all runs made in the step of one number, in the order of the runs' ids."""

    sequence_number: int
    made: list[Made]


def chosen_runs(connection: Connection, names: Sequence[str], *, twins: bool = False) -> Choice:
    """The experiments or else the runs of these ids or prefixes; ``latest`` is the latest experiment.

    A twin that is named itself is chosen in any case, those of experiments with ``twins``. Raises ``NotFound``.
    """
    experiment_ids: dict[str, None] = {}
    run_ids: dict[str, None] = {}
    for name in names:
        try:
            experiment_ids[find_experiment(connection, name).id] = None
        except NotFound as no_experiment:
            run_ids[_run_id(connection, name, no_experiment)] = None
    return Choice(tuple(experiment_ids), tuple(run_ids), twins)


def _run_id(connection: Connection, name: str, no_experiment: NotFound) -> str:
    if name == "latest" or "ambiguous" in no_experiment.message:
        raise no_experiment
    try:
        return str(find_run(connection, name).id)
    except NotFound as no_run:
        if "ambiguous" in no_run.message:
            raise
        hint = "panic-tda experiment list and panic-tda run list show their ids"
        raise NotFound(f"there is no experiment and no run {name!r}", hint=hint) from None


def chosen_runs_frame(record: Record, choice: Choice) -> pl.DataFrame:
    """The rows of :func:`~panic_tda.store.frames.runs_frame` that were chosen."""
    import polars as pl

    query = sa.select(runs.c.experiment_id).where(runs.c.id.in_(choice.run_ids)).distinct()
    with record.reading() as connection:
        around = connection.execute(query).scalars().all()
    found = runs_frame(record, sorted({*choice.experiment_ids, *around}))
    whole = pl.col("experiment_id").is_in(choice.experiment_ids)
    if not choice.twins:
        whole &= pl.col("twin_of").is_null()
    return found.filter(whole | pl.col("run_id").is_in(choice.run_ids))


def steps_frame(record: Record, choice: Choice) -> pl.DataFrame:
    """Columns run_id, sequence_number, position, model, type, text, sha256, degenerate, synthetic; in run and
    sequence order: what :func:`~panic_tda.answers.trajectory.trajectories` needs."""
    import polars as pl

    query = _made(choice).add_columns(runs.c.network, outputs.c.degenerate, model_versions.c.synthetic)
    with record.reading() as connection:
        found = connection.execute(query.order_by(invocations.c.run_id, invocations.c.sequence_number))
        rows = [(*row[:6], row.sequence_number % len(row.network), row.degenerate, row.synthetic) for row in found]
    columns = {name: INVOCATIONS[name] for name in (*Made._fields, "position", "degenerate", "synthetic")}
    return pl.DataFrame(rows, schema=schema(columns), orient="row")


def moments(record: Record, choice: Choice, length: int, *, runs_at_once: int = 1) -> Iterator[Moment]:
    """The steps 0 to ``length`` − 1 of runs of which about ``runs_at_once`` make each; a moment may be empty.

    Read in pieces of some thousand rows, each in a transaction of its own, so that neither memory nor the wait of
    others grows with the length.
    """
    numbers_at_once = max(1, _ROWS_AT_ONCE // max(1, runs_at_once))
    for first in range(0, length, numbers_at_once):
        last = min(length, first + numbers_at_once) - 1
        query = _made(choice).where(invocations.c.sequence_number.between(first, last))
        with record.reading() as connection:
            found = connection.execute(query.order_by(invocations.c.sequence_number, invocations.c.run_id))
            made = [Made(*row) for row in found]
        together = {number: list(some) for number, some in groupby(made, key=lambda each: each.sequence_number)}
        yield from (Moment(number, together.get(number, [])) for number in range(first, last + 1))


def aspect_of_images(record: Record, choice: Choice, default: float = 1.0) -> float:
    """The median of width / height of some images from the first steps; ``default`` where there are none."""
    early = (
        sa.select(invocations.c.output_id)
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .where(_mine(choice), invocations.c.sequence_number < _FIRST_STEPS, outputs.c.kind == "image")
        .limit(_SOME_IMAGES)
    )
    query = sa.select(outputs.c.width, outputs.c.height).where(outputs.c.id.in_(early))
    with record.reading() as connection:
        ratios = sorted(width / height for width, height in connection.execute(query))
    return ratios[len(ratios) // 2] if ratios else default


def _made(choice: Choice) -> sa.Select[Any]:
    """The columns of :class:`Made`. What lies behind an image in its row, which takes reading past it, is left out."""
    return (
        sa.select(
            invocations.c.run_id,
            invocations.c.sequence_number,
            model_versions.c.name,
            outputs.c.kind,
            outputs.c.text,
            invocations.c.output_id,
        )
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(model_versions, model_versions.c.id == invocations.c.model_version_id)
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .where(_mine(choice))
    )


def _mine(choice: Choice) -> sa.ColumnElement[bool]:
    whole: list[sa.ColumnElement[bool]] = [runs.c.experiment_id.in_(choice.experiment_ids)]
    if not choice.twins:
        whole.append(~sa.exists().where(twins.c.run_id == runs.c.id))
    return sa.or_(sa.and_(*whole), runs.c.id.in_(choice.run_ids))
