from __future__ import annotations

import math
from typing import Any

import numpy as np
import persim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis import sliced_wasserstein
from panic_tda.analysis.diagram_distances import wasserstein_distance
from panic_tda.analysis.sliced_wasserstein import sliced_wasserstein_distance, sliced_wasserstein_matrix
from panic_tda.errors import RequestError

NOTHING: list[tuple[float, float]] = []
numbers = st.integers(0, 8) | st.floats(0, 8, width=32)
diagrams = st.lists(st.tuples(numbers, numbers).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=8)


def random_bars(count: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    birth = rng.random(count)
    return np.column_stack((birth, birth + rng.exponential(0.2, count)))


def by_definition(one: ArrayLike, other: ArrayLike, directions: int) -> float:
    """Point by point: both diagrams with the other's projection on the diagonal, projected, sorted, compared."""
    first, second = ([(float(b), float(d)) for b, d in np.asarray(bars)] for bars in (one, other))
    total = 0.0
    for k in range(directions):
        angle = -math.pi / 2 + k * math.pi / directions
        mine = first + [((b + d) / 2, (b + d) / 2) for b, d in second]
        theirs = second + [((b + d) / 2, (b + d) / 2) for b, d in first]
        values = [sorted(x * math.cos(angle) + y * math.sin(angle) for x, y in side) for side in (mine, theirs)]
        total += sum(abs(x - y) for x, y in zip(*values, strict=True))
    return total / directions


@pytest.mark.parametrize("directions", [1, 7, 50])
@pytest.mark.parametrize("sizes", [(0, 4), (1, 1), (3, 8), (200, 150)])
def test_it_agrees_with_the_definition(sizes: tuple[int, int], directions: int) -> None:
    one, other = random_bars(sizes[0], 1), random_bars(sizes[1], 2)
    expected = by_definition(one, other, directions)
    assert sliced_wasserstein_distance(one, other, directions=directions) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_persim_agrees_as_far_as_its_float32_directions_allow(seed: int) -> None:
    one, other = random_bars(12, seed), random_bars(9, seed + 10)
    assert sliced_wasserstein_distance(one, other) == pytest.approx(persim.sliced_wasserstein(one, other), rel=1e-5)


def test_a_single_bar_against_nothing_is_known_in_closed_form() -> None:
    """Its way to the diagonal is ℓ/√2 along the normal; the mean of |cos| over all directions is 2/π."""
    found = sliced_wasserstein_distance([(0, 1)], NOTHING, directions=2000)
    assert found == pytest.approx(2 / math.pi / math.sqrt(2), rel=1e-5)


@settings(max_examples=150)
@given(diagrams, diagrams, st.integers(1, 20))
def test_it_is_at_most_two_root_two_times_the_wasserstein_distance(
    one: list[Any], other: list[Any], directions: int
) -> None:
    bound = 2 * math.sqrt(2) * wasserstein_distance(one, other, ground=math.inf)
    assert sliced_wasserstein_distance(one, other, directions=directions) <= bound * (1 + 1e-9) + 1e-12


@settings(max_examples=60)
@given(diagrams, diagrams, diagrams)
def test_the_axioms_of_a_metric_hold(one: list[Any], other: list[Any], third: list[Any]) -> None:
    matrix = sliced_wasserstein_matrix([one, other, third, one[::-1]], directions=16)
    assert matrix.tolist() == matrix.T.tolist()
    assert matrix[0, 3] <= 1e-12
    assert matrix[0, 2] <= matrix[0, 1] + matrix[1, 2] + 1e-12
    different = sorted(bar for bar in one if bar[1] > bar[0]) != sorted(bar for bar in other if bar[1] > bar[0])
    assert (matrix[0, 1] > 1e-12) or not different


def test_the_matrix_holds_the_distances_of_the_pairs() -> None:
    bars = [random_bars(n, n) for n in (0, 12, 5, 30)]
    matrix = sliced_wasserstein_matrix(bars)
    for i, j in np.ndindex(4, 4):
        assert matrix[i, j] == pytest.approx(sliced_wasserstein_distance(bars[i], bars[j]), rel=1e-12)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_diagrams_have_no_pairs(count: int) -> None:
    assert sliced_wasserstein_matrix([random_bars(4, 0)] * count).tolist() == [[0.0] * count] * count


def test_directions_taken_in_blocks_give_the_same_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = [random_bars(20, seed) for seed in range(4)]
    at_once = sliced_wasserstein_matrix(bars, directions=11)
    monkeypatch.setattr(sliced_wasserstein, "_BYTES", 16 * 80 * 3)
    np.testing.assert_allclose(sliced_wasserstein_matrix(bars, directions=11), at_once, rtol=1e-13)


def test_zero_length_bars_change_nothing() -> None:
    bars, padded = [(0.0, 2.0), (1.0, 4.0)], [(0.0, 2.0), (3.0, 3.0), (1.0, 4.0)]
    assert sliced_wasserstein_distance(bars, padded) == 0.0


def test_infinite_bars_are_matched_by_birth() -> None:
    one, other = [(0, 1), (3, math.inf), (0, math.inf)], [(0, 1), (1, math.inf), (5, math.inf)]
    assert sliced_wasserstein_distance(one, other) == pytest.approx(3.0)


def test_different_numbers_of_infinite_bars_are_infinitely_far_apart() -> None:
    matrix = sliced_wasserstein_matrix([[(0, math.inf)], [(0, 1)], [(0, math.inf), (0, 1)]])
    assert matrix[0, 1] == matrix[1, 2] == math.inf
    assert 0 < matrix[0, 2] < math.inf


@pytest.mark.parametrize("bars", [[1.0, 2.0], [(1, 2, 3)], [(2, 1)], [(np.nan, 1)], [(-np.inf, 0)]])
def test_arrays_that_are_no_diagrams_are_refused(bars: Any) -> None:
    with pytest.raises(RequestError, match="bar"):
        sliced_wasserstein_matrix([[(0, 1)], bars])


def test_at_least_one_direction_is_needed() -> None:
    with pytest.raises(RequestError, match="directions"):
        sliced_wasserstein_matrix([], directions=0)
