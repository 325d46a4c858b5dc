from __future__ import annotations

import numpy as np
import pytest

from panic_tda.analysis.neighbour_overlap import neighbour_overlap
from panic_tda.errors import RequestError


def test_a_rotated_copy_keeps_all_neighbours() -> None:
    rng = np.random.default_rng(1)
    one = rng.normal(size=(40, 5))
    found = neighbour_overlap(one, 3.0 * one @ np.linalg.qr(rng.normal(size=(5, 5)))[0], rng)
    assert (found.overlap.estimate, found.overlap.low, found.overlap.high) == (1.0, 1.0, 1.0)
    assert (found.nearest == found.other_nearest).all()


def test_unrelated_clouds_share_as_many_as_chance_gives() -> None:
    rng = np.random.default_rng(2)
    found = neighbour_overlap(rng.normal(size=(300, 4)), rng.normal(size=(300, 8)), rng)
    assert found.chance == 10 / 299
    assert found.overlap.low < found.chance < found.overlap.high


def test_neighbours_on_a_line_are_known_by_hand() -> None:
    found = neighbour_overlap([[0.0], [1.0], [3.0], [7.0]], [[0.0], [9.0], [3.0], [7.0]], np.random.default_rng(0), k=2)
    assert found.nearest.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert found.other_nearest.tolist() == [[2, 3], [3, 2], [0, 3], [1, 2]]
    assert found.of_each.tolist() == [0.5, 0.5, 0.5, 1.0]
    assert found.overlap.estimate == 0.625


def test_an_output_that_moved_is_the_one_whose_neighbours_changed_most() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(10.0 * np.eye(4), 12, axis=0)
    one = groups + rng.normal(size=groups.shape)
    moved = one.copy()
    moved[5] = one[20] + 0.01
    found = neighbour_overlap(one, moved, rng, k=6)
    assert (found.of_each[5], int(np.argmin(found.of_each))) == (0.0, 5)
    assert 20 in found.other_nearest[5]


def test_the_interval_is_over_runs() -> None:
    rng = np.random.default_rng(4)
    one = rng.normal(size=(40, 3))
    other = one + np.repeat(rng.normal(size=(4, 3)), 10, axis=0)
    by_run = neighbour_overlap(one, other, rng, runs=np.repeat(range(4), 10).tolist()).overlap
    alone = neighbour_overlap(one, other, rng).overlap
    assert (by_run.n, alone.n) == (4, 40)
    assert by_run.estimate == alone.estimate


@pytest.mark.parametrize("k", [0, 5])
def test_there_are_no_more_neighbours_than_other_outputs(k: int) -> None:
    with pytest.raises(RequestError, match="5 outputs have 1 to 4 neighbours"):
        neighbour_overlap(np.eye(5), np.eye(5), np.random.default_rng(0), k=k)
