"""Vectors that are missing, of the wrong length, or not numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.integrity.damage import Damage
from panic_tda.store.integrity.scope import Scope
from panic_tda.store.tables import embeddings, failures, invocations, model_versions, outputs, runs

_ROWS_AT_ONCE = 2_000
_NORM_TOLERANCE = 1e-3


class Expected(NamedTuple):
    """What the vectors of an embedder must be: ``dims`` long, and of length 1 if ``normalised``."""

    dims: int | None
    normalised: bool


def vectors(connection: Connection, scope: Scope, expected: Mapping[str, Expected]) -> Iterator[Damage]:
    """What is wrong with each stored vector; ``expected`` by model version id.

    Where the dims are not known, the commonest length of that version is what is expected.
    """
    import numpy as np

    lengths = _commonest_lengths(connection)
    raw = sa.type_coerce(embeddings.c.vector, sa.LargeBinary).label("data")
    query = sa.select(embeddings.c.output_id, embeddings.c.model_version_id, raw)
    query = query.where(scope.outputs(embeddings.c.output_id))
    for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
        wanted = expected.get(row.model_version_id, Expected(None, False))
        size = 4 * wanted.dims if wanted.dims else lengths.get(row.model_version_id, len(row.data))
        key = (row.output_id, row.model_version_id)
        name = "/".join(key)
        if len(row.data) != size:
            yield Damage("length", "embeddings", name, f"{len(row.data)} bytes instead of {size}", key=key)
            continue
        values = np.frombuffer(row.data, "<f4")
        if not np.isfinite(values).all():
            yield Damage("non-finite", "embeddings", name, "the vector holds NaN or infinity", key=key)
        elif not values.any() or (wanted.normalised and abs(float(values @ values) - 1.0) > _NORM_TOLERANCE):
            yield Damage("content", "embeddings", name, "the vector is not of length 1", key=key)


def missing_vectors(connection: Connection, experiment_id: str, embedder: str, kind: str) -> Iterator[Damage]:
    """Outputs of a kind that an experiment made and that have neither a vector nor a recorded failure."""
    versions = sa.select(model_versions.c.id).where(model_versions.c.name == embedder)
    made = (
        sa.select(invocations.c.output_id)
        .distinct()
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .where(runs.c.experiment_id == experiment_id, outputs.c.kind == kind)
        .order_by(invocations.c.output_id)
    )
    measured = sa.select(embeddings.c.output_id).where(embeddings.c.model_version_id.in_(versions))
    failed = sa.select(failures.c.output_id).where(
        failures.c.experiment_id == experiment_id, failures.c.model == embedder, failures.c.output_id.is_not(None)
    )
    for output_id in connection.execute(
        made.where(invocations.c.output_id.not_in(measured), invocations.c.output_id.not_in(failed))
    ).scalars():
        detail = f"output {output_id} has no vector of {embedder}"
        yield Damage("missing", "embeddings", f"{output_id}/{embedder}", detail, experiment_id=experiment_id)


def _commonest_lengths(connection: Connection) -> dict[str, int]:
    """Bytes of most vectors of each model version."""
    size = sa.func.length(sa.type_coerce(embeddings.c.vector, sa.LargeBinary))
    query = sa.select(embeddings.c.model_version_id, size, sa.func.count()).group_by(
        embeddings.c.model_version_id, size
    )
    rows = sorted(connection.execute(query).all(), key=lambda row: row[2])
    return {version: length for version, length, _ in rows}
