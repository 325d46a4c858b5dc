from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from panic_tda.analysis.cluster_stability import adjusted_rand, subsampling_stability
from panic_tda.analysis.clustering import Sizes, cluster
from panic_tda.errors import RequestError
from support.clusters import planted, unit

names = st.integers(-1, 4)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@given(st.lists(st.tuples(names, names), min_size=2, max_size=30))
def test_the_adjusted_rand_index_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    assert adjusted_rand(first, second) == pytest.approx(adjusted_rand_score(first, second), abs=1e-12)


@given(st.lists(names, min_size=2, max_size=30))
def test_a_division_agrees_with_itself_whatever_its_classes_are_called(labels: list[int]) -> None:
    assert adjusted_rand(labels, [7 - 2 * label for label in labels]) == pytest.approx(1.0)


def test_a_worked_example() -> None:
    assert adjusted_rand([0, 0, 1, 1], [0, 0, 1, 2]) == pytest.approx(4 / 7)
    assert adjusted_rand([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(-0.5)


def test_unrelated_divisions_of_many_points_agree_by_nothing() -> None:
    first, second = rng().integers(0, 5, (2, 20_000))
    assert abs(adjusted_rand(first, second)) < 0.002


@pytest.mark.parametrize(("first", "second"), [([0], [0]), ([0, 1], [0, 1, 2]), ([[0, 1]], [[0, 1]])])
def test_divisions_of_different_points_are_refused(first: Any, second: Any) -> None:
    with pytest.raises(RequestError, match="divisions of the same points"):
        adjusted_rand(first, second)


def test_planted_clusters_are_stable_and_a_cloud_without_any_is_not() -> None:
    points = planted(rng(), (60, 50, 40), noise=30, dimensions=64).points
    stable = subsampling_stability(points, cluster(points, rng()), rng())
    assert stable.mean > 0.95
    assert stable.low <= stable.mean <= stable.high <= 1.0
    assert len(stable.adjusted_rand) == len(stable.outlier_share) == 20
    assert stable.mean == pytest.approx(stable.adjusted_rand.mean())
    assert stable.cautions == ()
    nothing = unit(rng().normal(size=(200, 64)))
    unstable = subsampling_stability(nothing, cluster(nothing, rng()), rng())
    assert unstable.mean < 0.75
    assert re.match("unstable: subsamples agree with the whole by 0.[0-7]", unstable.cautions[0])


def test_the_same_generator_gives_the_same_subsamples() -> None:
    points = planted(rng(), (40, 30), noise=20, spread=0.8).points
    clustering = cluster(points, rng())
    first, again = (subsampling_stability(points, clustering, np.random.default_rng(5)) for _ in range(2))
    assert first.adjusted_rand.tolist() == again.adjusted_rand.tolist()


def test_whole_runs_are_left_out_where_runs_are_named() -> None:
    rows = np.arange(120) % 6
    centres = unit(rng().normal(size=(6, 32)))
    points = unit(centres[rows] + 0.1 * unit(rng().normal(size=(120, 32))))
    clustering = cluster(points, rng(), sizes=Sizes(5, 5))
    assert clustering.best.clusters == 6
    found = subsampling_stability(points, clustering, rng(), runs=rows, share=0.5, subsamples=10)
    # Each run is a cluster, so that a subsample of runs holds whole clusters or nothing of them.
    assert found.adjusted_rand.tolist() == [1.0] * 10
    assert found.outlier_share.tolist() == [0.0] * 10


def test_repeats_of_a_point_are_drawn_together_and_counted() -> None:
    points = planted(rng(), (40, 30), noise=20).points
    times = rng().integers(1, 4, len(points))
    clustering = cluster(points, rng(), multiplicity=times)
    counted = subsampling_stability(points, clustering, np.random.default_rng(1), multiplicity=times)
    spelt_out = np.repeat(points, times, axis=0)
    again = subsampling_stability(spelt_out, cluster(spelt_out, rng()), np.random.default_rng(1))
    np.testing.assert_allclose(counted.outlier_share, again.outlier_share)


def test_few_subsamples_and_no_clusters_are_cautioned() -> None:
    points = unit(rng().normal(size=(12, 8)))
    found = subsampling_stability(points, cluster(points, rng(), sizes=Sizes(12, 12)), rng(), subsamples=3)
    assert found.mean == 1.0
    assert found.cautions == ("there are no clusters, so agreement says little", "only 3 subsamples")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"share": 0.0}, "a share of 0.0 of 150 runs or points"),
        ({"share": 1.0}, "a share of 1.0"),
        ({"subsamples": 1}, "cannot draw 1 subsamples"),
        ({"runs": [0] * 150}, "of 1 runs or points"),
        ({"runs": [0, 1]}, "do not fit"),
    ],
)
def test_impossible_subsamples_are_refused(changes: dict[str, Any], words: str) -> None:
    points = planted(rng(), (80, 70)).points
    clustering = cluster(points, rng())
    with pytest.raises(RequestError, match=re.escape(words)):
        subsampling_stability(points, clustering, rng(), **changes)


def test_a_clustering_of_other_points_is_refused() -> None:
    points = planted(rng(), (80, 70)).points
    with pytest.raises(RequestError, match="150 points, 150 runs of rows and 100 labels"):
        subsampling_stability(points, cluster(points[:100], rng()), rng())
