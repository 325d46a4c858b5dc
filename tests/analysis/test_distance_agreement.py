from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from panic_tda.analysis.distance_agreement import distance_agreement
from panic_tda.errors import RequestError

RUNS = np.repeat(range(8), 5).tolist()


def walks(rng: np.random.Generator) -> NDArray[np.float64]:
    """Eight runs of five small steps: near in time is near in place."""
    steps: NDArray[np.float64] = np.cumsum(rng.normal(size=(8, 5, 4)), axis=1).reshape(40, 4)
    return steps


def test_a_rotated_copy_ranks_all_distances_alike() -> None:
    rng = np.random.default_rng(1)
    one = walks(rng)
    found = distance_agreement(one, 2.0 * one @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + 1.0, rng, runs=RUNS)
    assert found.correlation.estimate == pytest.approx(1.0)
    assert found.correlation.low > 0.999
    assert (found.p_value, found.cautions) == (1 / 500, ())


def test_it_is_the_rank_correlation_of_all_pairs() -> None:
    rng = np.random.default_rng(2)
    one, other = walks(rng), walks(rng)
    found = distance_agreement(one, other, rng, runs=RUNS)
    assert found.correlation.estimate == pytest.approx(spearmanr(pdist(one), pdist(other)).statistic)
    assert found.correlation.low < found.correlation.estimate < found.correlation.high


def test_what_all_walks_do_alike_is_chance_and_no_agreement() -> None:
    rng = np.random.default_rng(3)
    found = [distance_agreement(walks(rng), walks(rng), rng, runs=RUNS, permutations=99) for _ in range(60)]
    assert np.mean([each.correlation.estimate for each in found]) > 0.1
    assert np.mean([each.correlation.estimate - each.chance for each in found]) == pytest.approx(0.0, abs=0.03)
    assert sum(each.p_value <= 0.05 for each in found) <= 8


def test_dealing_single_outputs_would_call_it_agreement() -> None:
    """Why runs are dealt: the same walks, taken for independent outputs."""
    rng = np.random.default_rng(4)
    found = [distance_agreement(walks(rng), walks(rng), rng, permutations=99) for _ in range(20)]
    assert sum(each.p_value <= 0.05 for each in found) >= 10


def test_a_partial_change_is_seen_to_agree() -> None:
    rng = np.random.default_rng(5)
    one = walks(rng)
    found = distance_agreement(one, one + rng.normal(size=one.shape), rng, runs=RUNS)
    assert found.p_value <= 0.01
    assert found.chance < found.correlation.low < found.correlation.high < 1.0


def test_few_runs_are_cautioned_with_the_least_p_they_can_give() -> None:
    rng = np.random.default_rng(6)
    one = rng.normal(size=(9, 3))
    found = distance_agreement(one, one, rng, runs=[0, 0, 0, 1, 1, 1, 2, 2, 2])
    assert found.cautions == ("only 6 ways to deal the runs, so p is at least 0.17",)
    assert found.p_value > 0.1


def test_runs_of_different_length_never_change_places() -> None:
    rng = np.random.default_rng(7)
    one, other = rng.normal(size=(2, 6, 3))
    found = distance_agreement(one, other, rng, runs=[0, 0, 0, 1, 1, 2])
    assert (found.p_value, found.chance) == pytest.approx((1.0, found.correlation.estimate))


def test_distances_that_are_all_equal_have_no_ranks() -> None:
    found = distance_agreement(np.eye(5), np.random.default_rng(0).normal(size=(5, 2)), np.random.default_rng(0))
    assert np.isnan([found.correlation.estimate, found.p_value, found.chance]).all()


def test_two_outputs_are_too_few() -> None:
    with pytest.raises(RequestError, match="2 outputs"):
        distance_agreement(np.eye(2), np.eye(2), np.random.default_rng(0))
