from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.unit_vectors import RESOLUTION, chord_distances, unit_vectors
from panic_tda.errors import RequestError

coordinates = st.floats(1e-150, 1e150).flatmap(lambda size: st.sampled_from([size, -size]))


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 6)), elements=coordinates))
def test_every_row_has_length_one_and_its_direction(rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    units = unit_vectors(rows)
    np.testing.assert_allclose(np.linalg.norm(units, axis=1), 1.0, rtol=1e-12)
    assert (np.sign(units) == np.sign(rows))[np.abs(units) > 0].all()


def test_lengths_that_overflow_or_vanish_do_no_harm() -> None:
    np.testing.assert_allclose(unit_vectors([[3e300, 4e300], [3e-300, 4e-300]]), [[0.6, 0.8]] * 2, rtol=1e-12)


def test_a_row_of_zeros_is_named() -> None:
    with pytest.raises(RequestError, match="row 1 of the points is zero"):
        unit_vectors([[1.0, 0.0], [0.0, 0.0]])


def test_a_row_that_is_not_finite_is_refused() -> None:
    with pytest.raises(RequestError, match="row 0 of the points is not finite"):
        unit_vectors([[np.nan, 0.0]])


@pytest.mark.parametrize("shape", [(2, 3), (17, 5), (200, 64)])
def test_chord_distances_are_the_euclidean_ones_symmetric_with_a_zero_diagonal(shape: tuple[int, int]) -> None:
    units = unit_vectors(np.random.default_rng(0).normal(size=shape))
    distances = chord_distances(units)
    np.testing.assert_allclose(distances, euclidean_distances(units), atol=1e-7)
    assert (distances == distances.T).all()
    assert not np.diag(distances).any()


def test_opposite_vectors_lie_two_apart_and_no_two_rows_at_distance_zero() -> None:
    units = unit_vectors([[1.0, 0.0], [-1.0, 0.0], [1.0, 1e-12]])
    distances = chord_distances(units)
    assert distances[0, 1] == 2.0
    assert distances[0, 2] == RESOLUTION
