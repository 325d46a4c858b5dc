"""A record without its ids and timestamps: what must be equal when the same experiment is performed twice."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from panic_tda.store.database import Record
from panic_tda.store.tables import (
    clustering_results,
    embedding_clusters,
    embeddings,
    failures,
    invocations,
    lyapunov_results,
    model_versions,
    outputs,
    persistence_diagrams,
    runs,
    twins,
)

Canonical = dict[str, list[tuple[Any, ...]]]


def canonical(record: Record, experiment_id: str) -> Canonical:
    """Every table as sorted rows of content, bit for bit: chaining, vectors, twins and all that was computed from them.

    Of the clusterings those are told that are of this experiment alone.
    """
    identity = (runs.c.network_id, runs.c.prompt_id, runs.c.seed, runs.c.run_number)
    mine = runs.c.experiment_id == experiment_id
    version = (model_versions.c.name, model_versions.c.version)
    invocation = (
        *(invocations.c[name] for name in ("sequence_number", "input_id", "output_id", "seed")),
        *version,
    )
    output = tuple(outputs.c[name] for name in ("id", "kind", "text", "data", "mode", "width", "height", "degenerate"))
    diagram = tuple(
        persistence_diagrams.c[name]
        for name in ("run_length", "max_dim", "points", "distinct_points", "unmeasured", "data", "entropy", "absence")
    )
    of_this_time = {"id", "experiment_id", "model_version_id", "seconds", "created_at"}
    exponent = tuple(column for column in lyapunov_results.columns if column.name not in of_this_time)
    layer = tuple(clustering_results.c[name] for name in ("algorithm", "layer", "parameters", "persistence", "library"))
    member = tuple(embedding_clusters.c[name] for name in ("output_id", "cluster", "medoid_output_id"))
    ends = tuple(runs.c[name] for name in ("max_length", "length", "stop_reason", "period"))
    base = runs.alias("base")
    identity_of_base = (base.c.prompt_id, base.c.seed, base.c.run_number)
    made = sa.select(invocations.c.output_id).join(runs, runs.c.id == invocations.c.run_id).where(mine)
    queries = {
        "runs": sa.select(*identity, *ends).where(mine),
        "twins": sa.select(*identity, *identity_of_base, twins.c.perturbation)
        .join(twins, twins.c.run_id == runs.c.id)
        .join(base, base.c.id == twins.c.twin_of)
        .where(mine),
        "invocations": sa.select(*identity, *invocation)
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(model_versions, model_versions.c.id == invocations.c.model_version_id)
        .where(mine),
        "outputs": sa.select(*output).where(outputs.c.id.in_(made)),
        "embeddings": sa.select(embeddings.c.output_id, *version, sa.type_coerce(embeddings.c.vector, sa.LargeBinary))
        .join(model_versions, model_versions.c.id == embeddings.c.model_version_id)
        .where(embeddings.c.output_id.in_(made)),
        "persistence_diagrams": sa.select(*identity, *version, *diagram)
        .join(runs, runs.c.id == persistence_diagrams.c.run_id)
        .join(model_versions, model_versions.c.id == persistence_diagrams.c.model_version_id)
        .where(mine),
        "lyapunov_results": sa.select(*version, *exponent)
        .join(model_versions, model_versions.c.id == lyapunov_results.c.model_version_id)
        .where(lyapunov_results.c.experiment_id == experiment_id),
        "clusterings": sa.select(*version, *layer, *member)
        .select_from(clustering_results)
        .join(model_versions, model_versions.c.id == clustering_results.c.model_version_id)
        .join(embedding_clusters, embedding_clusters.c.clustering_result_id == clustering_results.c.id)
        .where(clustering_results.c.experiment_id == experiment_id),
        "failures": sa.select(
            *identity, failures.c.stage, failures.c.model, failures.c.sequence_number, failures.c.error
        )
        .join(runs, runs.c.id == failures.c.run_id)
        .where(failures.c.experiment_id == experiment_id),
    }
    with record.reading() as connection:
        return {name: sorted(map(_plain, connection.execute(query)), key=repr) for name, query in queries.items()}


def _plain(row: Any) -> tuple[Any, ...]:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
