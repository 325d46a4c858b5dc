"""The Lyapunov exponents of an experiment, kept as the earlier implementation computed them."""

from __future__ import annotations

from math import comb
from typing import Any, NamedTuple

import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.store.importing import values
from panic_tda.store.importing.configuration import SourceExperiment, network_key, nodes
from panic_tda.store.importing.identifiers import identifier
from panic_tda.store.importing.source import Row
from panic_tda.store.importing.tally import Refusal
from panic_tda.store.importing.times import moment_if_any
from panic_tda.store.importing.vectors import Sizes
from panic_tda.store.importing.work import Work
from panic_tda.store.tables import embeddings, experiments, invocations, lyapunov_results, outputs, runs

_TABLE = "lyapunov_results"
_CAUTION = "computed by an earlier implementation, which fitted the saturated range too"


class _Group(NamedTuple):
    """The runs of a network and a prompt: how many, their steps, and how many of those have a vector or none."""

    runs: int
    invocations: int
    points: int
    unmeasured: int


def import_lyapunov(work: Work, experiment: SourceExperiment, sizes: Sizes) -> None:
    """Imports the Lyapunov results of an experiment whose runs are in the record."""
    for row in work.source.rows_with(_TABLE, "experiment_id", [experiment.id]):
        try:
            _import_one(work, experiment, sizes, row)
        except Refusal as reason:
            work.tally.refuse(_TABLE, row["id"], reason)


def _import_one(work: Work, experiment: SourceExperiment, sizes: Sizes, row: Row) -> None:
    key = identifier(row["id"], work.source.era.id_form)
    embedder = values.name(row["embedding_model"], "its embedding_model")
    version_id, _ = work.version(embedder, sizes.get(embedder))
    identity = {
        "experiment_id": experiment.id,
        "network_id": _network(experiment, row),
        "prompt_id": _prompt(experiment, row),
        "model_version_id": version_id,
    }
    table = lyapunov_results
    same = sa.and_(*(table.c[name] == value for name, value in identity.items()))
    there = work.connection.execute(sa.select(table.c.id).where(same)).scalar_one_or_none()
    if there == key:
        work.tally.present(_TABLE)
        return
    if there is not None:
        raise Refusal(f"there is another result of the same network, prompt and embedder, {there}")
    if work.taken(table, [key]):
        raise Refusal("the record has another result of that id")
    work.connection.execute(sa.insert(table), identity | {"id": key} | _facts(work, experiment, row, identity))
    work.tally.imported(_TABLE)


def _network(experiment: SourceExperiment, row: Row) -> str:
    if row["network"] is not None:
        return network_key(nodes(values.parsed(row["network"], "its network"), "its network"))
    if len(experiment.networks) != 1:
        raise Refusal("it does not say of which network it is")
    return network_key(experiment.networks[0])


def _prompt(experiment: SourceExperiment, row: Row) -> str:
    if row["prompt"] is not None:
        return Text(values.text(row["prompt"], "its prompt")).sha256
    if len(experiment.prompts) != 1:
        raise Refusal("it does not say of which prompt it is")
    return Text(experiment.prompts[0]).sha256


def _facts(work: Work, experiment: SourceExperiment, row: Row, identity: dict[str, str]) -> dict[str, Any]:
    found = work.source.era.decode_lyapunov(row["lyapunov_data"])
    group = _group(work, identity)
    if not group.runs:
        raise Refusal("the experiment has no runs of its network and prompt")
    if found.num_pairs > comb(group.runs, 2):
        raise Refusal(f"it is of {found.num_pairs} pairs, where {group.runs} runs make {comb(group.runs, 2)}")
    steps = len(found.divergence_curve)
    created = moment_if_any(row["completed_at"] or row["started_at"], work.zone, "its time") or experiment.started_at
    if created is None:
        created = work.connection.execute(
            sa.select(experiments.c.created_at).where(experiments.c.id == experiment.id)
        ).scalar_one()
    return {
        "exponent": found.exponent,
        "r_squared": found.r_squared,
        "divergence_curve": found.divergence_curve,
        "log_divergence_curve": [None] * steps,
        "num_pairs": found.num_pairs,
        "merged_pairs": 0,
        "num_timesteps": steps,
        "num_runs": group.runs,
        "num_invocations": group.invocations,
        "num_points": group.points,
        "unmeasured": group.unmeasured,
        "cautions": [_CAUTION],
        "absence": None if found.exponent is not None else "the earlier implementation found none",
        "seconds": 0.0,
        "created_at": created,
    }


def _group(work: Work, identity: dict[str, str]) -> _Group:
    mine = sa.and_(*(runs.c[name] == identity[name] for name in ("experiment_id", "network_id", "prompt_id")))
    number, length = work.connection.execute(sa.select(sa.func.count(), sa.func.sum(runs.c.length)).where(mine)).one()
    measured = sa.and_(
        embeddings.c.output_id == outputs.c.id, embeddings.c.model_version_id == identity["model_version_id"]
    )
    query = (
        sa.select(sa.func.count(embeddings.c.output_id), sa.func.count())
        .select_from(
            runs.join(invocations, invocations.c.run_id == runs.c.id)
            .join(outputs, outputs.c.id == invocations.c.output_id)
            .outerjoin(embeddings, measured)
        )
        .where(mine)
        .group_by(outputs.c.kind)
    )
    kinds = [row for row in work.connection.execute(query) if row[0]]
    points = sum(row[0] for row in kinds)
    return _Group(number, int(length or 0), points, sum(row[1] for row in kinds) - points)
