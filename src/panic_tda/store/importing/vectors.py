"""The vectors of a run's outputs: one for each content and embedder, with the bytes they had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from panic_tda.store.importing import values
from panic_tda.store.importing.identifiers import identifier
from panic_tda.store.importing.source import Row
from panic_tda.store.importing.steps import Place, Steps
from panic_tda.store.importing.tally import Refusal
from panic_tda.store.importing.times import moment_if_any
from panic_tda.store.importing.vector_data import vector_bytes
from panic_tda.store.importing.work import Work
from panic_tda.store.statements import insert_new
from panic_tda.store.tables import embeddings

_TABLE = "embeddings"
_AT_ONCE = 256
_RUNS_SAMPLED = 16
_STEPS_SAMPLED = 64

Sizes = dict[str, int]
"""For each embedder of an experiment the bytes of a vector."""


class _Found(NamedTuple):
    """A vector to store."""

    id: str
    output_id: str
    version_id: str
    data: bytes
    created_at: datetime


def common_sizes(work: Work, run_ids: Sequence[str]) -> Sizes:
    """What most vectors of each embedder have, in a sample spread over some runs."""
    counted: dict[str, dict[int, int]] = {}
    step = max(1, len(run_ids) // _RUNS_SAMPLED)
    for run_id in run_ids[::step]:
        rows = work.source.rows_with("invocations", "run_id", [run_id], ("id",))
        keys = [row["id"] for row in rows if isinstance(row["id"], str)]
        spread = keys[:: max(1, len(keys) // _STEPS_SAMPLED)]
        for embedder, size, number in work.source.sizes(_TABLE, "vector", "embedding_model", "invocation_id", spread):
            if isinstance(embedder, str) and size and size % 4 == 0:
                sizes = counted.setdefault(embedder, {})
                sizes[size] = sizes.get(size, 0) + number
    return {embedder: max(sizes, key=lambda each: (sizes[each], each)) for embedder, sizes in counted.items()}


def import_vectors(work: Work, place: Place, steps: Steps, sizes: Sizes) -> None:
    """Imports the vectors of what a run made."""
    pending: list[_Found] = []
    for row in work.source.rows_with(_TABLE, "invocation_id", [*steps.outputs, *steps.lost]):
        try:
            pending.append(_found(work, place, row, steps, sizes))
        except Refusal as reason:
            work.tally.refuse(_TABLE, row["id"], reason)
        if len(pending) == _AT_ONCE:
            _write(work, pending)
            pending = []
    _write(work, pending)


def _found(work: Work, place: Place, row: Row, steps: Steps, sizes: Sizes) -> _Found:
    key = identifier(row["id"], work.source.era.id_form)
    output_id = steps.outputs.get(row["invocation_id"])
    if output_id is None:
        raise Refusal(f"its invocation {row['invocation_id']} was refused")
    embedder = values.name(row["embedding_model"], "its embedding_model")
    size = sizes.get(embedder) or len(row["vector"] or b"")
    data = vector_bytes(row["vector"], size if size % 4 == 0 else 4)
    sizes.setdefault(embedder, size)
    created = moment_if_any(row["completed_at"] or row["started_at"], work.zone, "its time")
    return _Found(key, output_id, work.version(embedder, size)[0], data, created or place.created_at)


def _write(work: Work, pending: Sequence[_Found]) -> None:
    known = _recorded(work, pending)
    new: dict[tuple[str, str], _Found] = {}
    for each in pending:
        place = (each.output_id, each.version_id)
        there = known.get(place)
        if there is None and place in new:
            there = new[place].data
        if there is None:
            new[place] = each
        elif there == each.data:
            work.tally.present(_TABLE)
        else:
            work.tally.refuse(_TABLE, each.id, f"output {each.output_id} has another vector of that embedder already")
    insert_new(work.connection, embeddings, list(_rows(new)))
    work.tally.imported(_TABLE, len(new))


def _recorded(work: Work, pending: Sequence[_Found]) -> dict[tuple[str, str], bytes]:
    """The vectors that the record holds of these contents."""
    data = sa.type_coerce(embeddings.c.vector, sa.LargeBinary).label("data")
    query = sa.select(embeddings.c.output_id, embeddings.c.model_version_id, data).where(
        embeddings.c.output_id.in_({each.output_id for each in pending}),
        embeddings.c.model_version_id.in_({each.version_id for each in pending}),
    )
    return {(row.output_id, row.model_version_id): bytes(row.data) for row in work.connection.execute(query)}


def _rows(new: Mapping[tuple[str, str], _Found]) -> Iterator[dict[str, Any]]:
    import numpy as np

    for (output_id, version_id), each in new.items():
        place = {"output_id": output_id, "model_version_id": version_id}
        yield place | {"vector": np.frombuffer(each.data, "<f4"), "created_at": each.created_at}
