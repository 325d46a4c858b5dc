from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.group_test import GroupTest, group_test
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]


def runs_in_groups(sizes: list[int], shift: float, seed: int) -> tuple[Floats, list[int]]:
    """Points in the plane, one per run, around group centres ``shift`` apart on a line."""
    rng = np.random.default_rng(seed)
    groups = [group for group, size in enumerate(sizes) for _ in range(size)]
    points = rng.normal(size=(len(groups), 2)) + shift * np.array(groups)[:, None] * [1.0, 0.0]
    return euclidean_distances(points), groups


def result_of(distances: Any, groups: Any, **options: Any) -> GroupTest:
    return group_test(distances, groups, np.random.default_rng(0), **{"resamples": 100, **options})


def test_means_are_over_pairs_of_different_runs() -> None:
    distances = np.array([[0, 1, 5, 6], [1, 0, 7, 8], [5, 7, 0, 2], [6, 8, 2, 0]], float)
    result = result_of(distances, ["a", "a", "b", "b"])
    assert (result.within, result.between, result.groups) == (1.5, 6.5, 2)
    assert result.effect.estimate == pytest.approx(1 - 1.5 / 6.5)
    assert result.effect.n == 4


def test_the_p_value_comes_close_to_that_of_all_exchanges() -> None:
    distances, groups = runs_in_groups([3, 4], 2.0, seed=5)

    def within(labels: tuple[int, ...]) -> float:
        return float(distances[np.equal.outer(labels, labels)].sum())

    exact = float(np.mean([within(order) <= within(tuple(groups)) + 1e-9 for order in permutations(groups)]))
    result = result_of(distances, groups, permutations=9999)
    assert 0.01 < exact < 0.3
    assert result.p_value == pytest.approx(exact, abs=3 * math.sqrt(exact / 9999))


def test_separate_groups_have_the_least_p_value_and_one_group_split_by_chance_has_not() -> None:
    distances, groups = runs_in_groups([8, 8, 8], 10.0, seed=1)
    apart = result_of(distances, groups)
    assert apart.p_value == apart.least_p == 1 / 1000
    assert apart.effect.low > 0.5
    assert apart.cautions == ()
    alike = result_of(runs_in_groups([8, 8, 8], 0.0, seed=1)[0], groups)
    assert alike.p_value > 0.05
    assert alike.effect.low < 0.0 < alike.effect.high


def test_p_values_are_never_zero_and_one_when_all_runs_coincide() -> None:
    result = result_of(np.zeros((6, 6)), [0, 0, 0, 1, 1, 1])
    assert (result.p_value, result.effect.estimate) == (1.0, 0.0)
    assert "all runs coincide" in result.cautions


def test_order_of_runs_and_names_of_groups_do_not_matter() -> None:
    distances, groups = runs_in_groups([4, 5, 6], 1.0, seed=2)
    order = np.random.default_rng(3).permutation(15)
    named = [f"network {groups[i]}" for i in order]
    one, other = result_of(distances, groups), result_of(distances[np.ix_(order, order)], named)
    assert (one.within, one.between) == pytest.approx((other.within, other.between))
    assert one.p_value == pytest.approx(other.p_value, abs=0.03)


def test_the_same_generator_gives_the_same_result() -> None:
    distances, groups = runs_in_groups([4, 5], 0.5, seed=4)
    assert result_of(distances, groups) == result_of(distances, groups)


def test_a_difference_between_blocks_is_not_taken_for_one_between_groups() -> None:
    """Group 1 has most of its runs in the far block; within a block the groups are alike."""
    points = np.random.default_rng(6).normal(size=(40, 2))
    blocks, groups = [0] * 20 + [1] * 20, [0] * 16 + [1] * 4 + [0] * 4 + [1] * 16
    points[20:] += 6.0
    distances = euclidean_distances(points)
    assert result_of(distances, groups).p_value == 0.001
    assert result_of(distances, groups, blocks=blocks).p_value > 0.05


