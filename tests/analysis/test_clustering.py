from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import panic_tda.analysis.clustering as module
from panic_tda.analysis.cluster_stability import adjusted_rand
from panic_tda.analysis.clustering import (
    Algorithm,
    Clustering,
    Sizes,
    cluster,
    default_algorithm,
    layer_cautions,
)
from panic_tda.errors import RequestError
from support.clusters import Planted, planted, unit


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def cloud(**changes: Any) -> Planted:
    return planted(np.random.default_rng(7), (40, 60, 30), **{"noise": 20} | changes)


@pytest.mark.parametrize("algorithm", ["hdbscan", "optics"])
def test_planted_clusters_are_found_and_numbered_from_the_largest(algorithm: Algorithm) -> None:
    points, labels = cloud()
    found = cluster(points, rng(), algorithm=algorithm)
    assert adjusted_rand(found.best.labels, labels) > 0.9
    sizes = np.bincount(found.best.labels + 1)[1:]
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert (found.best.clusters, found.best.repeated, found.best.persistence) == (3, 0, None)
    assert found.best.outlier_share == (found.best.labels == -1).mean()
    assert (found.points, found.distinct_points, found.algorithm) == (150, 150, algorithm)
    assert found.cautions == found.best.cautions == ()


def test_evoc_gives_every_layer_and_names_the_finest_and_the_most_persistent() -> None:
    points, labels = planted(np.random.default_rng(0), (150, 100, 80, 60, 40), dimensions=64)
    found = cluster(points, rng(), algorithm="evoc", sizes=Sizes(10, 5))
    clusters = [layer.clusters for layer in found.layers]
    assert len(clusters) > 1
    assert clusters == sorted(clusters, reverse=True)
    assert found.finest is found.layers[0]
    assert found.best.persistence == max(layer.persistence or 0.0 for layer in found.layers) > 0
    assert adjusted_rand(found.best.labels, labels) > 0.7


def test_evoc_takes_its_seed_from_the_generator() -> None:
    points = cloud().points
    first, again, other = (
        cluster(points, np.random.default_rng(seed), algorithm="evoc").finest.labels for seed in (1, 1, 2)
    )
    assert first.tolist() == again.tolist() != other.tolist()


def test_the_lengths_of_the_vectors_do_not_matter() -> None:
    points = cloud().points
    longer = points * rng().uniform(0.1, 10, (len(points), 1))
    assert cluster(longer, rng()).best.labels.tolist() == cluster(points, rng()).best.labels.tolist()


@given(st.permutations(range(70)))
def test_the_order_of_the_points_does_not_matter(order: list[int]) -> None:
    points = planted(np.random.default_rng(3), (30, 25), noise=15).points
    straight, shuffled = cluster(points, rng()).best.labels, cluster(points[order], rng()).best.labels
    assert shuffled.tolist() == straight[order].tolist()


def test_repeats_are_merged_and_carry_the_label_of_their_vector() -> None:
    points = cloud().points
    once = cluster(points, rng()).best.labels
    rows = np.concatenate((np.arange(len(points)), [0, 0, 3]))
    found = cluster(points[rows], rng())
    assert (found.points, found.distinct_points) == (153, 150)
    assert adjusted_rand(found.best.labels[:150], once) == 1.0
    assert found.best.labels.tolist() == found.best.labels[rows].tolist()


def test_a_multiplicity_is_the_same_as_as_many_rows() -> None:
    points = cloud().points
    times = rng().integers(1, 4, len(points))
    counted = cluster(points, rng(), multiplicity=times).best
    spelt_out = cluster(np.repeat(points, times, axis=0), rng()).best
    assert np.repeat(counted.labels, times).tolist() == spelt_out.labels.tolist()
    assert counted.outlier_share == spelt_out.outlier_share == (spelt_out.labels == -1).mean()


def test_a_vector_that_no_cluster_takes_but_that_recurs_is_a_cluster_of_its_own() -> None:
    points = cloud().points
    plain = cluster(points, rng()).best
    astray = int(np.flatnonzero(plain.labels == -1)[0])
    times = np.ones(len(points))
    times[astray] = 4
    assert cluster(points, rng(), multiplicity=times).best.repeated == 0
    times[astray] = 1000
    found = cluster(points, rng(), multiplicity=times).best
    assert (found.labels[astray], found.repeated, found.clusters) == (0, 1, plain.clusters + 1)
    assert (found.labels == 0).sum() == 1
    others = np.arange(len(points)) != astray
    assert adjusted_rand(found.labels[others], plain.labels[others]) == 1.0


def test_a_repeated_member_does_not_tear_its_cluster_apart() -> None:
    points = cloud().points
    plain = cluster(points, rng()).best.labels
    times = np.ones(len(points))
    times[int(np.flatnonzero(plain == 1)[0])] = 10_000
    assert adjusted_rand(cluster(points, rng(), multiplicity=times).best.labels, plain) == 1.0


