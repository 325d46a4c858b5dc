from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.procrustes_distance import FURTHEST, procrustes_distance


@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_a_rotated_shifted_and_scaled_copy_lies_upon_the_other(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(24, 5))
    turned = scale * one @ np.linalg.qr(rng.normal(size=(5, 5)))[0] - 3.0
    found = procrustes_distance(one, turned, rng, runs=np.repeat(range(6), 4).tolist(), resamples=5, permutations=5)
    assert found.distance.high < 1e-6
    assert found.chance > 0.5


def test_it_is_the_least_distance_over_all_rotations() -> None:
    from scipy.linalg import orthogonal_procrustes

    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    first, second = ((each - each.mean(axis=0)) / np.linalg.norm(each - each.mean(axis=0)) for each in (one, other))
    rotation, _ = orthogonal_procrustes(second, first)
    expected = np.linalg.norm(first - second @ rotation)
    assert procrustes_distance(one, other, rng).distance.estimate == pytest.approx(expected)


def test_it_does_not_matter_which_comes_first_or_how_many_dimensions_each_has() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=(20, 3)), rng.normal(size=(20, 40))
    there, back = (procrustes_distance(*each, rng, resamples=1).distance for each in ((one, other), (other, one)))
    assert there.estimate == pytest.approx(back.estimate)


def test_unrelated_clouds_are_as_far_apart_as_with_their_runs_dealt_anew() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=(2, 200, 3))
    found = procrustes_distance(one, other, rng, runs=np.repeat(range(20), 10).tolist())
    assert found.distance.low < found.chance < found.distance.high
    assert 1.1 < found.chance < FURTHEST


def test_few_outputs_in_many_dimensions_lie_near_each_other_by_chance_and_it_is_told() -> None:
    rng = np.random.default_rng(4)
    found = procrustes_distance(rng.normal(size=(12, 300)), rng.normal(size=(12, 300)), rng)
    assert found.distance.estimate == pytest.approx(found.chance, abs=0.05)
    assert found.chance < 0.4


def test_a_cloud_without_extent_has_no_distance() -> None:
    rng = np.random.default_rng(5)
    assert np.isnan(procrustes_distance(rng.normal(size=(9, 3)), np.ones((9, 3)), rng).distance.estimate)
