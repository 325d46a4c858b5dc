from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import OPTICS, compute_optics_graph

from panic_tda.analysis.optics import optics_labels, reachability
from panic_tda.analysis.unit_vectors import chord_distances, unit_vectors
from support.clusters import planted


@pytest.mark.parametrize("samples", [2, 5, 11])
def test_the_order_and_the_reach_are_those_of_scikit_learn(samples: int) -> None:
    distances = chord_distances(unit_vectors(planted(np.random.default_rng(samples), (40, 20), noise=20).points))
    order, _, reach, predecessor = compute_optics_graph(
        distances, min_samples=samples, max_eps=np.inf, metric="precomputed", p=2, metric_params=None,
        algorithm="brute", leaf_size=30, n_jobs=None,
    )  # fmt: skip
    found = reachability(distances, samples)
    assert found.order.tolist() == order.tolist()
    assert found.distance.tolist() == reach.tolist()
    assert found.predecessor.tolist() == predecessor.tolist()


def test_the_labels_are_those_of_scikit_learn() -> None:
    units = unit_vectors(planted(np.random.default_rng(4), (40, 30, 20), noise=20, spread=0.6).points)
    reference = OPTICS(min_samples=5, min_cluster_size=8, metric="precomputed").fit_predict(chord_distances(units))
    assert optics_labels(units, 8, 5).tolist() == reference.tolist()
    assert reference.max() >= 2


@pytest.mark.parametrize(("count", "size", "samples"), [(1, 2, 2), (6, 7, 2), (6, 2, 7)])
def test_fewer_vectors_than_a_cluster_or_a_density_needs_are_outliers(count: int, size: int, samples: int) -> None:
    units = unit_vectors(np.random.default_rng(0).normal(size=(count, 4)))
    assert optics_labels(units, size, samples).tolist() == [-1] * count