def test_equal_sizes_are_numbered_by_their_first_row() -> None:
    points = planted(np.random.default_rng(1), (20, 20, 20), spread=0.1).points
    labels = cluster(points, rng()).best.labels
    firsts = [int(np.flatnonzero(labels == number)[0]) for number in range(3)]
    assert firsts == sorted(firsts)


def test_few_points_are_outliers_with_a_word_of_caution() -> None:
    found = cluster(unit(rng().normal(size=(6, 8))), rng(), sizes=Sizes(7, 2))
    assert found.best.labels.tolist() == [-1] * 6
    assert found.cautions == ("only 6 distinct vectors",)
    assert found.best.cautions == ("no clusters: all are outliers, or all are one cluster, which cannot be told apart",)


def test_a_single_point_is_an_outlier_and_a_single_one_that_recurs_a_cluster() -> None:
    assert cluster([[1.0, 0.0]], rng()).best.labels.tolist() == [-1]
    found = cluster([[1.0, 0.0]] * 9, rng()).best
    assert (found.labels.tolist(), found.outlier_share) == ([0] * 9, 0.0)
    assert found.cautions == ("one cluster holds 100 % of the points",)


@pytest.mark.parametrize(
    ("clusters", "outliers", "largest", "words"),
    [
        (3, 0.5, 0.4, ()),
        (3, 0.51, 0.4, ("51 % outliers: sparse or an artefact; try another min_cluster_size",)),
        (2, 0.05, 0.91, ("one cluster holds 91 % of the points",)),
        (0, 1.0, 0.0, ("no clusters: all are outliers, or all are one cluster, which cannot be told apart",)),
    ],
)
def test_cautions_say_when_a_layer_may_not_mean_much(
    clusters: int, outliers: float, largest: float, words: tuple[str, ...]
) -> None:
    assert layer_cautions(clusters, outliers, largest) == words


def test_many_outliers_are_cautioned() -> None:
    points = planted(np.random.default_rng(2), (30, 30), noise=140).points
    assert re.match("[5-7]. % outliers: sparse or an artefact", cluster(points, rng()).best.cautions[0])


def test_the_default_is_hdbscan_as_far_as_all_distances_fit_and_evoc_above(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (default_algorithm(30_000), default_algorithm(30_001)) == ("hdbscan", "evoc")
    points = cloud().points
    assert cluster(points, rng()).algorithm == "hdbscan"
    monkeypatch.setattr(module, "MOST_WITH_ALL_DISTANCES", 149)
    assert cluster(points, rng()).algorithm == "evoc"


@pytest.mark.parametrize("algorithm", ["hdbscan", "optics"])
def test_more_vectors_than_distances_fit_are_refused_with_another_algorithm(algorithm: Algorithm) -> None:
    one = np.ones((30_001, 1))
    points = np.column_stack((one, np.arange(30_001)))
    words = f"{algorithm} takes at most 30,000 distinct vectors, there are 30,001"
    with pytest.raises(RequestError, match=words) as caught:
        cluster(points, rng(), algorithm=algorithm)
    assert caught.value.hint == "choose the algorithm evoc"


def test_repeats_do_not_count_towards_the_most_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WITH_ALL_DISTANCES", 150)
    points = cloud().points
    assert cluster(np.concatenate((points, points)), rng(), algorithm="hdbscan").distinct_points == 150


def test_what_begins_is_told_and_that_evoc_compiles() -> None:
    told: list[str] = []
    points = cloud().points
    cluster(points, rng(), report=told.append)
    cluster(points, rng(), algorithm="evoc", report=told.append)
    assert told[0] == "HDBSCAN on the distances of 150 vectors"
    assert re.match("EVoC on 150 vectors; its first use compiles it", told[1])


def with_points(points: Any, **changes: Any) -> Clustering:
    return cluster(points, rng(), **changes)


@pytest.mark.parametrize(
    ("points", "changes", "words"),
    [
        ([], {}, "no points to cluster"),
        ([1.0, 2.0], {}, "must be an array"),
        ([[np.inf, 0.0]], {}, "not finite"),
        ([[0.0, 0.0], [1.0, 0.0]], {"sizes": Sizes(2, 2)}, "row 0 of the points is zero"),
        ([[1.0, 0.0]], {"algorithm": "kmeans"}, "no clustering algorithm is named 'kmeans'"),
        ([[1.0, 0.0]], {"sizes": Sizes(1, 5)}, "must be at least 2, got 1"),
        ([[1.0, 0.0]], {"sizes": Sizes(5, 0)}, "must be at least 2, got 0"),
        ([[1.0, 0.0]], {"multiplicity": [1, 1]}, "whole number from 1 for each of the 1 points"),
        ([[1.0, 0.0]], {"multiplicity": [0]}, "whole number from 1"),
        ([[1.0, 0.0]], {"multiplicity": [1.5]}, "whole number from 1"),
        ([[1.0, 0.0]], {"multiplicity": [np.nan]}, "whole number from 1"),
        ([[1.0, 0.0]] * 20, {"algorithm": "evoc"}, "evoc needs 16 distinct vectors"),
    ],
)
def test_what_cannot_be_clustered_is_refused(points: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=re.escape(words)):
        with_points(points, **changes)
