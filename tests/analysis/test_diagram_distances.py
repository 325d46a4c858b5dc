from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from itertools import combinations, permutations
from typing import Any

import gudhi
import numpy as np
import persim
import pytest
from gudhi import hera
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.diagram_distances import (
    bottleneck_distance,
    distance_matrix,
    lifetime_l1,
    split_bars,
    wasserstein_distance,
)
from panic_tda.errors import RequestError

Distance = Callable[[ArrayLike, ArrayLike], float]
Bars = list[tuple[float, float]]
NOTHING: Bars = []
METRICS: dict[str, Distance] = {
    "bottleneck": bottleneck_distance,
    "W1, L2": wasserstein_distance,
    "W2, L2": partial(wasserstein_distance, q=2),
    "W1, L∞": partial(wasserstein_distance, ground=math.inf),
    "W3, L1": partial(wasserstein_distance, q=3, ground=1),
}
metrics = pytest.mark.parametrize("distance", METRICS.values(), ids=list(METRICS))
all_distances = pytest.mark.parametrize("distance", [*METRICS.values(), lifetime_l1], ids=[*METRICS, "lifetime L1"])


def random_bars(count: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    birth = rng.random(count)
    return np.column_stack((birth, birth + rng.exponential(0.2, count)))


def bar_lists(max_size: int, infinite: int = 0) -> st.SearchStrategy[Bars]:
    numbers = st.integers(0, 8) | st.floats(0, 8, width=32)
    finite = st.lists(st.tuples(numbers, numbers).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=max_size)
    endless = st.lists(numbers.map(lambda birth: (birth, math.inf)), min_size=infinite, max_size=infinite)
    return st.tuples(finite, endless).map(lambda parts: parts[0] + parts[1])


@pytest.mark.parametrize(
    ("one", "other", "bottleneck", "w1", "w2"),
    [
        ([(1, 3), (2, 5)], [(0, 2), (3, 6)], 1.0, 2 * math.sqrt(2), 2.0),
        ([(0, 4)], [(0, 4)], 0.0, 0.0, 0.0),
        ([(0, 4)], NOTHING, 2.0, 4 / math.sqrt(2), 4 / math.sqrt(2)),
        ([(0, 4)], [(0, 5)], 1.0, 1.0, 1.0),
        ([(0, 2)], [(10, 12)], 1.0, 2 * math.sqrt(2), 2.0),
        ([(0, 10), (4, 5)], [(0, 10)], 0.5, 1 / math.sqrt(2), 1 / math.sqrt(2)),
        ([(0, math.inf)], [(3, math.inf)], 3.0, 3.0, 3.0),
        ([(0, math.inf), (0, 1)], [(2, math.inf)], 2.0, 2 + 1 / math.sqrt(2), math.sqrt(4.5)),
        ([(5, math.inf), (1, math.inf)], [(2, math.inf), (4, math.inf)], 1.0, 2.0, math.sqrt(2)),
        (NOTHING, NOTHING, 0.0, 0.0, 0.0),
    ],
)
def test_distances_of_diagrams_matched_by_hand(one: Bars, other: Bars, bottleneck: float, w1: float, w2: float) -> None:
    assert bottleneck_distance(one, other) == pytest.approx(bottleneck, abs=1e-15)
    assert wasserstein_distance(one, other) == pytest.approx(w1, abs=1e-15)
    assert wasserstein_distance(one, other, q=2) == pytest.approx(w2, abs=1e-15)


@pytest.mark.parametrize(("ground", "to_diagonal"), [(1, 1.0), (2, 1 / math.sqrt(2)), (math.inf, 0.5)])
def test_the_way_to_the_diagonal_is_measured_in_the_ground_norm(ground: float, to_diagonal: float) -> None:
    assert wasserstein_distance([(3, 5)], NOTHING, ground=ground) == pytest.approx(2 * to_diagonal)


def test_lifetimes_alone_do_not_see_births_but_the_wasserstein_distance_does() -> None:
    one, other = [(1, 3), (2, 5)], [(0, 2), (3, 6)]
    assert lifetime_l1(one, other) == 0.0
    assert wasserstein_distance(one, other) > 2.8


def test_lifetimes_are_compared_in_order_and_filled_up_with_zeros() -> None:
    assert lifetime_l1([(0, 1), (0, 5), (7, math.inf)], [(2, 6), (0, math.inf)]) == 2.0


@all_distances
def test_different_numbers_of_infinite_bars_are_infinitely_far_apart(distance: Distance) -> None:
    assert distance([(0, math.inf)], [(0, 1)]) == math.inf
    assert distance([(0, math.inf), (0, math.inf)], [(0, math.inf)]) == math.inf


def by_trying_all(one: NDArray[np.float64], other: NDArray[np.float64], q: float, p: float) -> float:
    """Every partial matching of the rows, the rest to the diagonal."""

    def to_diagonal(bars: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return [np.array([(d - b) / 2] * 2) for b, d in bars]

    def cost(mine: tuple[int, ...], theirs: tuple[int, ...]) -> float:
        pairs = [one[i] - other[j] for i, j in zip(mine, theirs, strict=True)]
        ways = pairs + to_diagonal(np.delete(one, mine, 0)) + to_diagonal(np.delete(other, theirs, 0))
        return float(sum(float(np.linalg.norm(way, p)) ** q for way in ways))

    least = min(
        cost(mine, theirs)
        for size in range(min(len(one), len(other)) + 1)
        for mine in combinations(range(len(one)), size)
        for theirs in permutations(range(len(other)), size)
    )
    return float(least ** (1 / q))


@pytest.mark.parametrize(("q", "p"), [(1, 2), (2, 2), (1, np.inf), (2, 1), (3, 1.5)])
@pytest.mark.parametrize("sizes", [(1, 1), (2, 3), (4, 4), (4, 3), (1, 5)])
def test_wasserstein_agrees_with_trying_all_matchings(sizes: tuple[int, int], q: float, p: float) -> None:
    for seed in range(3):
        one, other = random_bars(sizes[0], seed), random_bars(sizes[1], seed + 100)
        assert wasserstein_distance(one, other, q=q, ground=p) == pytest.approx(by_trying_all(one, other, q, p))


@pytest.mark.parametrize(("q", "p"), [(1, 2), (2, 2), (1, np.inf), (2, np.inf)])
@pytest.mark.parametrize("sizes", [(7, 0), (30, 45), (60, 60)])
def test_wasserstein_agrees_with_hera(sizes: tuple[int, int], q: float, p: float) -> None:
    one, other = random_bars(sizes[0], 1), random_bars(sizes[1], 2)
    theirs = hera.wasserstein_distance(one, other, order=q, internal_p=p, delta=1e-8)
    assert wasserstein_distance(one, other, q=q, ground=p) == pytest.approx(theirs, rel=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_persim_agrees_on_finite_bars(seed: int) -> None:
    one, other = random_bars(20, seed), random_bars(15, seed + 10)
    assert wasserstein_distance(one, other) == pytest.approx(persim.wasserstein(one, other))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert bottleneck_distance(one, other) == pytest.approx(persim.bottleneck(one, other))


@pytest.mark.parametrize("sizes", [(3, 0), (10, 12), (60, 80)])
def test_bottleneck_agrees_with_the_exact_algorithm_of_gudhi(sizes: tuple[int, int]) -> None:
    for seed in range(5):
        one, other = random_bars(sizes[0], seed), random_bars(sizes[1], seed + 50)
        exact = gudhi.bottleneck_distance(one, other, 0)
        assert bottleneck_distance(one, other) == pytest.approx(exact, rel=4e-16)


@metrics
@settings(max_examples=40)
@given(st.data())
def test_the_axioms_of_a_metric_hold(distance: Distance, data: st.DataObject) -> None:
    one, other, third = (data.draw(bar_lists(5, infinite=1)) for _ in range(3))
    assert distance(one, one) == 0.0
    assert distance(one, other) == pytest.approx(distance(other, one), rel=1e-12)
    assert distance(one, third) <= (distance(one, other) + distance(other, third)) * (1 + 1e-9)
    lasting = [sorted(bar for bar in bars if bar[1] > bar[0]) for bars in (one, other)]
    assert (distance(one, other) == 0.0) == (lasting[0] == lasting[1])


@all_distances
@given(one=bar_lists(4, infinite=1), other=bar_lists(4, infinite=1), data=st.data())
@settings(max_examples=30)
def test_order_and_zero_length_bars_change_nothing(
    distance: Distance, one: Bars, other: Bars, data: st.DataObject
) -> None:
    padded = data.draw(st.permutations([*one, (1.0, 1.0), (4.0, 4.0)]))
    assert distance(padded, other) == pytest.approx(distance(one, other), rel=1e-12)


@given(bar_lists(6, infinite=1), bar_lists(6, infinite=1))
def test_each_distance_bounds_the_next(one: Bars, other: Bars) -> None:
    w1, w2 = (wasserstein_distance(one, other, q=q, ground=np.inf) for q in (1, 2))
    assert bottleneck_distance(one, other) <= w2 * (1 + 1e-12) <= w1 * (1 + 1e-9)
    assert lifetime_l1(one, other) <= 2 * w1 * (1 + 1e-9)


@pytest.mark.parametrize("scale", [1e-160, 1e160])
def test_powers_neither_overflow_nor_vanish(scale: float) -> None:
    one, other = random_bars(5, 3), random_bars(6, 4)
    scaled = wasserstein_distance(one * scale, other * scale, q=4)
    assert scaled / scale == pytest.approx(wasserstein_distance(one, other, q=4))


def test_the_matrix_holds_every_pair_once_and_is_symmetric() -> None:
    diagrams = [random_bars(n, n) for n in (0, 3, 8, 5)]
    matrix = distance_matrix(diagrams, wasserstein_distance)
    assert matrix.tolist() == matrix.T.tolist()
    for i, j in np.ndindex(4, 4):
        assert matrix[i, j] == (0.0 if i == j else wasserstein_distance(diagrams[min(i, j)], diagrams[max(i, j)]))
    assert distance_matrix([], bottleneck_distance).shape == (0, 0)


def test_bars_are_parted_into_finite_and_infinite_ones() -> None:
    parts = split_bars([(2, np.inf), (1, 3), (1, 1), (0, np.inf)])
    assert parts.finite.tolist() == [[1, 3]]
    assert parts.births.tolist() == [0, 2]


@all_distances
@pytest.mark.parametrize("bars", [[1.0, 2.0], [(1, 2, 3)], [(2, 1)], [(np.nan, 1)], [(1, np.nan)], [(-np.inf, 0)]])
def test_arrays_that_are_no_diagrams_are_refused(distance: Distance, bars: Any) -> None:
    with pytest.raises(RequestError, match="bar"):
        distance(bars, [(0, 1)])
    with pytest.raises(RequestError, match="bar"):
        distance([(0, 1)], bars)


@pytest.mark.parametrize("wrong", [{"q": 0.5}, {"q": math.inf}, {"q": math.nan}, {"ground": 0.9}, {"ground": math.nan}])
def test_orders_and_norms_below_one_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RequestError, match="at least 1"):
        wasserstein_distance([(0, 1)], [(0, 2)], **wrong)
