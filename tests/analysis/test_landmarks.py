from __future__ import annotations

import numpy as np
import pytest

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.landmarks import maxmin_landmarks
from panic_tda.errors import RequestError


def test_each_landmark_is_the_point_farthest_from_those_before() -> None:
    points = np.random.default_rng(0).normal(size=(80, 5))
    distances = euclidean_distances(points)
    rows = maxmin_landmarks(points, 10).rows
    assert rows[0] == 0
    for k in range(1, 10):
        assert distances[rows[:k], rows[k]].min() == pytest.approx(distances[rows[:k]].min(axis=0).max())


@pytest.mark.parametrize("count", [1, 2, 7, 79])
def test_covering_radius_is_the_greatest_distance_to_the_nearest_landmark(count: int) -> None:
    points = np.random.default_rng(1).normal(size=(80, 5))
    landmarks = maxmin_landmarks(points, count)
    to_nearest = euclidean_distances(points)[landmarks.rows].min(axis=0)
    assert landmarks.covering_radius == pytest.approx(to_nearest.max(), rel=1e-9)
    assert len(set(landmarks.rows.tolist())) == count


def test_a_line_is_covered_from_its_ends() -> None:
    landmarks = maxmin_landmarks(np.arange(9.0)[:, None], 3)
    assert landmarks.rows.tolist() == [0, 8, 4]
    assert landmarks.covering_radius == 2.0


def test_landmarks_are_distinct_even_among_equal_points() -> None:
    landmarks = maxmin_landmarks(np.ones((5, 2)), 3)
    assert len(set(landmarks.rows.tolist())) == 3
    assert landmarks.covering_radius == 0.0


@pytest.mark.parametrize("size", [0, 1, 4])
def test_all_points_are_landmarks_when_there_are_few(size: int) -> None:
    landmarks = maxmin_landmarks(np.ones((size, 2)), 4)
    assert landmarks.rows.tolist() == list(range(size))
    assert landmarks.covering_radius == 0.0


def test_no_landmarks_are_refused() -> None:
    with pytest.raises(RequestError, match="at least 1"):
        maxmin_landmarks(np.ones((3, 2)), 0)
