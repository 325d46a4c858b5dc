from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from panic_tda.analysis.pair_bootstrap import percentile_band, run_weights, tail_probability, weighted_pair_means
from panic_tda.errors import RequestError

ONE = np.zeros(6, np.int64)
TWO = np.array([0, 0, 0, 1, 1, 1])


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("strata", [ONE, TWO])
def test_each_resample_draws_as_many_runs_from_each_stratum_as_there_are(strata: NDArray[np.int64]) -> None:
    weights = run_weights(strata, rng(), 50)
    assert weights.shape == (51, 6)
    assert (weights[0] == 1).all()
    for stratum in np.unique(strata):
        assert (weights[:, strata == stratum].sum(axis=1) == (strata == stratum).sum()).all()
    assert len(np.unique(weights, axis=0)) > 30


def test_a_weighted_mean_is_the_mean_over_the_drawn_pairs_of_different_runs() -> None:
    points = rng().normal(size=6)
    distances = np.abs(np.subtract.outer(points, points))
    pairs = ~np.eye(6, dtype=bool)
    pairs[0, 3] = pairs[3, 0] = False
    weights = run_weights(ONE, rng(), 20)
    for weight, mean in zip(weights, weighted_pair_means(distances, pairs, weights), strict=True):
        drawn = np.repeat(np.arange(6), weight.astype(int))
        kept = [distances[i, j] for i, j in itertools.combinations(drawn, 2) if pairs[i, j]]
        assert mean == pytest.approx(np.mean(kept))


def test_a_resample_of_one_run_again_and_again_has_no_pair() -> None:
    weights = np.array([[1.0, 1.0], [2.0, 0.0]])
    means = weighted_pair_means(np.array([[0.0, 3.0], [3.0, 0.0]]), ~np.eye(2, dtype=bool), weights)
    assert means[0] == 3.0
    assert np.isnan(means[1])


def test_tails_are_those_of_the_normal_in_large_groups_and_wider_in_small_ones() -> None:
    assert tail_probability(np.zeros(10_000, np.int64), 0.95) == pytest.approx(0.025, rel=0.01)
    # √(4/3) · t(3 degrees, 0.975) = 1.1547 · 3.1824 = 3.675 standard deviations
    assert tail_probability(np.zeros(4, np.int64), 0.95) == pytest.approx(1.19e-4, rel=0.01)


def test_two_runs_or_single_runs_of_each_stratum_have_no_interval() -> None:
    assert np.isnan(tail_probability(np.zeros(2, np.int64), 0.95))
    assert np.isnan(tail_probability(np.arange(5), 0.95))


def test_the_mean_of_a_small_group_is_inside_its_widened_interval() -> None:
    generator, hits = rng(), 0
    for _ in range(300):
        values = generator.normal(size=8)
        means = run_weights(np.zeros(8, np.int64), generator, 400) @ values / 8
        low, high = percentile_band(means[1:, None], tail_probability(np.zeros(8, np.int64), 0.9))
        hits += low[0] <= 0.0 <= high[0]
    assert 0.85 <= hits / 300 <= 0.95


def test_a_band_leaves_resamples_without_a_value_out() -> None:
    resampled = np.column_stack([np.arange(101.0), np.full(101, np.nan)])
    resampled[0, 0] = np.nan
    low, high = percentile_band(resampled, 0.1)
    assert (low[0], high[0]) == (pytest.approx(10.9), pytest.approx(90.1))
    assert np.isnan([low[1], high[1]]).all()
    assert np.isnan(percentile_band(resampled, np.nan)).all()


def test_no_resamples_and_impossible_levels_are_refused() -> None:
    with pytest.raises(RequestError, match="resamples must be at least 1"):
        run_weights(ONE, rng(), 0)
    for level in (0.0, 1.0, np.nan):
        with pytest.raises(RequestError, match="level must lie between 0 and 1"):
            tail_probability(ONE, level)
