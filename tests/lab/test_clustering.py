"""Clusterings computed from a record, stored in it, and found again by those who ask."""

from __future__ import annotations

import re

import numpy as np
import pytest
import sqlalchemy as sa

from panic_tda.analysis.cluster_stability import adjusted_rand
from panic_tda.analysis.clustering import Sizes
from panic_tda.content import Text
from panic_tda.errors import InsufficientMemory, NotFound, PrerequisiteError, RecordError, RequestError
from panic_tda.lab import cluster_outputs as computing
from panic_tda.lab.cluster_outputs import ClusterRequest, cluster_outputs
from panic_tda.lab.cluster_shapes import list_clusterings, show_clustering
from panic_tda.lab.clustering import compute_clustering, fitting_clusters, stored_clusters
from panic_tda.lab.progress import Progress
from panic_tda.store.cluster_members import clusters_of, labels_frame
from panic_tda.store.clusterings import StoredClustering, stored_clusterings
from panic_tda.store.database import Record
from panic_tda.store.experiments import delete_experiment
from panic_tda.store.vectors import Vectors
from support.clusters import SPEC, Planted, plant_cloud, planted, planted_labels
from support.records import counts, grow, measure, run_ids, version_of

CLOUD = planted(np.random.default_rng(1), (40, 30, 20), noise=10)
OTHER = planted(np.random.default_rng(2), (30, 25), noise=5)
EVERYTHING = ClusterRequest(SPEC.name)


def plant_both(record: Record) -> tuple[str, str]:
    """Two experiments with planted vectors."""
    with record.writing() as connection:
        return plant_cloud(connection, CLOUD), plant_cloud(connection, OTHER, stem="other")


def agreement(record: Record, stored: StoredClustering, cloud: Planted, key: str, stem: str = "text") -> float:
    """Adjusted Rand index of a stored layer with the planted clusters."""
    frame = labels_frame(record, stored, [key])
    truth = planted_labels(cloud, stem)
    return adjusted_rand([truth[output_id] for output_id in frame["output_id"]], frame["cluster"].to_list())


def test_planted_clusters_come_back_from_the_record_with_members_as_medoids(record: Record) -> None:
    key, _ = plant_both(record)
    [stored] = compute_clustering(record, ClusterRequest(SPEC.name, (key,)))
    assert agreement(record, stored, CLOUD, key) > 0.9
    assert (stored.algorithm, stored.experiment_ids, stored.most_persistent) == ("hdbscan", (key,), True)
    assert stored.parameters == {"min_cluster_size": 5, "min_samples": 5}
    assert stored.made.library.startswith("scikit-learn 1.")
    assert stored.made.started_at < stored.made.completed_at
    with record.reading() as connection:
        members = [each for each in clusters_of(connection, stored) if each.cluster >= 0]
    assert len(members) == 3
    labels = dict(labels_frame(record, stored, [key]).select("output_id", "cluster").iter_rows())
    assert all(labels[each.medoid or ""] == each.cluster for each in members)


def test_everything_in_the_record_is_clustered_unless_experiments_are_named(sqlite_record: Record) -> None:
    one, two = plant_both(sqlite_record)
    [everything] = compute_clustering(sqlite_record, EVERYTHING)
    [both] = compute_clustering(sqlite_record, ClusterRequest(SPEC.name, (one, two)))
    assert everything.experiment_ids == ()
    assert both.experiment_ids == tuple(sorted((one, two)))
    frames = [labels_frame(sqlite_record, stored, [one, two]).drop("run_id") for stored in (everything, both)]
    assert frames[0].equals(frames[1])
    assert frames[0].height == len(CLOUD.points) + len(OTHER.points)
    with sqlite_record.reading() as connection:
        assert len(stored_clusterings(connection)) == 2


def test_computing_again_replaces_and_gives_the_same(record: Record) -> None:
    key, _ = plant_both(record)
    [first] = compute_clustering(record, EVERYTHING)
    before = labels_frame(record, first, [key])
    with record.reading() as connection:
        counted = counts(connection)
    [second] = compute_clustering(record, EVERYTHING)
    assert labels_frame(record, second, [key]).equals(before)
    with record.reading() as connection:
        assert [each.id for each in stored_clusterings(connection)] == [second.id]
        assert counts(connection) == counted


