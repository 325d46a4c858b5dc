from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import euclidean_distances, finite_points, merge_repeats
from panic_tda.errors import RequestError

coordinates = st.floats(-1e6, 1e6, width=32)
clouds = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=coordinates)


def by_definition(points: ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(points, np.longdouble)
    distances = np.sqrt(((rows[:, None] - rows[None, :]) ** 2).sum(axis=-1))
    rounded: NDArray[np.float64] = distances.astype(np.float64)
    return rounded


@given(clouds)
def test_distances_are_those_of_the_definition_symmetric_and_zero_on_the_diagonal(points: NDArray[np.float32]) -> None:
    distances = euclidean_distances(points)
    assert distances.dtype == np.float64
    np.testing.assert_allclose(distances, by_definition(points), rtol=1e-9, atol=0)
    assert (distances == distances.T).all()
    assert not distances.diagonal().any()


@pytest.mark.parametrize("gap", [1e-1, 1e-2, 1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_distances_of_nearly_equal_vectors_keep_their_relative_accuracy(gap: float, offset: float) -> None:
    rng = np.random.default_rng(7)
    points = rng.normal(size=(1, 768)) + gap * rng.normal(size=(12, 768))
    points = (points / np.linalg.norm(points[0]) + offset).astype(np.float32)
    np.testing.assert_allclose(euclidean_distances(points), by_definition(points), rtol=5e-10, atol=0)


def test_equal_rows_are_at_distance_zero_exactly() -> None:
    row = np.random.default_rng(3).normal(size=768).astype(np.float32)
    others = np.random.default_rng(4).normal(size=(50, 768)).astype(np.float32)
    distances = euclidean_distances(np.vstack([row, others, row]))
    assert distances[0, 51] == 0.0


def test_more_close_pairs_than_fit_in_one_block_are_all_computed_again() -> None:
    points = np.concatenate([np.zeros(100), np.full(100, 1000.0)])[:, None] + np.arange(200)[:, None] * 1e-3
    np.testing.assert_allclose(euclidean_distances(points), np.abs(points - points.T), rtol=1e-12)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_points_have_a_trivial_matrix(count: int) -> None:
    assert euclidean_distances(np.ones((count, 3))).tolist() == [[0.0]] * count


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_points_that_are_not_finite_are_refused_by_row(bad: float) -> None:
    with pytest.raises(RequestError, match="row 1 "):
        euclidean_distances([[0.0, 1.0], [bad, 1.0], [bad, 2.0]])


def test_a_float64_too_large_for_float32_is_refused_when_merging() -> None:
    with pytest.raises(RequestError, match="float32"):
        merge_repeats([[1e300]])


@pytest.mark.parametrize("large", [1e200, 1.7e308])
def test_points_whose_squares_overflow_are_refused(large: float) -> None:
    with pytest.raises(RequestError, match="overflow"):
        euclidean_distances([[large, 0.0], [-large, 0.0]])


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (3, 0)])
def test_arrays_that_are_not_steps_by_dimensions_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(RequestError, match="steps, dimensions"):
        finite_points(np.ones(shape), np.float64)


def test_an_empty_list_is_no_points() -> None:
    assert finite_points([], np.float32).shape == (0, 0)
    assert merge_repeats([]).multiplicity.shape == (0,)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.sampled_from([0.0, 1.0, -2.5])))
def test_merged_rows_are_distinct_in_order_of_appearance_and_give_the_trajectory_back(
    points: NDArray[np.float32],
) -> None:
    distinct = merge_repeats(points)
    assert (distinct.points[distinct.index] == points).all()
    assert [tuple(row) for row in distinct.points.tolist()] == list(dict.fromkeys(map(tuple, points.tolist())))
    assert distinct.multiplicity.tolist() == np.bincount(distinct.index).tolist()
    assert [distinct.points.dtype, distinct.index.dtype, distinct.multiplicity.dtype] == ["f4", "i8", "i8"]


def test_negative_zero_is_merged_with_zero() -> None:
    distinct = merge_repeats(np.array([[-0.0, 1.0], [0.0, 1.0]], np.float32))
    assert distinct.multiplicity.tolist() == [2]
    assert not np.signbit(distinct.points).any()


def test_rows_that_differ_in_the_last_bit_stay_distinct() -> None:
    assert len(merge_repeats(np.array([[1.0], [np.nextafter(np.float32(1), np.float32(2))]], np.float32)).points) == 2


def test_rows_that_become_equal_as_float32_are_merged() -> None:
    assert merge_repeats([[1.0], [1.0 + 1e-12]]).multiplicity.tolist() == [2]


def test_columns_of_a_larger_array_are_merged_too() -> None:
    points = np.array([[1.0, 9.0], [1.0, 8.0]], np.float32)
    assert merge_repeats(points[:, :1]).multiplicity.tolist() == [2]
