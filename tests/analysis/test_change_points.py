from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panic_tda.analysis.change_points import change_points
from panic_tda.errors import RequestError


def noise(steps: int, dimensions: int, seed: int, memory: float = 0.0) -> NDArray[np.float64]:
    rows = np.random.default_rng(seed).normal(size=(steps, dimensions))
    for step in range(1, steps):
        rows[step] = memory * rows[step - 1] + np.sqrt(1 - memory**2) * rows[step]
    return rows


def jumps(dimensions: int, seed: int, *, at: tuple[int, int] = (30, 70)) -> NDArray[np.float64]:
    means = np.random.default_rng(seed).normal(size=(3, dimensions))
    return means[np.searchsorted(at, np.arange(100), side="right")]


@pytest.mark.parametrize("dimensions", [8, 768])
def test_changes_at_30_and_70_of_100_are_found(dimensions: int) -> None:
    for seed in range(5):
        found = change_points(noise(100, dimensions, seed) + 1.5 * jumps(dimensions, seed + 50))
        assert len(found.steps) == 2
        assert np.abs(found.steps - [30, 70]).max() <= 2


def test_changes_of_normalised_vectors_are_found() -> None:
    points = noise(100, 768, 0) + jumps(768, 1)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    assert np.abs(change_points(points.astype(np.float32)).steps - [30, 70]).max() <= 2


@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_noise_without_a_change_has_none(memory: float) -> None:
    alarms = sum(len(change_points(noise(100, 10, seed, memory)).steps) > 0 for seed in range(60))
    assert alarms <= 3


def test_memory_noise_and_dimensions_are_estimated_in_spite_of_changes() -> None:
    found = change_points(noise(400, 30, 3, memory=0.4) + 2.0 * jumps(30, 4)[np.arange(400) // 4])
    assert found.memory == pytest.approx(0.4, abs=0.1)
    assert found.noise == pytest.approx(np.sqrt(30), rel=0.1)
    assert found.effective_dimension == pytest.approx(30, rel=0.2)


def test_the_shift_is_how_far_the_mean_moved() -> None:
    points = 0.1 * noise(60, 6, 5)
    points[25:, 0] += 3.0
    found = change_points(points)
    assert found.steps.tolist() == [25]
    assert found.shifts == pytest.approx([3.0], rel=0.05)


def test_coming_to_rest_is_a_change_though_most_steps_do_not_move() -> None:
    points = noise(100, 8, 6)
    points[20:] = 2.0
    assert change_points(points).steps.tolist() == [20]


def test_a_jump_between_two_points_at_rest_is_a_change() -> None:
    points = np.zeros((60, 4))
    points[30:] = 1.0
    assert change_points(points).steps.tolist() == [30]


@pytest.mark.parametrize("period", [2, 3])
def test_a_cycle_is_no_series_of_changes(period: int) -> None:
    assert len(change_points(noise(period, 16, 7)[np.arange(90) % period]).steps) == 0


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100.0))
@settings(max_examples=20)
def test_scale_place_and_direction_do_not_matter(seed: int, scale: float) -> None:
    points = noise(60, 5, seed)
    points[20:] += 1.5
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    assert change_points(scale * points @ turn + 3.0).steps.tolist() == change_points(points).steps.tolist()


def test_pieces_are_at_least_as_long_as_asked() -> None:
    points = 0.1 * noise(60, 6, 8)
    points[30:34] += 3.0
    assert change_points(points).steps.tolist() == [30, 34]
    assert np.diff([0, *change_points(points, shortest=8).steps, 60]).min() >= 8


@pytest.mark.parametrize("points", [np.empty((0, 0)), np.zeros((1, 3)), noise(9, 3, 9), np.ones((50, 3))])
def test_too_few_steps_or_none_that_moves_have_no_change(points: NDArray[np.float64]) -> None:
    found = change_points(points)
    assert len(found.steps) == len(found.shifts) == 0


def test_what_makes_false_alarms_likelier_is_told() -> None:
    assert change_points(noise(100, 10, 10)).cautions == ()
    assert "only 12 steps" in change_points(noise(12, 10, 11)).cautions
    assert any("few dimensions" in each for each in change_points(noise(100, 2, 12)).cautions)
    assert any("slow wandering" in each for each in change_points(noise(200, 20, 13, memory=0.9)).cautions)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(RequestError, match="shortest piece"):
        change_points(noise(20, 2, 0), shortest=0)
    with pytest.raises(RequestError, match="row 1"):
        change_points([[0.0], [np.nan]])
