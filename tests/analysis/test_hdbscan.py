from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN

from panic_tda.analysis.cluster_stability import adjusted_rand
from panic_tda.analysis.hdbscan import hdbscan_labels
from panic_tda.analysis.unit_vectors import unit_vectors
from support.clusters import planted


@pytest.mark.parametrize("seed", range(3))
def test_the_labels_are_those_scikit_learn_finds_from_the_vectors(seed: int) -> None:
    units = unit_vectors(planted(np.random.default_rng(seed), (60, 30, 12), noise=30, spread=0.7).points)
    reference = HDBSCAN(min_cluster_size=8, min_samples=4, copy=True).fit(units).labels_
    assert adjusted_rand(hdbscan_labels(units, 8, 4), reference) == 1.0
    assert 0 < (reference < 0).mean() < 1


def test_vectors_closer_than_float32_tells_apart_do_not_break_the_hierarchy() -> None:
    rng = np.random.default_rng(1)
    centres = np.repeat(rng.normal(size=(3, 16)), 12, axis=0)
    near = unit_vectors(centres + 1e-12 * rng.normal(size=centres.shape))
    labels = hdbscan_labels(np.concatenate((near, unit_vectors(rng.normal(size=(20, 16))))), 5, 5)
    groups = [set(labels[start : start + 12].tolist()) for start in (0, 12, 24)]
    assert sorted(map(sorted, groups)) == [[0], [1], [2]]


def test_a_single_cluster_with_nothing_beside_it_is_not_found() -> None:
    cloud = planted(np.random.default_rng(0), (60,), spread=0.1)
    assert (hdbscan_labels(unit_vectors(cloud.points), 5, 5) == -1).all()


@pytest.mark.parametrize(("count", "size", "samples"), [(1, 2, 2), (6, 7, 2), (6, 2, 7)])
def test_fewer_vectors_than_a_cluster_or_a_density_needs_are_outliers(count: int, size: int, samples: int) -> None:
    units = unit_vectors(np.random.default_rng(0).normal(size=(count, 4)))
    assert hdbscan_labels(units, size, samples).tolist() == [-1] * count