def test_a_difference_within_blocks_is_found_however_far_apart_the_blocks_are() -> None:
    blocks, groups = [i // 8 for i in range(40)], [i // 4 % 2 for i in range(40)]
    points = np.random.default_rng(7).normal(size=(40, 2))
    points += np.outer(blocks, [30.0, 0.0]) + np.outer(groups, [0.0, 2.0])
    distances = euclidean_distances(points)
    assert result_of(distances, groups).p_value > 0.05
    assert result_of(distances, groups, blocks=blocks).p_value == 0.001


def test_with_blocks_pairs_are_compared_with_pairs_of_the_same_two_blocks() -> None:
    """By hand: pairs within groups lie across the blocks (2 and 4) or in y (1); those between count as these do."""
    distances = np.array([[0, 5, 2, 2, 9], [5, 0, 8, 8, 4], [2, 8, 0, 1, 3], [2, 8, 1, 0, 6], [9, 4, 3, 6, 0]], float)
    result = result_of(distances, "abaab", blocks="xxyyy")
    within = (2 + 2 + 4 + 1) / 4
    between = (3 * (9 + 8 + 8) / 3 + 1 * (3 + 6) / 2) / 4
    assert (result.within, result.between) == pytest.approx((within, between))


def test_differences_between_blocks_alone_have_no_effect() -> None:
    """One run of each group in each of 12 blocks far apart: pairs within groups all lie across blocks."""
    blocks, groups = np.repeat(np.arange(12), 3), np.tile(np.arange(3), 12)
    points = np.random.default_rng(11).normal(size=(36, 2)) + np.outer(blocks, [20.0, 0.0])
    distances = euclidean_distances(points)
    assert abs(result_of(distances, groups.tolist(), blocks=blocks.tolist()).effect.estimate) < 0.01
    assert result_of(distances, groups.tolist()).effect.estimate < -0.05


@pytest.mark.parametrize(
    ("groups", "blocks", "least"),
    [
        ("aabb", None, 1 / 3),
        ("aaabbb", None, 1 / 10),
        ("aaabb", None, 1 / 10),
        ("aabbcc", None, 1 / 15),
        ("aabbaabb", "xxxxyyyy", 2 / 36),
        ("aaabaabb", "xxxxyyyy", 1 / 24),
    ],
)
def test_the_least_possible_p_value_is_known_beforehand(groups: str, blocks: str | None, least: float) -> None:
    """Labels may change places within a block; groups with as many runs in every block may change names."""
    result = result_of(runs_in_groups([len(groups)], 0.0, seed=8)[0], groups, blocks=blocks)
    assert result.least_p == pytest.approx(least)
    assert any("too few runs" in caution for caution in result.cautions) == (least > 0.05)
    assert result.p_value >= least * 0.7


def test_what_limits_the_result_is_said() -> None:
    distances = runs_in_groups([10], 0.0, seed=9)[0]
    (single,) = result_of(distances, "aaaaabbbbc").cautions
    assert "1 of 3 groups have a single run" in single
    (small,) = result_of(distances, "aaaaaabbcc").cautions
    assert "smallest group has only 2" in small


def test_many_runs_have_more_groupings_than_a_float_can_hold() -> None:
    distances, groups = runs_in_groups([100, 100], 0.0, seed=10)
    assert result_of(distances, groups, permutations=9, resamples=5).least_p == 0.1


ASYMMETRIC = np.array([[0, 1, 1], [2, 0, 1], [1, 1, 0.0]])
THREE = np.ones((3, 3)) - np.eye(3)


@pytest.mark.parametrize(
    ("distances", "groups", "options", "message"),
    [
        (THREE, "ab", {}, "shape"),
        (np.ones(3), "aab", {}, "shape"),
        (THREE * np.nan, "aab", {}, "finite"),
        (np.full((3, 3), np.inf), "aab", {}, "finite"),
        (-THREE, "aab", {}, "at least 0"),
        (np.ones((3, 3)), "aab", {}, "diagonal"),
        (ASYMMETRIC, "aab", {}, "symmetric"),
        (THREE, "aaa", {}, "2 groups"),
        (THREE, "abc", {}, "2 runs"),
        (np.zeros((0, 0)), "", {}, "2 groups"),
        (THREE, "aab", {"blocks": "xx"}, "block"),
        (THREE, "aab", {"permutations": 0}, "permutation"),
        (np.ones((4, 4)) - np.eye(4), "aabb", {"blocks": "xxyy"}, "nothing can be compared"),
    ],
)
def test_impossible_requests_are_refused(distances: Any, groups: str, options: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        result_of(distances, groups, **options)
