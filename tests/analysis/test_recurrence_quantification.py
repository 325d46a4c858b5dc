from __future__ import annotations

import math
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.recurrence_quantification import (
    ORDERED,
    Lines,
    Measures,
    recurrence_quantification,
    recurrence_test,
)
from panic_tda.analysis.surrogates import shuffled_order
from panic_tda.errors import RequestError


def line(*places: float) -> NDArray[np.float64]:
    return np.abs(np.subtract.outer(places, places))


def noise(steps: int, seed: int = 0) -> NDArray[np.float64]:
    return euclidean_distances(np.random.default_rng(seed).normal(size=(steps, 3)))


def lengths(cells: list[bool]) -> list[int]:
    return [len(list(group)) for true, group in groupby(cells) if true]


def by_hand(distances: NDArray[np.float64], threshold: float, lines: Lines) -> Measures:
    """The definitions, cell by cell."""
    steps = len(distances)
    near = [[abs(i - j) >= lines.theiler and distances[i][j] <= threshold for j in range(steps)] for i in range(steps)]
    diagonals = [n for k in range(1, steps) for n in lengths([near[i][i + k] for i in range(steps - k)])]
    verticals = [n for j in range(steps) for n in lengths([near[i][j] for i in range(steps)])]
    total = sum(diagonals)
    pairs = sum(1 for i in range(steps) for j in range(i) if i - j >= lines.theiler)
    if not total:
        return Measures(0, 0, 0, 0, 0, 0)
    long, tall = ([n for n in found if n >= least] for found, least in
                  ((diagonals, lines.diagonal), (verticals, lines.vertical)))  # fmt: skip
    shares = [long.count(n) / len(long) for n in set(long)]
    return Measures(
        total / pairs, sum(long) / total, sum(tall) / (2 * total), sum(tall) / len(tall) if tall else 0.0,
        max(diagonals), -sum(share * math.log(share) for share in shares),
    )  # fmt: skip


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 6), min_size=5, max_size=14), st.floats(0, 1), st.integers(1, 4), st.integers(2, 4),
    st.integers(2, 4),
)  # fmt: skip
def test_the_measures_agree_with_their_definitions(
    places: list[int], quantile: float, theiler: int, diagonal: int, vertical: int
) -> None:
    lines = Lines(theiler, diagonal, vertical)
    found = recurrence_quantification(line(*places), quantile=quantile, lines=lines)
    assert found.measures == pytest.approx(by_hand(line(*places), found.threshold, lines))


def test_a_cycle_of_three_recurs_on_whole_diagonals() -> None:
    found = recurrence_quantification(line(*[0, 1, 3] * 10), quantile=0.3)
    assert found.threshold == 0.0
    assert found.measures.recurrence_rate == pytest.approx(135 / 435)
    assert (found.measures.determinism, found.measures.laminarity) == (1.0, 0.0)
    assert found.measures.longest_diagonal == 27
    assert found.measures.diagonal_entropy == pytest.approx(math.log(9))


def test_a_stay_at_one_place_is_cut_in_two_by_the_main_diagonal() -> None:
    found = recurrence_quantification(line(0, 0, 0, 0, 5, 9, 14, 20), quantile=6 / 28)
    # Columns of the stay: 3; 1 and 2; 2 and 1; 3. Lines of one step do not count.
    assert found.measures.laminarity == 10 / 12
    assert found.measures.trapping_time == 10 / 4


def test_a_theiler_window_leaves_out_the_steps_beside_each_other() -> None:
    places = line(*np.repeat([0.0, 9.0, 5.0, 30.0], 2))
    assert recurrence_quantification(places, quantile=0.1).measures.recurrence_rate > 0
    without = recurrence_quantification(places, quantile=0.1, lines=Lines(theiler=2))
    assert without.measures == Measures(0, 0, 0, 0, 0, 0)
    assert "nothing recurs at 2 or more steps apart" in without.cautions


def test_a_sine_is_deterministic_and_white_noise_is_not() -> None:
    phase = 2 * np.pi * np.arange(200) / 17.3
    sine = euclidean_distances(np.column_stack((np.sin(phase), np.cos(phase))))
    assert recurrence_quantification(sine).measures.determinism > 0.95
    assert recurrence_quantification(noise(200)).measures.determinism < 0.3


