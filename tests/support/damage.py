"""Damage to plant in a record, past every rule of ours, and what the doctor is to call it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.tables import (
    embedding_clusters,
    embeddings,
    invocations,
    lyapunov_results,
    model_versions,
    outputs,
    persistence_diagrams,
    runs,
    stage_progress,
    twins,
)

Planter = Callable[[Connection], None]


def change(connection: Connection, table: sa.Table, test: Any, **values: Any) -> None:
    """Writes values past every rule of ours."""
    assert connection.execute(sa.update(table).where(test).values(**values)).rowcount == 1


def step(connection: Connection, number: int = 3, run: int = 1) -> sa.Row[Any]:
    """An invocation in the middle of a run."""
    run_id = connection.execute(sa.select(runs.c.id).order_by(runs.c.id).offset(run).limit(1)).scalar_one()
    mine = sa.and_(invocations.c.run_id == run_id, invocations.c.sequence_number == number)
    return connection.execute(sa.select(invocations).where(mine)).one()


def lose_a_step(connection: Connection) -> None:
    connection.execute(sa.delete(invocations).where(invocations.c.id == step(connection).id))


def lose_the_last_steps(connection: Connection) -> None:
    for number in (4, 5):
        connection.execute(sa.delete(invocations).where(invocations.c.id == step(connection, number).id))


def lose_a_run(connection: Connection) -> None:
    connection.execute(sa.delete(runs).where(runs.c.id == step(connection).run_id))


def lose_a_vector(connection: Connection) -> None:
    connection.execute(sa.delete(embeddings).where(embeddings.c.output_id == step(connection).output_id))


def lose_a_diagram(connection: Connection) -> None:
    found = connection.execute(sa.select(persistence_diagrams.c.id).limit(1)).scalar_one()
    connection.execute(sa.delete(persistence_diagrams).where(persistence_diagrams.c.id == found))


def break_the_chain(connection: Connection) -> None:
    other = step(connection, 1)
    change(connection, invocations, invocations.c.id == step(connection).id, input_id=other.output_id)


def put_an_image_in_a_text_slot(connection: Connection) -> None:
    """What renumbering a gap does."""
    here, other = step(connection, 5), step(connection, 4, run=3)
    change(connection, invocations, invocations.c.id == here.id, output_id=other.output_id)


def name_another_model(connection: Connection) -> None:
    other = connection.execute(sa.select(model_versions.c.id).where(model_versions.c.name == "DummyText")).scalar_one()
    change(connection, invocations, invocations.c.id == step(connection).id, model_version_id=other)


def change_a_seed(connection: Connection) -> None:
    change(connection, invocations, invocations.c.id == step(connection).id, seed=99)


def miscount_a_run(connection: Connection) -> None:
    change(connection, runs, runs.c.id == step(connection).run_id, length=4)


def forget_why_a_run_stopped(connection: Connection) -> None:
    change(connection, runs, runs.c.id == step(connection).run_id, stop_reason=None)


def claim_a_loop(connection: Connection) -> None:
    change(connection, runs, runs.c.id == step(connection).run_id, stop_reason="loop", period=2)


def alter_a_text(connection: Connection) -> None:
    change(connection, outputs, outputs.c.id == step(connection).output_id, text="something else")


def alter_an_image(connection: Connection) -> None:
    """A valid image with other pixels."""
    one, other = connection.execute(sa.select(outputs.c.id, outputs.c.data).where(outputs.c.kind == "image")).all()[:2]
    change(connection, outputs, outputs.c.id == one.id, data=other.data)


def truncate_an_image(connection: Connection) -> None:
    row = connection.execute(sa.select(outputs.c.id, outputs.c.data).where(outputs.c.kind == "image")).first()
    assert row is not None
    change(connection, outputs, outputs.c.id == row.id, data=row.data[:20])


def _vector(connection: Connection, values: Any) -> None:
    version = connection.execute(
        sa.select(embeddings.c.model_version_id).where(embeddings.c.output_id == step(connection).output_id)
    ).scalar_one()
    key = (embeddings.c.output_id == step(connection).output_id) & (embeddings.c.model_version_id == version)
    change(connection, embeddings, key, vector=np.asarray(values, dtype=np.float32))


def shorten_a_vector(connection: Connection) -> None:
    _vector(connection, np.full(256, 1 / 16))


def spoil_a_vector(connection: Connection) -> None:
    _vector(connection, np.full(768, np.nan))


def zero_a_vector(connection: Connection) -> None:
    _vector(connection, np.zeros(768))


def stretch_a_vector(connection: Connection) -> None:
    _vector(connection, np.ones(768))


def leave_a_stale_diagram(connection: Connection) -> None:
    found = connection.execute(sa.select(persistence_diagrams.c.id).limit(1)).scalar_one()
    change(connection, persistence_diagrams, persistence_diagrams.c.id == found, run_length=5)


def spoil_a_diagram(connection: Connection) -> None:
    found = connection.execute(sa.select(persistence_diagrams.c.id).limit(1)).scalar_one()
    change(connection, persistence_diagrams, persistence_diagrams.c.id == found, data=b"PK not a zip")


def a_result(connection: Connection) -> str:
    """A Lyapunov result that is a number."""
    known = sa.select(lyapunov_results.c.id).where(lyapunov_results.c.exponent.is_not(None))
    return str(connection.execute(known.order_by(lyapunov_results.c.id).limit(1)).scalar_one())


def _result(connection: Connection, **values: Any) -> None:
    change(connection, lyapunov_results, lyapunov_results.c.id == a_result(connection), **values)


def lose_an_exponent(connection: Connection) -> None:
    connection.execute(sa.delete(lyapunov_results).where(lyapunov_results.c.id == a_result(connection)))


def leave_an_exponent_of_fewer_runs(connection: Connection) -> None:
    _result(connection, num_runs=3)


def leave_an_exponent_of_fewer_steps(connection: Connection) -> None:
    _result(connection, num_invocations=10)


def miscount_the_vectors_of_an_exponent(connection: Connection) -> None:
    _result(connection, num_points=5)


def name_runs_that_never_were(connection: Connection) -> None:
    _result(connection, network_id="0" * 64)


def put_words_in_a_curve(connection: Connection) -> None:
    _result(connection, divergence_curve=["near", "far", "farther"])


def put_a_number_in_the_place_of_a_curve(connection: Connection) -> None:
    _result(connection, log_divergence_curve=3)


def shorten_a_curve(connection: Connection) -> None:
    _result(connection, divergence_curve=[0.5])


def spoil_an_exponent(connection: Connection) -> None:
    _result(connection, exponent_high=math.inf)


def spoil_a_curve(connection: Connection) -> None:
    """A number that no float can hold is infinity when it is read; PostgreSQL keeps JSON as it is written."""
    curve = connection.execute(
        sa.select(lyapunov_results.c.divergence_curve).where(lyapunov_results.c.id == a_result(connection))
    ).scalar_one()
    text = json.dumps([0.25, *curve[1:]]).replace("0.25", "1e999", 1)
    column = sa.type_coerce(sa.literal_column(f"'{text}'"), sa.JSON)
    _result(connection, divergence_curve=column)


def turn_an_interval_round(connection: Connection) -> None:
    _result(connection, early_low=0.5, early_high=-0.5)


def explain_an_exponent_away(connection: Connection) -> None:
    _result(connection, absence="there is none")


def merge_more_pairs_than_there_are(connection: Connection) -> None:
    _result(connection, merged_pairs=400)


def _counter(connection: Connection, of: str, **values: Any) -> None:
    mine = sa.and_(stage_progress.c.stage == of, stage_progress.c.model == "DummyText")
    change(connection, stage_progress, mine, **values)


def lose_a_counter(connection: Connection) -> None:
    mine = sa.and_(stage_progress.c.stage == "lyapunov", stage_progress.c.model == "DummyText")
    assert connection.execute(sa.delete(stage_progress).where(mine)).rowcount == 1


def count_too_little(connection: Connection) -> None:
    _counter(connection, "embed", done=1)


def count_more_than_there_is(connection: Connection) -> None:
    _counter(connection, "diagrams", done=10_000)


def expect_more_than_there_is(connection: Connection) -> None:
    _counter(connection, "lyapunov", done=900, total=900)


def count_below_nothing(connection: Connection) -> None:
    _counter(connection, "embed", done=-1)


def count_for_a_stage_that_never_was(connection: Connection) -> None:
    _counter(connection, "embed", stage="digest")


def forget_that_a_run_is_a_twin(connection: Connection) -> None:
    connection.execute(sa.delete(twins).where(twins.c.run_id == a_twin(connection)))


def twin_another_run(connection: Connection) -> None:
    other = step(connection, run=3).run_id
    change(connection, twins, twins.c.run_id == a_twin(connection), twin_of=other)


def perturb_in_another_way(connection: Connection) -> None:
    change(connection, twins, twins.c.run_id == a_twin(connection), perturbation={"kind": "prompt", "changes": 3})


def make_a_run_a_twin(connection: Connection) -> None:
    both = connection.execute(sa.select(runs.c.id).where(runs.c.run_number == 0).order_by(runs.c.id)).scalars().all()
    connection.execute(sa.insert(twins), {"run_id": both[0], "twin_of": both[1], "perturbation": {"kind": "noise"}})


def a_twin(connection: Connection) -> str:
    return str(connection.execute(sa.select(twins.c.run_id).order_by(twins.c.run_id).limit(1)).scalar_one())


def lose_the_members_of_a_clustering(connection: Connection) -> None:
    connection.execute(sa.delete(embedding_clusters))


def take_the_medoid_from_a_cluster(connection: Connection) -> None:
    connection.execute(sa.update(embedding_clusters).values(cluster=0, medoid_output_id=None))


def give_the_outliers_a_medoid(connection: Connection) -> None:
    one = connection.execute(sa.select(embedding_clusters.c.output_id).limit(1)).scalar_one()
    connection.execute(sa.update(embedding_clusters).values(cluster=-1, medoid_output_id=one))


def give_a_cluster_two_medoids(connection: Connection) -> None:
    both = connection.execute(sa.select(embedding_clusters.c.output_id).limit(2)).scalars().all()
    for output_id, medoid in zip(both, both, strict=True):
        mine = embedding_clusters.c.output_id == output_id
        change(connection, embedding_clusters, mine, cluster=0, medoid_output_id=medoid)


def take_the_medoid_from_elsewhere(connection: Connection) -> None:
    prompt = connection.execute(sa.select(runs.c.prompt_id).limit(1)).scalar_one()
    connection.execute(sa.update(embedding_clusters).values(cluster=0, medoid_output_id=prompt))


class Case(NamedTuple):
    """How damage is planted, what kind it is, and in which table it is found."""

    plant: Planter
    kind: str
    table: str


CASES = [
    Case(lose_a_step, "missing", "invocations"),
    Case(lose_the_last_steps, "length", "runs"),
    Case(lose_a_run, "missing", "runs"),
    Case(lose_a_vector, "missing", "embeddings"),
    Case(lose_a_diagram, "missing", "persistence_diagrams"),
    Case(break_the_chain, "chaining", "invocations"),
    Case(put_an_image_in_a_text_slot, "type", "invocations"),
    Case(name_another_model, "type", "invocations"),
    Case(change_a_seed, "chaining", "invocations"),
    Case(miscount_a_run, "length", "runs"),
    Case(forget_why_a_run_stopped, "length", "runs"),
    Case(claim_a_loop, "length", "runs"),
    Case(alter_a_text, "content", "outputs"),
    Case(alter_an_image, "content", "outputs"),
    Case(truncate_an_image, "content", "outputs"),
    Case(shorten_a_vector, "length", "embeddings"),
    Case(spoil_a_vector, "non-finite", "embeddings"),
    Case(zero_a_vector, "content", "embeddings"),
    Case(stretch_a_vector, "content", "embeddings"),
    Case(leave_a_stale_diagram, "stale", "persistence_diagrams"),
    Case(spoil_a_diagram, "content", "persistence_diagrams"),
    Case(lose_an_exponent, "missing", "lyapunov_results"),
    Case(leave_an_exponent_of_fewer_runs, "stale", "lyapunov_results"),
    Case(leave_an_exponent_of_fewer_steps, "stale", "lyapunov_results"),
    Case(miscount_the_vectors_of_an_exponent, "stale", "lyapunov_results"),
    Case(name_runs_that_never_were, "dangling", "lyapunov_results"),
    Case(put_words_in_a_curve, "type", "lyapunov_results"),
    Case(put_a_number_in_the_place_of_a_curve, "type", "lyapunov_results"),
    Case(shorten_a_curve, "length", "lyapunov_results"),
    Case(spoil_an_exponent, "non-finite", "lyapunov_results"),
    Case(spoil_a_curve, "non-finite", "lyapunov_results"),
    Case(turn_an_interval_round, "content", "lyapunov_results"),
    Case(explain_an_exponent_away, "content", "lyapunov_results"),
    Case(merge_more_pairs_than_there_are, "content", "lyapunov_results"),
    Case(lose_a_counter, "missing", "stage_progress"),
    Case(count_too_little, "stale", "stage_progress"),
    Case(count_more_than_there_is, "stale", "stage_progress"),
    Case(expect_more_than_there_is, "stale", "stage_progress"),
    Case(count_below_nothing, "stale", "stage_progress"),
    Case(count_for_a_stage_that_never_was, "dangling", "stage_progress"),
    Case(forget_that_a_run_is_a_twin, "missing", "twins"),
    Case(twin_another_run, "chaining", "twins"),
    Case(perturb_in_another_way, "chaining", "twins"),
    Case(make_a_run_a_twin, "dangling", "twins"),
    Case(lose_the_members_of_a_clustering, "missing", "clustering_results"),
    Case(take_the_medoid_from_a_cluster, "content", "clustering_results"),
    Case(give_the_outliers_a_medoid, "content", "clustering_results"),
    Case(give_a_cluster_two_medoids, "content", "clustering_results"),
    Case(take_the_medoid_from_elsewhere, "chaining", "clustering_results"),
]
