from __future__ import annotations

import numpy as np
from sqlalchemy.engine import Connection

from panic_tda.content import Text
from panic_tda.store.cluster_members import (
    Counts,
    Members,
    clusters_of,
    count_members,
    covers,
    labels_frame,
    visits_of_outputs,
)
from panic_tda.store.clusterings import Identity, Made, StoredClustering, StoredLayer, find_clustering, write_clustering
from panic_tda.store.database import Record
from support.contents import image, numbered
from support.models import fake_spec
from support.records import EMBEDDER, EPOCH, grow, measure, plant, version_of

A, B, C = numbered(3)
PICTURE = image(1)


def prepare(connection: Connection, scope: str = "") -> tuple[StoredClustering, list[str], list[str]]:
    """Two experiments; a clustering (A and B together, C outside) of all or of one; its layer, experiments, runs."""
    first, (one,) = plant(connection, [Text("one")], max_length=9)
    second, (two,) = plant(connection, [Text("two")], max_length=9)
    grow(connection, one, [A, PICTURE, B, A])
    grow(connection, two, [C, A])
    measure(connection, [A, B, C])
    measure(connection, [PICTURE], fake_spec("Another", "image -> vector"))
    experiments = {"first": (first,), "second": (second,)}.get(scope, ())
    identity = Identity(version_of(connection, EMBEDDER), experiments, "hdbscan", {})
    keys = [A.sha256, B.sha256, C.sha256]
    labels = np.array([0, 0, -1])
    made = Made("scikit-learn", EPOCH, EPOCH)
    write_clustering(connection, identity, keys, [StoredLayer(labels, [B.sha256], None)], made)
    return find_clustering(connection, "latest"), [first, second], [one, two]


def test_the_clusters_of_a_layer_have_sizes_visits_and_medoids(record: Record) -> None:
    with record.writing() as connection:
        stored, _, _ = prepare(connection)
        assert clusters_of(connection, stored) == [
            Members(-1, 1, 1, None, None, None),
            Members(0, 2, 4, B.sha256, "text", "text 1"),
        ]
        assert count_members(connection, [stored]) == {stored.id: Counts(1, 3, 1)}


def test_visits_are_those_of_the_experiments_that_were_clustered(record: Record) -> None:
    with record.writing() as connection:
        stored, _, _ = prepare(connection, "first")
        assert [(each.cluster, each.visits) for each in clusters_of(connection, stored)] == [(-1, 0), (0, 3)]


def test_nothing_is_counted_of_nothing(record: Record) -> None:
    with record.reading() as connection:
        assert count_members(connection, []) == {}


def test_every_invocation_with_a_vector_has_its_cluster(record: Record) -> None:
    with record.writing() as connection:
        stored, (first, second), (one, two) = prepare(connection)
    frame = labels_frame(record, stored, [first, second])
    assert frame.columns == ["run_id", "sequence_number", "output_id", "cluster"]
    assert frame.rows() == [
        (one, 0, A.sha256, 0),
        (one, 2, B.sha256, 0),
        (one, 3, A.sha256, 0),
        (two, 0, C.sha256, -1),
        (two, 1, A.sha256, 0),
    ]
    assert labels_frame(record, stored, [second]).rows() == frame.rows()[3:]
    assert labels_frame(record, stored, []).height == 0


def test_what_was_measured_later_is_not_covered_and_has_no_cluster(record: Record) -> None:
    late = Text("late")
    with record.writing() as connection:
        stored, (first, second), (one, _) = prepare(connection)
        grow(connection, one, [late], start=4)
        assert covers(connection, stored, [first, second])
        measure(connection, [late])
        assert not covers(connection, stored, [first, second])
        assert covers(connection, stored, [second])
    assert labels_frame(record, stored, [first])["cluster"].to_list() == [0, 0, 0, None]
    with record.reading() as connection:
        assert visits_of_outputs(connection, stored, [first]) == sorted([(A.sha256, 0, 2), (B.sha256, 0, 1)])


def test_visits_of_outputs_are_counted_by_experiment(record: Record) -> None:
    with record.writing() as connection:
        stored, (first, second), _ = prepare(connection)
        both = visits_of_outputs(connection, stored, [first, second])
        assert both == sorted([(A.sha256, 0, 3), (B.sha256, 0, 1), (C.sha256, -1, 1)])
        assert visits_of_outputs(connection, stored, [second]) == sorted([(A.sha256, 0, 1), (C.sha256, -1, 1)])