def test_exact_repetition_is_said_with_its_step_and_period() -> None:
    keys = [*range(100, 120), *[0, 1] * 10]
    cautions = recurrence_quantification(line(*keys), quantile=0.1).cautions
    assert "stuck: from step 20 on it repeats itself exactly with period 2" in cautions
    assert "the threshold is 0: only exact repeats recur" in cautions


def test_points_that_only_look_alike_are_no_exact_repetition() -> None:
    keys = np.array([*range(100, 120), *[0.0, 1.0] * 10])
    cautions = recurrence_quantification(line(*(keys + np.linspace(0, 1e-6, 40))), quantile=0.1).cautions
    assert not any("exactly" in caution for caution in cautions)


def test_a_slow_walk_is_told_from_a_return() -> None:
    walk = line(*np.cumsum(np.ones(60)))
    assert recurrence_quantification(walk).cautions == ("slow: 100% of the recurrences are with points not yet left",)
    assert recurrence_quantification(noise(60)).cautions == ()


def test_few_steps_and_ties_are_cautioned() -> None:
    assert recurrence_quantification(noise(29)).cautions[0] == "only 29 steps"
    tied = recurrence_quantification(line(*[0, 4, 9, 0, 0, 0] * 6), quantile=0.1)
    assert any(caution.startswith("ties: 4") for caution in tied.cautions)


def test_well_behaved_noise_has_no_caution_and_lies_within_its_shuffled_band() -> None:
    rng = np.random.default_rng(3)
    tests = recurrence_test(noise(80), [shuffled_order(80, rng) for _ in range(39)], rng)
    assert tuple(tests) == ORDERED
    for test in tests.values():
        assert test.two_sided > 0.05
        assert test.low <= test.observed <= test.high


def test_a_circle_is_far_above_its_shuffled_band() -> None:
    rng = np.random.default_rng(3)
    phase = 2 * np.pi * np.arange(90) / 11.3
    distances = euclidean_distances(np.column_stack((np.sin(phase), np.cos(phase))))
    tests = recurrence_test(distances, [shuffled_order(90, rng) for _ in range(39)], rng)
    assert tests["determinism"].observed > 3 * tests["determinism"].high
    assert (tests["determinism"].greater, tests["determinism"].surrogates) == (1 / 40, 39)


def test_surrogates_are_the_trajectory_in_another_order() -> None:
    rng = np.random.default_rng(5)
    points = rng.normal(size=(40, 2))
    order = shuffled_order(40, rng)
    tests = recurrence_test(euclidean_distances(points), [order], rng)
    measures = recurrence_quantification(euclidean_distances(points[order])).measures
    assert [test.low for test in tests.values()] == pytest.approx([getattr(measures, name) for name in ORDERED])


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"quantile": 1.5}, "quantile"),
        ({"lines": Lines(theiler=0)}, "Theiler"),
        ({"lines": Lines(theiler=10)}, "Theiler"),
        ({"lines": Lines(diagonal=1)}, "at least 2 steps"),
        ({"lines": Lines(vertical=1)}, "at least 2 steps"),
    ],
)
def test_requests_without_sense_are_refused(more: dict[str, Any], match: str) -> None:
    with pytest.raises(RequestError, match=match):
        recurrence_quantification(noise(10), **more)


def test_a_single_point_and_matrices_that_hold_no_distances_are_refused() -> None:
    with pytest.raises(RequestError, match="at least 2 points"):
        recurrence_quantification(np.zeros((1, 1)))
    for matrix in (np.zeros((2, 3)), np.full((3, 3), np.nan)):
        with pytest.raises(RequestError, match="distances"):
            recurrence_quantification(matrix)


@pytest.mark.parametrize("orders", [[], [[0, 1, 2]], [0, 1, 2, 3, 4]])
def test_orders_of_another_length_are_refused(orders: list[Any]) -> None:
    with pytest.raises(RequestError, match="orders"):
        recurrence_test(noise(5), orders, np.random.default_rng(0))
