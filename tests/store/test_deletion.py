"""Deleting an experiment: all that hangs on it goes, all that others need stays."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.content import Content, Text
from panic_tda.errors import ModelCallFailed
from panic_tda.store.database import Record
from panic_tda.store.experiments import delete_experiment
from panic_tda.store.generation import Failure, unfinished_runs, write_failures
from panic_tda.store.identifiers import new_id
from panic_tda.store.leases import lease
from panic_tda.store.lyapunov import RunGroup, write_lyapunov
from panic_tda.store.outputs import load_outputs
from panic_tda.store.performers import Performer, join
from panic_tda.store.progress import Count, set_stage
from panic_tda.store.retries import Retry, write_retries
from panic_tda.store.settings import write_setting
from panic_tda.store.tables import clustering_results, embedding_clusters, embeddings, performers, programs, twins
from panic_tda.store.topology import write_diagram
from support.contents import image, numbered
from support.lyapunov import lyapunov_result
from support.records import EMBEDDER, counts, diagram, grow, measure, plant, version_of

NOW = datetime.now(UTC)
NOISE = {"kind": "noise", "step": 0, "seed": 9}
LASTING = {"model_versions", "programs", "settings"}
"""What belongs to the record and not to an experiment."""


def clustering(connection: Connection, experiment: str | None, member: str, medoid: str) -> None:
    result: dict[str, Any] = {
        "id": new_id(),
        "model_version_id": version_of(connection, EMBEDDER),
        "experiment_id": experiment,
        "algorithm": "hdbscan",
        "layer": 0,
        "parameters": {},
        "started_at": NOW,
        "completed_at": NOW,
    }
    connection.execute(sa.insert(clustering_results), result)
    row = {"clustering_result_id": result["id"], "output_id": member, "cluster": 0, "medoid_output_id": medoid}
    connection.execute(sa.insert(embedding_clusters), row)


def lyapunov(connection: Connection, experiment: str, prompt: str) -> None:
    group = RunGroup(experiment, "0" * 64, prompt)
    write_lyapunov(connection, lyapunov_result(group, version_of(connection, EMBEDDER)))


def furnish(connection: Connection, *outputs: Text) -> str:
    """An experiment with a row in every table that can hold one."""
    prompt = Text("a prompt")
    key, ids = plant(connection, seeds=(1, 2))
    version = version_of(connection, EMBEDDER)
    for run_id in ids:
        grow(connection, run_id, [*outputs, image(len(outputs))])
        write_diagram(connection, diagram(run_id, version, run_length=3, points=2))
    connection.execute(sa.insert(twins), {"run_id": ids[1], "twin_of": ids[0], "perturbation": NOISE})
    measure(connection, outputs)
    write_failures(connection, [Failure(key, "embed", "E", ModelCallFailed("no"), output_id=outputs[0].sha256)])
    write_failures(connection, [Failure(key, "generate", "W", ModelCallFailed("no"), ids[0], 3)])
    write_retries(connection, [Retry(key, "embed", "E", 4, "WorkerCrashed", "it was ended")])
    set_stage(connection, key, "embed", "E", Count(1, 2))
    lyapunov(connection, key, prompt.sha256)
    clustering(connection, key, outputs[0].sha256, outputs[0].sha256)
    gone = Performer(key, 60)
    join(connection, gone)
    lease(connection, gone, "generate", ids)
    connection.execute(sa.update(performers).values(expires_at=NOW))
    return key


def fill_lasting(connection: Connection) -> None:
    write_setting(connection, "sanity", {"ok": True})
    row = {"id": new_id(), "name": "p", "signature": "text -> text", "strategy": "predict", "model": "M"}
    connection.execute(sa.insert(programs), row | {"parameters": {}, "created_at": NOW})


def test_deleting_the_only_experiment_empties_every_table_but_the_lasting_ones(record: Record) -> None:
    with record.writing() as connection:
        key = furnish(connection, *numbered(2))
        fill_lasting(connection)
        assert [name for name, rows in counts(connection).items() if rows == 0] == []
    with record.writing() as connection:
        delete_experiment(connection, key)
        assert {name for name, rows in counts(connection).items() if rows} == LASTING


def test_deleting_one_of_two_leaves_the_other_as_it_was(record: Record) -> None:
    with record.writing() as connection:
        fill_lasting(connection)
        kept = furnish(connection, *numbered(2))
        before = counts(connection)
        shared_and_own = furnish(connection, *numbered(2), Text("only in the second"))
        assert counts(connection)["outputs"] == before["outputs"] + 2
    with record.writing() as connection:
        delete_experiment(connection, shared_and_own)
        assert counts(connection) == before
        assert len(unfinished_runs(connection, kept)) == 1
        contents: list[Content] = [*numbered(2), Text("a prompt"), image(2)]
        assert len(load_outputs(connection, [content.sha256 for content in contents])) == 4


def test_a_prompt_that_another_experiment_made_as_an_output_stays(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection, [Text("both")])
        other, (run_id,) = plant(connection, [Text("another prompt")])
        grow(connection, run_id, [Text("both")])
        delete_experiment(connection, key)
        assert load_outputs(connection, [Text("both").sha256])
        delete_experiment(connection, other)
        assert counts(connection)["outputs"] == 0


def test_an_output_that_another_experiment_starts_from_stays(record: Record) -> None:
    with record.writing() as connection:
        key, (run_id,) = plant(connection, [Text("a prompt")])
        grow(connection, run_id, [Text("both"), Text("mine")])
        plant(connection, [Text("both")])
    with record.writing() as connection:
        delete_experiment(connection, key)
        assert load_outputs(connection, [Text("both").sha256])
        assert counts(connection)["outputs"] == 1


def test_the_medoid_of_a_clustering_over_several_experiments_stays(record: Record) -> None:
    medoid, member = Text("medoid"), Text("member")
    with record.writing() as connection:
        gone, (first,) = plant(connection)
        _, (second,) = plant(connection, [Text("another prompt")])
        grow(connection, first, [medoid])
        grow(connection, second, [member])
        measure(connection, [medoid, member])
        clustering(connection, None, member.sha256, medoid.sha256)
    with record.writing() as connection:
        delete_experiment(connection, gone)
        assert connection.execute(sa.select(embedding_clusters.c.medoid_output_id)).scalars().all() == [medoid.sha256]
        assert load_outputs(connection, [medoid.sha256, member.sha256])


def test_an_experiment_with_thousands_of_outputs_is_deleted(record: Record) -> None:
    contents = numbered(2_500)
    with record.writing() as connection:
        key, (run_id,) = plant(connection, max_length=3_000)
        grow(connection, run_id, contents)
        measure(connection, contents)
        delete_experiment(connection, key)
        assert counts(connection)["outputs"] == counts(connection)["embeddings"] == 0
        assert connection.execute(sa.select(embeddings)).all() == []


def test_deleting_an_experiment_without_runs_is_fine(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection, [])
        delete_experiment(connection, key)
        assert counts(connection)["experiments"] == 0
