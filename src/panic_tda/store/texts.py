"""The texts that runs made, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.tables import invocations, outputs, runs, twins

_ROWS_AT_ONCE = 5_000


def texts_of_runs(connection: Connection, experiment_ids: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each run's name and its texts in the order of its steps; twins and runs without a text are left out.

    The name is made of network, prompt, seed and run number, and so is the same in every database.
    """
    query = (
        sa.select(runs.c.network_id, runs.c.prompt_id, runs.c.seed, runs.c.run_number, outputs.c.text)
        .join_from(runs, invocations, invocations.c.run_id == runs.c.id)
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .where(runs.c.experiment_id.in_(experiment_ids), outputs.c.kind == "text")
        .where(runs.c.id.not_in(sa.select(twins.c.run_id)))
        .order_by(*runs.c["network_id", "prompt_id", "seed", "run_number", "id"], invocations.c.sequence_number)
    )
    rows = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
    for (network, prompt, seed, number), texts in groupby(rows, key=lambda row: tuple(row[:4])):
        yield f"run/{network[:12]}/{prompt[:12]}/{seed}/{number}", [row.text for row in texts]
