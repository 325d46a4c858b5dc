from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from panic_tda.analysis.rosenstein import nearest_neighbour_exponent
from panic_tda.errors import RequestError

Array = np.ndarray[Any, Any]


def logistic(steps: int) -> Array:
    places = [0.3]
    for _ in range(steps - 1):
        places.append(4.0 * places[-1] * (1.0 - places[-1]))
    return np.array(places)[:, None]


def henon(steps: int) -> Array:
    places = [(0.1, 0.1)]
    for _ in range(steps + 50):
        x, y = places[-1]
        places.append((1.0 - 1.4 * x * x + y, 0.3 * x))
    return np.array(places[-steps:])


def test_the_logistic_map_at_four_has_log_two() -> None:
    found = nearest_neighbour_exponent(logistic(1000), theiler=5, horizon=20)
    assert found.exponent == pytest.approx(np.log(2.0), rel=0.05)
    assert found.r_squared > 0.99
    assert (found.pairs, found.log_divergence.shape, found.first, found.cautions) == (980, (21,), 0, ())


def test_the_henon_map_has_its_exponent() -> None:
    assert nearest_neighbour_exponent(henon(1000), theiler=10, horizon=30).exponent == pytest.approx(0.419, rel=0.05)


def test_a_circle_that_is_walked_again_and_again_does_not_diverge() -> None:
    angles = 0.1 * np.sqrt(2.0) * np.arange(400)
    found = nearest_neighbour_exponent(np.column_stack([np.cos(angles), np.sin(angles)]), theiler=10, horizon=30)
    assert abs(found.exponent) < 0.01
    assert any("by a factor of 1.0 only" in caution for caution in found.cautions)


def test_pairs_are_nearest_neighbours_that_are_neither_close_in_time_nor_equal() -> None:
    points = np.random.default_rng(5).normal(size=(60, 2))
    points[30], points[50] = points[3], points[20]
    found = nearest_neighbour_exponent(points, theiler=4, horizon=6)
    logs: list[list[float]] = [[] for _ in range(7)]
    pairs = 0
    for one in range(54):
        apart = [float(np.linalg.norm(points[one] - points[other])) for other in range(54)]
        allowed = [other for other in range(54) if abs(one - other) >= 4 and apart[other] > 0.0]
        other = min(allowed, key=apart.__getitem__)
        pairs += 1
        for step in range(7):
            distance = float(np.linalg.norm(points[one + step] - points[other + step]))
            logs[step] += [np.log(distance)] if distance else []
    np.testing.assert_allclose(found.log_divergence, [np.mean(each) for each in logs])
    assert found.pairs == pairs


def test_the_first_steps_may_be_left_out() -> None:
    found = nearest_neighbour_exponent(logistic(600), theiler=5, horizon=20, first=2)
    assert found.first == 2
    assert found.last > 2
    assert found.exponent == pytest.approx(np.log(2.0), rel=0.05)


def test_few_pairs_are_told() -> None:
    found = nearest_neighbour_exponent(logistic(40), theiler=2, horizon=10)
    assert "only 30 pairs" in found.cautions


@pytest.mark.parametrize("points", [np.zeros((30, 1)), logistic(12)])
def test_a_trajectory_without_pairs_is_refused(points: Array) -> None:
    with pytest.raises(RequestError, match="no two steps"):
        nearest_neighbour_exponent(points, theiler=5, horizon=10)


def test_a_trajectory_whose_pairs_all_merge_is_refused() -> None:
    points = np.array([1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0])[:, None]
    with pytest.raises(RequestError, match="repeats itself exactly"):
        nearest_neighbour_exponent(points, theiler=3, horizon=2)


@pytest.mark.parametrize("options", [{"theiler": 0, "horizon": 5}, {"theiler": 1, "horizon": 1}])
def test_impossible_choices_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(RequestError, match="theiler must be at least 1"):
        nearest_neighbour_exponent(logistic(50), **options)
    with pytest.raises(RequestError, match="horizon 2 more than first"):
        nearest_neighbour_exponent(logistic(50), theiler=1, horizon=5, first=4)
