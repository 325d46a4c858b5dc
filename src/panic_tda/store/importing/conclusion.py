"""What is said of an imported experiment when all of it is in the record: configuration, models, counters, status."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from panic_tda.models.catalogue import catalogue
from panic_tda.signature import Kind
from panic_tda.store.importing.configuration import SourceExperiment
from panic_tda.store.importing.vectors import Sizes
from panic_tda.store.importing.work import Work
from panic_tda.store.lyapunov import count_groups
from panic_tda.store.measurement import count_outputs
from panic_tda.store.progress import Count, count_runs, set_stage
from panic_tda.store.tables import (
    embeddings,
    experiments,
    invocations,
    lyapunov_results,
    model_versions,
    outputs,
    persistence_diagrams,
    runs,
)

_OPTIONAL = ("diagrams", "lyapunov")


class _Embedder(NamedTuple):
    """An embedder of the experiment: the id of its historical version."""

    name: str
    id: str
    version: str


def conclude(work: Work, experiment: SourceExperiment, sizes: Sizes, *, whole: bool) -> None:
    """Writes the configuration, the models and the counters; ``whole`` when none of it was refused."""
    embedders = [_Embedder(name, *work.version(name, sizes.get(name))) for name in _embedders(experiment, sizes)]
    counted = [_count(work, experiment.id, embedder) for embedder in embedders]
    completed = whole and experiment.completed_at is not None
    values = {
        "status": "completed" if completed else "interrupted",
        "config": _config(work, experiment, {stage: any(each[stage] for each in counted) for stage in _OPTIONAL}),
        "model_versions": _pins(work, experiment, embedders),
        "completed_at": experiment.completed_at,
    }
    work.connection.execute(sa.update(experiments).where(experiments.c.id == experiment.id).values(**values))


def _embedders(experiment: SourceExperiment, sizes: Sizes) -> list[str]:
    return list(dict.fromkeys([*experiment.embedders, *sizes]))


def _config(work: Work, experiment: SourceExperiment, stages: dict[str, bool]) -> dict[str, Any]:
    """The configuration in today's words; ``seeds`` that were repeated are runs that were numbered."""
    repeats = sa.select(sa.func.max(runs.c.run_number)).where(runs.c.experiment_id == experiment.id)
    last = work.connection.execute(repeats).scalar_one()
    return {
        "networks": [[_as_configured(node) for node in network] for network in experiment.networks],
        "prompts": experiment.prompts,
        "seeds": experiment.seeds,
        "num_runs": 1 + (last or 0),
        "embedding_models": experiment.embedders,
        "max_length": experiment.max_length,
        "stages": stages,
    }


def _as_configured(node: dict[str, Any]) -> str | dict[str, Any]:
    """A node as an experiment file says it."""
    return {"model": node["model"], **node["parameters"]} if node["parameters"] else str(node["model"])


def _pins(work: Work, experiment: SourceExperiment, embedders: list[_Embedder]) -> dict[str, str]:
    """The version of every model that the experiment asked for or that made something in it."""
    used = (
        sa.select(model_versions.c.name)
        .join(invocations, invocations.c.model_version_id == model_versions.c.id)
        .join(runs, runs.c.id == invocations.c.run_id)
        .where(runs.c.experiment_id == experiment.id)
        .distinct()
        .order_by(model_versions.c.name)
    )
    asked = [node["model"] for network in experiment.networks for node in network]
    generators = dict.fromkeys([*asked, *work.connection.execute(used).scalars()])
    pins = {name: work.version(name)[1] for name in generators}
    return pins | {embedder.name: embedder.version for embedder in embedders}


def _count(work: Work, key: str, embedder: _Embedder) -> dict[str, int]:
    """Sets the counters of an embedder; returns how much of each stage there is."""
    found = {"embed": _vectors(work, key, embedder)}
    mine = sa.and_(
        persistence_diagrams.c.model_version_id == embedder.id,
        persistence_diagrams.c.run_id.in_(sa.select(runs.c.id).where(runs.c.experiment_id == key)),
    )
    table = lyapunov_results
    exponents = sa.and_(table.c.experiment_id == key, table.c.model_version_id == embedder.id)
    found["diagrams"] = Count(_number(work, persistence_diagrams, mine), count_runs(work.connection, key))
    found["lyapunov"] = Count(_number(work, table, exponents), count_groups(work.connection, key))
    for stage, count in found.items():
        if stage == "embed" or count.done:
            set_stage(work.connection, key, stage, embedder.name, count)
    return {stage: count.done for stage, count in found.items()}


def _number(work: Work, table: sa.Table, test: sa.ColumnElement[bool]) -> int:
    return int(work.connection.execute(sa.select(sa.func.count()).select_from(table).where(test)).scalar_one())


def _vectors(work: Work, key: str, embedder: _Embedder) -> Count:
    """Distinct outputs with a vector, of those of the kinds that the embedder measures."""
    counts = [count_outputs(work.connection, key, kind, embedder.id) for kind in _kinds(work, key, embedder)]
    return Count(sum(done for done, _ in counts), sum(total for _, total in counts))


def _kinds(work: Work, key: str, embedder: _Embedder) -> list[Kind]:
    """The kinds of output of which the embedder measured any, or else those it is known to measure."""
    query = (
        sa.select(outputs.c.kind)
        .distinct()
        .join(embeddings, embeddings.c.output_id == outputs.c.id)
        .join(invocations, invocations.c.output_id == outputs.c.id)
        .join(runs, runs.c.id == invocations.c.run_id)
        .where(runs.c.experiment_id == key, embeddings.c.model_version_id == embedder.id)
    )
    if found := sorted(work.connection.execute(query).scalars()):
        return [Kind(kind) for kind in found]
    spec = catalogue().get(embedder.name)
    return [spec.signature.input if spec is not None else Kind.TEXT]
