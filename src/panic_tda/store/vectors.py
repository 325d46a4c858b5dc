"""The vectors of outputs under one embedder: of each distinct one with how often it was made, and along a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.errors import NotFound, RecordError, RequestError
from panic_tda.signature import Kind
from panic_tda.store.tables import embeddings, experiments, invocations, model_versions, outputs, runs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 5_000


class Vectors(NamedTuple):
    """One row for each output that has a vector: ``output_ids`` in order, ``points`` (n, d), ``visits`` (n,).

    ``visits`` is the number of invocations that made the output.
    """

    output_ids: list[str]
    points: NDArray[np.float32]
    visits: NDArray[np.int64]


class EmbedderVersion(NamedTuple):
    """A row of ``model_versions``."""

    id: str
    name: str
    version: str


def embedder_version(connection: Connection, embedder: str, experiment_ids: Sequence[str] = ()) -> EmbedderVersion:
    """The version of an embedder (``NAME`` or ``NAME@VERSION``) that measured outputs of these experiments, or any.

    A ``NAME`` may itself be that of a tuned version, ``MiniLMTorch@3``. An experiment's own version is the one it is
    pinned to. Raises ``NotFound`` when there is none, ``RequestError`` when there are several and none is named: their
    vectors cannot be compared.
    """
    table = model_versions
    full_name = table.c.name + "@" + table.c.version
    has_vectors = sa.exists().where(embeddings.c.model_version_id == table.c.id)
    named = sa.or_(table.c.name == embedder, full_name == embedder)
    query = sa.select(table.c.id, table.c.name, table.c.version).where(named, has_vectors)
    found = [EmbedderVersion(*row) for row in connection.execute(query.order_by(table.c.created_at))]
    if experiment_ids:
        pinned = _pinned(connection, experiment_ids)
        found = [each for each in found if (each.name, each.version) in pinned]
    if not found:
        raise NotFound(f"no output has a vector of an embedder {embedder!r}", hint=_embedders(connection))
    if len(found) > 1:
        choices = ", ".join(f"{each.name}@{each.version}" for each in found)
        raise RequestError(f"there are vectors of {len(found)} versions of {embedder}", hint=f"name one: {choices}")
    return found[0]


def _pinned(connection: Connection, experiment_ids: Sequence[str]) -> set[tuple[str, str]]:
    rows = connection.execute(sa.select(experiments.c.model_versions).where(experiments.c.id.in_(experiment_ids)))
    return {pin for pins in rows.scalars() for pin in pins.items()}


def _embedders(connection: Connection) -> str:
    configs = connection.execute(sa.select(experiments.c.config)).scalars()
    names = sorted({name for config in configs for name in config.get("embedding_models", [])})
    return f"the experiments here use {', '.join(names)}" if names else "no experiment here uses an embedder"


def load_vectors(
    connection: Connection,
    model_version_id: str,
    experiment_ids: Sequence[str] = (),
    *,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> Vectors:
    """The vectors of every output that these experiments made, or any, by output id; ``report`` gets (done, total).

    Rows are streamed into one array of n · d · 4 bytes. Raises ``RecordError`` for vectors of different lengths, and
    for one that is zero or not finite.
    """
    import numpy as np

    query = _query(model_version_id, experiment_ids)
    total = connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
    ids: list[str] = []
    points, visits = np.empty((0, 0), np.float32), np.empty(total, np.int64)
    report(0, total)
    streaming = connection.execution_options(yield_per=_ROWS_AT_ONCE)
    with closing(streaming.execute(query.order_by(embeddings.c.output_id))) as rows:
        for part in rows.partitions():
            if not ids:
                points = np.empty((total, len(part[0].data) // 4), np.float32)
            here = slice(len(ids), len(ids) + len(part))
            points[here] = _stacked(part, 4 * points.shape[1])
            visits[here] = [row.visits for row in part]
            ids += [row.output_id for row in part]
            report(len(ids), total)
    return Vectors(ids, points, visits)


def vectors_of_run(
    connection: Connection, run_id: str, kind: Kind, model_version_id: str
) -> list[NDArray[np.float32] | None]:
    """For each output of the kind in a run, in sequence order, its vector (d,), or None where it has none."""
    measured = sa.and_(
        embeddings.c.output_id == invocations.c.output_id, embeddings.c.model_version_id == model_version_id
    )
    query = (
        sa.select(embeddings.c.vector)
        .select_from(invocations.join(outputs, outputs.c.id == invocations.c.output_id).outerjoin(embeddings, measured))
        .where(invocations.c.run_id == run_id, outputs.c.kind == kind.value)
        .order_by(invocations.c.sequence_number)
    )
    return list(connection.execute(query).scalars())


def _query(model_version_id: str, experiment_ids: Sequence[str]) -> sa.Select[Any]:
    made = sa.select(invocations.c.output_id, sa.func.count().label("visits")).group_by(invocations.c.output_id)
    if experiment_ids:
        made = made.join(runs, runs.c.id == invocations.c.run_id).where(runs.c.experiment_id.in_(experiment_ids))
    times = made.subquery()
    data = sa.type_coerce(embeddings.c.vector, sa.LargeBinary).label("data")
    return (
        sa.select(embeddings.c.output_id, data, times.c.visits)
        .join(times, times.c.output_id == embeddings.c.output_id)
        .where(embeddings.c.model_version_id == model_version_id)
    )


def _stacked(rows: Sequence[Any], size: int) -> NDArray[np.float32]:
    """The vectors of rows, each of ``size`` bytes; (rows, d)."""
    import numpy as np

    for row in rows:
        if len(row.data) != size or not size or size % 4:
            raise _damaged(row.output_id, f"has {len(row.data)} bytes where others have {size}")
    points = np.frombuffer(b"".join(row.data for row in rows), "<f4").reshape(len(rows), -1)
    usable = np.isfinite(points).all(axis=1) & points.any(axis=1)
    if not usable.all():
        raise _damaged(rows[int(np.argmin(usable))].output_id, "is zero or not finite")
    return points


def _damaged(output_id: str, fault: str) -> RecordError:
    return RecordError(f"the vector of output {output_id} {fault}", hint="panic-tda doctor --fix")
