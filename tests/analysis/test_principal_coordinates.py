from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.principal_coordinates import principal_coordinates
from panic_tda.errors import RequestError


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(1, 5))
def test_the_points_have_the_distances_they_were_made_from(seed: int, runs: int, dimensions: int) -> None:
    distances = euclidean_distances(np.random.default_rng(seed).normal(size=(runs, dimensions)))
    found = principal_coordinates(distances)
    assert (found.signs == 1.0).all()
    assert found.points.shape[1] <= min(runs - 1, dimensions)
    np.testing.assert_allclose(euclidean_distances(found.points), distances, atol=1e-7)
    np.testing.assert_allclose(found.points.mean(axis=0), 0.0, atol=1e-9)


def test_distances_no_space_has_come_with_negative_directions() -> None:
    distances = np.array([[0, 1, 1, 2], [1, 0, 2, 1], [1, 2, 0, 1], [2, 1, 1, 0.0]]) ** 2
    found = principal_coordinates(distances)
    assert (found.signs < 0).any()
    gaps = found.points[:, None, :] - found.points[None, :, :]
    np.testing.assert_allclose((gaps**2) @ found.signs, distances**2, atol=1e-9)
    assert found.squares(found.points) == pytest.approx((distances**2).sum() / 8)


def test_runs_in_one_place_have_no_coordinates() -> None:
    assert principal_coordinates(np.zeros((3, 3))).points.shape == (3, 0)


@pytest.mark.parametrize(
    "distances",
    [np.zeros((1, 1)), np.zeros((2, 3)), [[0, 1], [2, 0]], [[1, 1], [1, 0]], [[0, -1], [-1, 0]], [[0, np.inf]] * 2],
)
def test_what_holds_no_distances_is_refused(distances: ArrayLike) -> None:
    with pytest.raises(RequestError, match="distances must be"):
        principal_coordinates(distances)
