"""What the diagrams stage reads and writes: trajectories, and their persistence diagrams as ``.npz``."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.errors import RecordError
from panic_tda.signature import Kind
from panic_tda.store.identifiers import new_id
from panic_tda.store.tables import embeddings, failures, invocations, persistence_diagrams, runs
from panic_tda.store.vectors import vectors_of_run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The vectors of a run's outputs of one kind, in sequence order; ``unmeasured`` outputs have none."""

    run_id: str
    run_length: int
    points: NDArray[np.float32]
    unmeasured: int


@dataclass(frozen=True, slots=True)
class StoredDiagram:
    """A row of ``persistence_diagrams``; ``bars[k]`` is float64 of shape (n, 2)."""

    run_id: str
    model_version_id: str
    run_length: int
    max_dim: int
    points: int
    distinct_points: int
    unmeasured: int
    covering_radius: float
    engine: str
    seconds: float
    bars: tuple[NDArray[np.float64], ...]
    entropy: list[float] = field(default_factory=list)
    normalised_entropy: list[float] = field(default_factory=list)
    absence: str | None = None


def runs_without_diagram(
    connection: Connection, experiment_id: str, model_version_id: str, max_dim: int, model: str
) -> list[str]:
    """Runs whose diagram is missing, or was computed at another length, to another dimension, or with fewer vectors.

    Those that failed before are left out.
    """
    measured = (
        sa.select(sa.func.count())
        .select_from(invocations)
        .join(embeddings, embeddings.c.output_id == invocations.c.output_id)
        .where(invocations.c.run_id == runs.c.id, embeddings.c.model_version_id == model_version_id)
        .scalar_subquery()
    )
    current = sa.and_(
        persistence_diagrams.c.run_id == runs.c.id,
        persistence_diagrams.c.model_version_id == model_version_id,
        persistence_diagrams.c.run_length == runs.c.length,
        persistence_diagrams.c.max_dim == max_dim,
        sa.or_(persistence_diagrams.c.unmeasured == 0, persistence_diagrams.c.points == measured),
    )
    failed = sa.and_(failures.c.run_id == runs.c.id, failures.c.stage == "diagrams", failures.c.model == model)
    query = (
        sa.select(runs.c.id)
        .where(runs.c.experiment_id == experiment_id, ~sa.exists().where(current), ~sa.exists().where(failed))
        .order_by(runs.c.id)
    )
    return list(connection.execute(query).scalars())


def load_trajectory(connection: Connection, run_id: str, kind: Kind, model_version_id: str) -> Trajectory:
    """The trajectory of a run under one embedder."""
    import numpy as np

    vectors = vectors_of_run(connection, run_id, kind, model_version_id)
    there = [vector for vector in vectors if vector is not None]
    length = connection.execute(sa.select(runs.c.length).where(runs.c.id == run_id)).scalar_one()
    points = np.stack(there) if there else np.empty((0, 0), dtype=np.float32)
    return Trajectory(run_id, length, points, len(vectors) - len(there))


def write_diagram(connection: Connection, diagram: StoredDiagram) -> None:
    """Stores a diagram in place of the run's earlier one under the same embedder."""
    table = persistence_diagrams
    same = sa.and_(table.c.run_id == diagram.run_id, table.c.model_version_id == diagram.model_version_id)
    connection.execute(sa.delete(table).where(same))
    connection.execute(sa.insert(table), _row(diagram))


def _row(diagram: StoredDiagram) -> dict[str, Any]:
    names = [column.name for column in persistence_diagrams.columns]
    row = {name: getattr(diagram, name) for name in names if hasattr(diagram, name)}
    return row | {"id": new_id(), "data": encode_bars(diagram.bars), "created_at": datetime.now(UTC)}


def encode_bars(bars: tuple[NDArray[np.float64], ...]) -> bytes:
    """A compressed ``.npz`` with the arrays ``dgms_0`` … ``dgms_k`` and their number ``dgms_count``."""
    import numpy as np

    buffer = io.BytesIO()
    arrays = {f"dgms_{dimension}": values for dimension, values in enumerate(bars)}
    np.savez_compressed(buffer, allow_pickle=False, dgms_count=np.array([len(bars)]), **arrays)
    return buffer.getvalue()


def decode_bars(data: bytes) -> tuple[NDArray[np.float64], ...]:
    """The inverse of :func:`encode_bars`; raises ``RecordError`` for damaged bytes and for pickled objects."""
    import numpy as np

    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return tuple(archive[f"dgms_{dimension}"] for dimension in range(int(archive["dgms_count"][0])))
    except Exception as fault:  # numpy and zipfile raise almost anything on damaged bytes
        raise RecordError(f"a persistence diagram does not decode: {fault}", hint="the database is damaged") from fault
