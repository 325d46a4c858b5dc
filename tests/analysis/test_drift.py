from __future__ import annotations

import numpy as np
import pytest

from panic_tda.analysis.drift import distance_to_previous, distance_to_start
from panic_tda.errors import RequestError


def test_drift_on_a_staircase_is_counted_by_hand() -> None:
    points = [[0, 0], [3, 0], [3, 4], [0, 0]]
    assert distance_to_start(points).tolist() == [0, 3, 5, 0]
    assert distance_to_previous(points).tolist() == [3, 4, 5]


def test_drift_of_unit_vectors_is_the_chord_not_the_cosine_distance() -> None:
    angle = np.array([0.0, 0.3, 1.0, np.pi])
    points = np.column_stack((np.cos(angle), np.sin(angle)))
    np.testing.assert_allclose(distance_to_start(points), 2 * np.sin(angle / 2), atol=1e-15)
    np.testing.assert_allclose(distance_to_previous(points), 2 * np.sin(np.diff(angle) / 2))


def test_a_random_walk_on_the_sphere_forgets_its_start_at_the_known_rate() -> None:
    """Steps with E[x'|x] = c·x give E[⟨x₀, x_t⟩] = c^t, so E[chord²] = 2 − 2·c^t."""
    rng, cosine, walks, steps = np.random.default_rng(0), 0.9, 4000, 12
    x = np.tile([0.0, 0.0, 1.0], (walks, 1))
    path = [x]
    for _ in range(steps):
        sideways = np.cross(x, rng.normal(size=x.shape))
        sideways /= np.linalg.norm(sideways, axis=1, keepdims=True)
        x = cosine * x + np.sqrt(1 - cosine**2) * sideways
        path.append(x)
    trajectories = np.stack(path, axis=1)
    squared = np.mean([distance_to_start(walk) ** 2 for walk in trajectories], axis=0)
    np.testing.assert_allclose(squared, 2 - 2 * cosine ** np.arange(steps + 1), atol=0.05)
    assert distance_to_previous(trajectories[0]) == pytest.approx(np.full(steps, np.sqrt(2 - 2 * cosine)))


def test_float32_steps_are_measured_in_float64() -> None:
    points = np.array([[1.0], [1.0 + 2.0**-23]], np.float32)
    assert distance_to_previous(points).dtype == np.float64
    assert distance_to_previous(points).tolist() == [2.0**-23]


@pytest.mark.parametrize(("count", "steps"), [(0, 0), (1, 0), (2, 1)])
def test_short_trajectories_have_short_drifts(count: int, steps: int) -> None:
    points = np.ones((count, 3))
    assert distance_to_start(points).tolist() == [0.0] * count
    assert distance_to_previous(points).tolist() == [0.0] * steps


def test_drift_of_vectors_that_are_not_finite_is_refused() -> None:
    for drift in (distance_to_start, distance_to_previous):
        with pytest.raises(RequestError, match="row 1"):
            drift([[0.0], [np.nan]])