def test_every_layer_of_evoc_is_stored_and_the_seed_tells_them_apart(sqlite_record: Record) -> None:
    plant_both(sqlite_record)
    first = compute_clustering(sqlite_record, ClusterRequest(SPEC.name, algorithm="evoc", seed=1))
    compute_clustering(sqlite_record, ClusterRequest(SPEC.name, algorithm="evoc", seed=2))
    again = compute_clustering(sqlite_record, ClusterRequest(SPEC.name, algorithm="evoc", seed=1))
    assert again[0].parameters == {"min_cluster_size": 5, "min_samples": 5, "seed": 1}
    assert again[0].made.library.startswith("evoc ")
    assert [each.layer for each in again] == list(range(len(first)))
    assert sum(each.most_persistent for each in again) == 1
    with sqlite_record.reading() as connection:
        stored = stored_clusterings(connection)
        clusters = [shape["clusters"] for shape in list_clusterings(connection)[: len(again)]]
    assert {each.parameters["seed"] for each in stored} == {1, 2}
    assert clusters == sorted(clusters, reverse=True)


def test_what_is_done_is_reported_stage_by_stage(sqlite_record: Record) -> None:
    plant_both(sqlite_record)
    told: list[Progress] = []
    said: list[str] = []
    compute_clustering(sqlite_record, EVERYTHING, progress=told.append, say=said.append)
    stages = list(dict.fromkeys(each.stage for each in told))
    assert stages == ["load", "cluster", "medoids", "store"]
    ends = {each.stage: (each.done, each.total) for each in told}
    assert ends == {"load": (160, 160), "cluster": (1, 1), "medoids": (1, 1), "store": (1, 1)}
    assert said == ["HDBSCAN on the distances of 160 vectors"]


def test_few_outputs_are_clustered_with_a_word_of_caution(sqlite_record: Record) -> None:
    few = Planted(CLOUD.points[:6], CLOUD.labels[:6])
    said: list[str] = []
    with sqlite_record.writing() as connection:
        plant_cloud(connection, few)
    compute_clustering(sqlite_record, EVERYTHING, say=said.append)
    assert "only 6 distinct vectors" in said
    with sqlite_record.reading() as connection:
        shown = show_clustering(connection, "latest")
    assert shown["cautions"] == [
        "only 6 outputs",
        "no clusters: all are outliers, or all are one cluster, which cannot be told apart",
    ]


def test_an_interruption_before_the_write_changes_nothing(sqlite_record: Record) -> None:
    plant_both(sqlite_record)
    [kept] = compute_clustering(sqlite_record, EVERYTHING)

    def interrupt(progress: Progress) -> None:
        if progress.stage == "store":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute_clustering(sqlite_record, EVERYTHING, progress=interrupt)
    with sqlite_record.reading() as connection:
        assert [each.id for each in stored_clusterings(connection)] == [kept.id]


def test_the_record_is_free_while_clusters_are_computed(record: Record) -> None:
    key, _ = plant_both(record)

    def write_meanwhile(progress: Progress) -> None:
        if progress.stage == "medoids" and not progress.done:
            with record.writing() as connection:
                grow(connection, run_ids(connection, key)[0], [Text("late")], start=len(CLOUD.points))

    [stored] = compute_clustering(record, EVERYTHING, progress=write_meanwhile)
    assert labels_frame(record, stored, [key]).height == len(CLOUD.points)


def test_an_experiment_deleted_meanwhile_is_said_and_nothing_is_stored(record: Record) -> None:
    key, _ = plant_both(record)

    def delete_meanwhile(progress: Progress) -> None:
        if progress.stage == "medoids" and not progress.done:
            with record.writing() as connection:
                delete_experiment(connection, key)

    with pytest.raises(RecordError, match="an experiment was deleted while its outputs were clustered"):
        compute_clustering(record, EVERYTHING, progress=delete_meanwhile)
    with record.reading() as connection:
        assert stored_clusterings(connection) == []


