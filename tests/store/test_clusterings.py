from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.content import Text
from panic_tda.errors import NotFound, RecordError
from panic_tda.store.clusterings import (
    Identity,
    Made,
    StoredLayer,
    delete_clustering,
    find_clustering,
    stored_clusterings,
    write_clustering,
)
from panic_tda.store.database import Record
from panic_tda.store.experiments import delete_experiment
from panic_tda.store.tables import clustering_results, embedding_clusters
from support.contents import numbered
from support.models import fake_spec
from support.records import EMBEDDER, EPOCH, counts, grow, measure, plant, version_of

TEXTS = numbered(4)
KEYS = [text.sha256 for text in TEXTS]
SIZES = {"min_cluster_size": 5, "min_samples": 5}


def prepare(connection: Connection, *prompts: str) -> list[str]:
    """Experiments that each made all four texts; their ids."""
    keys = []
    for prompt in prompts or ("a prompt",):
        key, (run_id,) = plant(connection, [Text(prompt)])
        grow(connection, run_id, TEXTS)
        keys.append(key)
    measure(connection, TEXTS)
    return keys


def layer(labels: tuple[int, ...] = (0, 0, 1, -1), persistence: float | None = None) -> StoredLayer:
    """A layer of the four texts whose medoids are the first members."""
    medoids = [KEYS[labels.index(number)] for number in range(max(labels) + 1)]
    return StoredLayer(np.array(labels), medoids, persistence)


def write(
    connection: Connection, *layers: StoredLayer, experiments: tuple[str, ...] = (), minute: int = 0, **changes: Any
) -> list[str]:
    """Stores a clustering of the four texts."""
    facts: dict[str, Any] = {"algorithm": "evoc", "parameters": SIZES} | changes
    identity = Identity(version_of(connection, EMBEDDER), experiments, facts["algorithm"], facts["parameters"])
    started = EPOCH + timedelta(minutes=minute)
    made = Made("evoc 0.3", started, started + timedelta(seconds=30))
    return write_clustering(connection, identity, KEYS, layers or (layer(),), made)


def test_a_clustering_is_stored_whole(record: Record) -> None:
    with record.writing() as connection:
        [key] = prepare(connection)
        fine, coarse = write(connection, layer(), layer((0, 0, 0, 0), 2.5), experiments=(key,))
        rows = connection.execute(sa.select(clustering_results).order_by(clustering_results.c.layer)).all()
        assert [row.id for row in rows] == [fine, coarse]
        assert {(row.experiment_id, row.algorithm, row.library) for row in rows} == {(key, "evoc", "evoc 0.3")}
        assert [(row.layer, row.persistence, row.parameters) for row in rows] == [(0, None, SIZES), (1, 2.5, SIZES)]
        assert rows[0].started_at == EPOCH
        assert rows[0].completed_at == EPOCH + timedelta(seconds=30)
        assert members(connection, fine) == {
            KEYS[0]: (0, KEYS[0]),
            KEYS[1]: (0, KEYS[0]),
            KEYS[2]: (1, KEYS[2]),
            KEYS[3]: (-1, None),
        }


def members(connection: Connection, key: str) -> dict[str, tuple[int, str | None]]:
    """The cluster and the medoid of each output of a layer."""
    query = sa.select(embedding_clusters).where(embedding_clusters.c.clustering_result_id == key)
    return {row.output_id: (row.cluster, row.medoid_output_id) for row in connection.execute(query)}


def test_two_clusters_of_one_medoid_stay_two(record: Record) -> None:
    with record.writing() as connection:
        prepare(connection)
        [key] = write(connection, StoredLayer(np.array([0, 1, 1, 0]), [KEYS[0], KEYS[0]], None))
        found = members(connection, key)
    assert [found[output_id] for output_id in KEYS] == [(number, KEYS[0]) for number in (0, 1, 1, 0)]


def test_the_same_clustering_is_replaced_and_any_other_stays(record: Record) -> None:
    with record.writing() as connection:
        one, two = prepare(connection, "one", "two")
        write(connection, layer(), layer((0, 0, 0, 0)), experiments=(one,))
        [again] = write(connection, layer((0, 0, -1, -1)), experiments=(one,), minute=1)
        assert [each.id for each in stored_clusterings(connection)] == [again]
        assert counts(connection)["embedding_clusters"] == 4
        others = [
            *write(connection, experiments=()),
            *write(connection, experiments=(two,)),
            *write(connection, experiments=(one, two)),
            *write(connection, experiments=(one,), algorithm="hdbscan"),
            *write(connection, experiments=(one,), parameters=SIZES | {"min_samples": 6}),
        ]
        assert {each.id for each in stored_clusterings(connection)} == {again, *others}
        write(connection, experiments=(two, one))
        write(connection, experiments=())
        assert len(stored_clusterings(connection)) == 6


def test_another_version_of_the_embedder_is_another_clustering(record: Record) -> None:
    with record.writing() as connection:
        prepare(connection)
        write(connection)
        newer = version_of(connection, fake_spec(EMBEDDER.name, "text -> vector", revision=2))
        write_clustering(connection, Identity(newer, (), "evoc", SIZES), KEYS, [layer()], Made("", EPOCH, EPOCH))
        assert {each.embedder.version for each in stored_clusterings(connection)} == {"1", "2"}


