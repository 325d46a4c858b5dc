from __future__ import annotations

import numpy as np
import pytest
import redzed_tda
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.edge_collapse import SMALLEST_CLOUD, collapse_edges, enclosing_radius, is_collapsible
from panic_tda.analysis.homology import persistence_diagram


def circle(count: int, noise: float = 0.05) -> NDArray[np.float64]:
    rng = np.random.default_rng(count)
    angle = rng.uniform(0, 2 * np.pi, count)
    return np.column_stack((np.cos(angle), np.sin(angle))) + rng.normal(scale=noise, size=(count, 2))


def around_five_attractors(count: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(count)
    attractors = 3 * rng.normal(size=(5, 64))
    scatter: NDArray[np.float64] = rng.normal(scale=0.1, size=(count, 64))
    return attractors[rng.integers(5, size=count)] + scatter * rng.exponential(size=(count, 1))


def torus(count: int) -> NDArray[np.float64]:
    long, short = np.random.default_rng(count).uniform(0, 2 * np.pi, (2, count))
    ring = 1 + 0.4 * np.cos(short)
    return np.column_stack((ring * np.cos(long), ring * np.sin(long), 0.4 * np.sin(short)))


def sphere(count: int, dimension: int) -> NDArray[np.float64]:
    rows = np.random.default_rng(count).normal(size=(count, dimension))
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize("points", [circle(150), torus(150)], ids=["circle", "torus"])
def test_clouds_on_curves_and_surfaces_collapse(points: NDArray[np.float64]) -> None:
    distances = euclidean_distances(points)
    assert is_collapsible(distances)
    within = np.triu(distances <= enclosing_radius(distances), k=1).sum()
    left = np.triu(collapse_edges(distances, absent=np.inf) < np.inf, k=1).sum()
    assert left < within / 5


def test_clouds_that_fill_many_dimensions_are_left_as_they_are() -> None:
    assert not is_collapsible(euclidean_distances(sphere(150, 256)))


def test_small_clouds_are_left_as_they_are() -> None:
    assert not is_collapsible(euclidean_distances(circle(SMALLEST_CLOUD - 1)))
    assert is_collapsible(euclidean_distances(circle(SMALLEST_CLOUD)))


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 40), st.integers(1, 6), st.booleans(), st.integers(0, 10_000))
def test_a_collapsed_cloud_has_the_bars_of_the_whole_cloud(count: int, dims: int, ties: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.unique(rng.integers(0, 4, (count, dims)) if ties else rng.normal(size=(count, dims)), axis=0)
    distances = euclidean_distances(points).astype(np.float32).astype(np.float64)
    radius = enclosing_radius(distances)
    whole = redzed_tda.rips(distances, maxdim=2)
    few = redzed_tda.rips(collapse_edges(distances, absent=2 * radius + 1), maxdim=2, threshold=radius)
    for one, other in zip(whole, few, strict=True):
        lasting, still = (bars[bars[:, 1] > bars[:, 0]] for bars in (one, other))
        np.testing.assert_array_equal(np.sort(lasting, axis=0), np.sort(still, axis=0))


@pytest.mark.parametrize(
    "points", [circle(200), around_five_attractors(200), torus(120)], ids=["circle", "attractors", "torus"]
)
def test_diagrams_of_clouds_that_collapse_agree_between_the_engines(points: NDArray[np.float64]) -> None:
    assert is_collapsible(euclidean_distances(points))
    ours, theirs = (persistence_diagram(points, engine=engine) for engine in ("redzed", "gudhi"))
    assert sum(len(bars) for bars in ours.bars[1:]) > 0
    for one, other in zip(ours.bars, theirs.bars, strict=True):
        np.testing.assert_array_equal(one, other)