def test_an_embedder_that_measured_nothing_is_refused(sqlite_record: Record) -> None:
    plant_both(sqlite_record)
    with pytest.raises(NotFound, match="no output has a vector of an embedder 'Nobody'"):
        compute_clustering(sqlite_record, ClusterRequest("Nobody"))


def test_an_experiment_whose_outputs_have_no_vector_is_refused(sqlite_record: Record) -> None:
    plant_both(sqlite_record)
    with sqlite_record.writing() as connection:
        empty = plant_cloud(connection, Planted(CLOUD.points[:0], CLOUD.labels[:0]), stem="empty")
    with pytest.raises(RequestError, match="no output of these experiments has a vector of Compass"):
        compute_clustering(sqlite_record, ClusterRequest(SPEC.name, (empty,)))


def test_a_missing_evoc_is_said_before_anything_is_loaded(
    sqlite_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(PrerequisiteError, match="the Python package evoc is not installed"):
        compute_clustering(sqlite_record, ClusterRequest("Nobody", algorithm="evoc"))


def vectors_of(cloud: Planted) -> Vectors:
    return Vectors([f"{row:04}" for row in range(len(cloud.points))], cloud.points, np.ones(len(cloud.points), int))


def test_outputs_with_equal_vectors_share_a_cluster_and_visits_make_one() -> None:
    points = np.concatenate((CLOUD.points, CLOUD.points[:1]))
    visits = np.ones(len(points), np.int64)
    astray = int(np.flatnonzero(CLOUD.labels < 0)[0])
    visits[astray] = 50
    found = cluster_outputs(Vectors([f"{row:04}" for row in range(len(points))], points, visits), EVERYTHING)
    labels = found.clustering.best.labels
    assert labels[0] == labels[-1]
    assert found.medoids[0][labels[astray]] == f"{astray:04}"


def test_without_a_stored_clustering_one_is_computed_and_not_stored(sqlite_record: Record) -> None:
    key, _ = plant_both(sqlite_record)
    assert stored_clusters(sqlite_record, [key], SPEC.name) is None
    found = fitting_clusters(sqlite_record, [key], SPEC.name)
    assert found.stored is None
    assert found.algorithm == "hdbscan"
    truth = planted_labels(CLOUD)
    assert found.labels.keys() == truth.keys()
    assert adjusted_rand([truth[output] for output in found.labels], list(found.labels.values())) > 0.9
    assert {found.labels[medoid] for medoid in found.medoids.values()} == set(found.medoids) == {0, 1, 2}
    with sqlite_record.reading() as connection:
        assert stored_clusterings(connection) == []


def test_a_stored_clustering_of_the_same_experiments_is_preferred_to_one_of_everything(sqlite_record: Record) -> None:
    one, two = plant_both(sqlite_record)
    [own] = compute_clustering(sqlite_record, ClusterRequest(SPEC.name, (one,)))
    [everything] = compute_clustering(sqlite_record, EVERYTHING)
    assert fitting_clusters(sqlite_record, [one], SPEC.name).stored == own.id
    assert fitting_clusters(sqlite_record, [two], SPEC.name).stored == everything.id
    assert fitting_clusters(sqlite_record, [one, two], SPEC.name).stored == everything.id


def test_what_is_stored_reads_as_what_is_computed(record: Record) -> None:
    key, _ = plant_both(record)
    computed = fitting_clusters(record, [key], SPEC.name)
    compute_clustering(record, ClusterRequest(SPEC.name, (key,)))
    stored = fitting_clusters(record, [key], SPEC.name)
    assert stored.stored is not None
    assert stored._replace(stored=None) == computed


def test_a_clustering_of_everything_is_cut_to_the_experiments_asked_for(record: Record) -> None:
    one, two = plant_both(record)
    compute_clustering(record, EVERYTHING)
    found = fitting_clusters(record, [two], SPEC.name)
    assert found.labels.keys() == planted_labels(OTHER, "other").keys()
    assert set(found.medoids) == set(found.labels.values()) - {-1}
    assert found.outlier_share == list(found.labels.values()).count(-1) / len(found.labels)
    assert one != two


def test_a_clustering_that_lacks_outputs_measured_later_does_not_fit(sqlite_record: Record) -> None:
    key, _ = plant_both(sqlite_record)
    compute_clustering(sqlite_record, EVERYTHING)
    late = Text("late")
    with sqlite_record.writing() as connection:
        grow(connection, run_ids(connection, key)[0], [late], start=len(CLOUD.points))
    assert fitting_clusters(sqlite_record, [key], SPEC.name).stored is not None
    with sqlite_record.writing() as connection:
        measure(connection, [late], SPEC)
        connection.execute(
            sa.text("UPDATE embeddings SET vector = :bytes WHERE output_id = :key"),
            {"bytes": CLOUD.points[0].tobytes(), "key": late.sha256},
        )
    found = fitting_clusters(sqlite_record, [key], SPEC.name)
    assert (found.stored, late.sha256 in found.labels) == (None, True)


def test_other_sizes_or_another_embedder_do_not_fit(sqlite_record: Record) -> None:
    key, _ = plant_both(sqlite_record)
    [stored] = compute_clustering(sqlite_record, EVERYTHING)
    assert fitting_clusters(sqlite_record, [key], SPEC.name, sizes=Sizes()).stored == stored.id
    found = fitting_clusters(sqlite_record, [key], SPEC.name, sizes=Sizes(8, 4))
    assert (found.stored, found.parameters) == (None, {"min_cluster_size": 8, "min_samples": 4})
    with pytest.raises(NotFound):
        fitting_clusters(sqlite_record, [key], "Nobody")


def test_the_shapes_say_what_there_is(record: Record) -> None:
    key, _ = plant_both(record)
    [stored] = compute_clustering(record, ClusterRequest(SPEC.name, (key,)))
    with record.reading() as connection:
        [listed] = list_clusterings(connection)
        shown = show_clustering(connection, stored.id[:20])
    members = shown.pop("members")
    assert shown.items() >= listed.items()
    assert (listed["outputs"], listed["clusters"], listed["experiments"]) == (100, 3, [key])
    assert [each["cluster"] for each in members] == [-1, 0, 1, 2]
    assert sum(each["outputs"] for each in members) == sum(each["visits"] for each in members) == 100
    assert sum(each["share"] for each in members) == pytest.approx(1.0)
    assert members[0]["share"] == shown["outlier_share"] == listed["outliers"] / 100
    assert members[0]["medoid"] is None
    assert re.fullmatch(r"text \d+", members[1]["medoid"]["text"])
    assert shown["cautions"] == []


def test_the_embedder_of_the_pinned_version_is_taken(sqlite_record: Record) -> None:
    key, _ = plant_both(sqlite_record)
    with sqlite_record.reading() as connection:
        version = version_of(connection, SPEC)
    [stored] = compute_clustering(sqlite_record, ClusterRequest(f"{SPEC.name}@{SPEC.version}", (key,)))
    assert stored.embedder.id == version


def test_distances_that_do_not_fit_into_memory_are_refused_or_left_to_evoc(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = vectors_of(CLOUD)
    monkeypatch.setattr(computing, "available_memory", lambda: 24 * 100**2)
    assert cluster_outputs(vectors, EVERYTHING).clustering.algorithm == "hdbscan"
    monkeypatch.setattr(computing, "available_memory", lambda: 24 * 100**2 - 1)
    assert cluster_outputs(vectors, EVERYTHING).clustering.algorithm == "evoc"
    with pytest.raises(InsufficientMemory, match=r"hdbscan of 100 outputs takes 0\.0 GiB") as caught:
        cluster_outputs(vectors, ClusterRequest(SPEC.name, algorithm="hdbscan"))
    assert caught.value.hint == "choose the algorithm evoc"