def test_a_failed_write_leaves_the_earlier_clustering(record: Record) -> None:
    broken = StoredLayer(np.array([0, 0, 1, -1]), [KEYS[0], "0" * 64], None)
    with record.writing() as connection:
        prepare(connection)
        [key] = write(connection)
    words = "deleted while its outputs were clustered; nothing was stored"
    with pytest.raises(RecordError, match=words), record.writing() as connection:
        write(connection, broken, minute=1)
    with record.reading() as connection:
        assert [each.id for each in stored_clusterings(connection)] == [key]
        assert counts(connection)["embedding_clusters"] == 4


def test_an_output_has_one_cluster_in_a_layer(record: Record) -> None:
    with record.writing() as connection:
        prepare(connection)
        [key] = write(connection)
    row = {"clustering_result_id": key, "output_id": KEYS[0], "cluster": 7, "medoid_output_id": None}
    with pytest.raises(sa.exc.IntegrityError), record.writing() as connection:
        connection.execute(sa.insert(embedding_clusters), row)


def test_stored_clusterings_come_last_first_with_their_layers_together(record: Record) -> None:
    with record.writing() as connection:
        one, two = prepare(connection, "one", "two")
        early = write(connection, layer(persistence=0.0), layer((0, 0, 0, 0), 3.0), experiments=(one, two))
        late = write(connection, layer(persistence=0.0), layer((0, 0, 0, -1), 0.0), experiments=(one,), minute=5)
        found = stored_clusterings(connection)
    assert [each.id for each in found] == [*late, *early]
    assert [each.layers for each in found] == [tuple(late)] * 2 + [tuple(early)] * 2
    assert [each.layer for each in found] == [0, 1, 0, 1]
    assert [each.most_persistent for each in found] == [True, False, False, True]
    assert [each.experiment_ids for each in found[1:3]] == [(one,), tuple(sorted((one, two)))]
    assert found[2].parameters == SIZES
    assert (found[0].embedder.name, found[0].made.library) == ("Embedder", "evoc 0.3")


def test_a_clustering_is_found_by_id_prefix_and_as_the_latest(record: Record) -> None:
    with record.writing() as connection:
        [key] = prepare(connection)
        fine, coarse = write(connection, layer(persistence=0.0), layer((0, 0, 0, 0), 1.0), minute=9)
        [early] = write(connection, experiments=(key,))
        assert find_clustering(connection, "latest").id == coarse
        for name in (fine, coarse, early):
            assert find_clustering(connection, name).id == name
            assert find_clustering(connection, name.upper()).id == name
        with pytest.raises(NotFound, match="clustering '0' is ambiguous"):
            find_clustering(connection, "0")
        for name in ("", "nothing", "%"):
            with pytest.raises(NotFound, match=f"there is no clustering '{name}'") as caught:
                find_clustering(connection, name)
            assert caught.value.hint == "panic-tda cluster list shows their ids"


def test_the_latest_of_none_is_not_found(record: Record) -> None:
    with record.reading() as connection, pytest.raises(NotFound, match="there is no clustering yet") as caught:
        find_clustering(connection, "latest")
    assert "cluster compute" in caught.value.hint


def test_deleting_takes_every_layer_and_nothing_else(record: Record) -> None:
    with record.writing() as connection:
        [key] = prepare(connection)
        [kept] = write(connection, experiments=(key,))
        fine, _ = write(connection, layer(), layer((0, 0, 0, 0)))
        before = counts(connection)
        delete_clustering(connection, find_clustering(connection, fine))
        assert [each.id for each in stored_clusterings(connection)] == [kept]
        after = counts(connection)
    assert {name for name in before if before[name] != after[name]} == {"clustering_results", "embedding_clusters"}


def test_a_clustering_of_one_experiment_goes_with_it_and_one_of_all_stays(record: Record) -> None:
    with record.writing() as connection:
        one, _ = prepare(connection, "one", "two")
        write(connection, experiments=(one,))
        [of_all] = write(connection)
        delete_experiment(connection, one)
        assert [each.id for each in stored_clusterings(connection)] == [of_all]


def test_a_layer_that_an_older_program_imported_has_no_library(record: Record) -> None:
    with record.writing() as connection:
        prepare(connection)
        row = {"id": "1" * 36, "model_version_id": version_of(connection, EMBEDDER), "algorithm": "optics", "layer": 0}
        now = datetime.now(UTC)
        connection.execute(
            sa.insert(clustering_results), row | {"parameters": {}, "started_at": now, "completed_at": now}
        )
        [found] = stored_clusterings(connection)
    assert (found.made.library, found.persistence, found.most_persistent) == ("", None, True)


def test_indexes_lead_from_an_output_to_its_clusters(record: Record) -> None:
    with record.reading() as connection:
        indexes = sa.inspect(connection).get_indexes("embedding_clusters")
    assert {tuple(index["column_names"]) for index in indexes} == {("output_id",), ("medoid_output_id",)}
