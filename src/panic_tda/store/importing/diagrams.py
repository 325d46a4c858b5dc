"""The persistence diagrams of a run, kept as the earlier implementation computed them."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any, NamedTuple

import sqlalchemy as sa

from panic_tda.store.importing import values
from panic_tda.store.importing.identifiers import identifier
from panic_tda.store.importing.source import Row
from panic_tda.store.importing.steps import Place, Steps
from panic_tda.store.importing.tally import Refusal
from panic_tda.store.importing.times import moment_if_any
from panic_tda.store.importing.vectors import Sizes
from panic_tda.store.importing.work import Work
from panic_tda.store.tables import embeddings, invocations, outputs, persistence_diagrams
from panic_tda.store.topology import encode_bars

_TABLE = "persistence_diagrams"
_AT_ONCE = 1_000


class Measured(NamedTuple):
    """Invocations of the kinds an embedder measured: those with a vector, their distinct vectors, those without."""

    points: int
    distinct: int
    unmeasured: int


def import_diagrams(work: Work, place: Place, steps: Steps, sizes: Sizes) -> None:
    """Imports the diagrams of a run; those of a run that has grown take the place of what was there."""
    if steps.grew:
        mine = persistence_diagrams.c.run_id == place.run.id
        work.connection.execute(sa.delete(persistence_diagrams).where(mine))
    for row in work.source.rows_with(_TABLE, "run_id", [place.run.id]):
        try:
            _import_one(work, place, steps, sizes, row)
        except Refusal as reason:
            work.tally.refuse(_TABLE, row["id"], reason)


def _import_one(work: Work, place: Place, steps: Steps, sizes: Sizes, row: Row) -> None:
    key = identifier(row["id"], work.source.era.id_form)
    embedder = values.name(row["embedding_model"], "its embedding_model")
    if steps.cut:
        raise Refusal(f"it is of all steps of run {place.run.id}, of which some were refused")
    version_id, _ = work.version(embedder, sizes.get(embedder))
    table = persistence_diagrams
    same = sa.and_(table.c.run_id == place.run.id, table.c.model_version_id == version_id)
    there = work.connection.execute(sa.select(table.c.id).where(same)).scalar_one_or_none()
    if there == key:
        work.tally.present(_TABLE)
        return
    if there is not None:
        raise Refusal(f"its run has another diagram of {embedder}, {there}")
    if work.taken(table, [key]):
        raise Refusal("the record has another diagram of that id")
    work.connection.execute(sa.insert(table), _row(work, place, steps, row, key, version_id))
    work.tally.imported(_TABLE)


def _row(work: Work, place: Place, steps: Steps, row: Row, key: str, version_id: str) -> dict[str, Any]:
    data = work.source.era.decode_diagram(row["diagram_data"])
    started = moment_if_any(row["started_at"], work.zone, "its start")
    completed = moment_if_any(row["completed_at"], work.zone, "its end") or started or place.created_at
    measured = _measured(work, place.run.id, version_id)
    points = measured.points or len(data.bars[0])
    entropies = [work.options.entropies(bars) for bars in data.bars]
    return {
        "id": key,
        "run_id": place.run.id,
        "model_version_id": version_id,
        "run_length": len(steps.outputs),
        "max_dim": len(data.bars) - 1,
        "points": points,
        "distinct_points": measured.distinct or points,
        "unmeasured": measured.unmeasured,
        "covering_radius": 0.0,
        "entropy": data.entropy or [plain for plain, _ in entropies],
        "normalised_entropy": [normalised for _, normalised in entropies],
        "data": encode_bars(data.bars),
        "engine": f"imported from {work.source.era.title}",
        "absence": None,
        "seconds": max(0.0, (completed - started).total_seconds()) if started else 0.0,
        "created_at": completed,
    }


def _measured(work: Work, run_id: str, version_id: str) -> Measured:
    """How much of a run an embedder measured."""
    mine = sa.and_(embeddings.c.output_id == outputs.c.id, embeddings.c.model_version_id == version_id)
    made = invocations.join(outputs, outputs.c.id == invocations.c.output_id).outerjoin(embeddings, mine)
    data = sa.type_coerce(embeddings.c.vector, sa.LargeBinary).label("data")
    query = sa.select(outputs.c.kind, data).select_from(made).where(invocations.c.run_id == run_id)
    points: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    distinct: set[bytes] = set()
    for row in work.connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        if row.data is None:
            missing[row.kind] += 1
        else:
            points[row.kind] += 1
            distinct.add(hashlib.sha256(row.data).digest())
    return Measured(points.total(), len(distinct), sum(missing[kind] for kind in points))
