from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.edit_distance import normalised_edit_distance
from panic_tda.analysis.periodicity import periodicity
from panic_tda.errors import RequestError


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def cycle(period: int, noise: float, steps: int = 48, seed: int = 0) -> NDArray[np.float64]:
    generator = rng(seed)
    points = generator.normal(size=(period, 8))[np.arange(steps) % period]
    return euclidean_distances(points + noise * generator.normal(size=(steps, 8)))


def test_the_degree_is_one_minus_the_mean_distance_at_the_lag() -> None:
    texts = ["the cat sat", "a cat was sitting"] * 4
    distances = [[normalised_edit_distance(one, other) for other in texts] for one in texts]
    found = periodicity(distances, rng())
    assert found.degree(2) == 1.0
    assert found.degree(1) == pytest.approx(1 - normalised_edit_distance(*texts[:2]))


@pytest.mark.parametrize("period", [2, 3, 5, 7])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_a_cycle_is_found_with_its_period(period: int, noise: float) -> None:
    found = periodicity(cycle(period, noise), rng(1))
    assert (found.period, found.p_value) == (period, 1 / 200)
    assert found.contrast > 0
    assert found.cautions == ()


def test_noise_has_no_significant_period() -> None:
    noise = euclidean_distances(rng(2).normal(size=(48, 8)))
    assert periodicity(noise, rng()).p_value > 0.05


@pytest.mark.parametrize("seed", range(5))
def test_slow_motion_is_no_period(seed: int) -> None:
    walk = euclidean_distances(np.cumsum(rng(seed).normal(size=(60, 6)), axis=0))
    assert periodicity(walk, rng()).p_value > 0.05


def test_a_straight_way_has_no_lag_closer_than_its_neighbours() -> None:
    found = periodicity(euclidean_distances(np.sqrt(np.arange(40.0))[:, None]), rng())
    assert found.cautions == ("no lag is closer than its neighbours: no period",)


def test_a_loop_that_stands_still_is_said_to() -> None:
    found = periodicity(np.zeros((20, 20)), rng())
    assert found.degree(2) == found.degree(1) == 1.0
    assert found.p_value == 1.0
    assert found.cautions == ("it stands still: every period fits",)


def test_few_outputs_are_cautioned_and_bound_the_period() -> None:
    found = periodicity(cycle(2, 0.1, steps=10), rng())
    assert found.cautions == ("only 10 outputs",)
    assert len(found.distance_at_lag) == 3


def test_the_longest_period_may_be_chosen() -> None:
    assert periodicity(cycle(7, 0.1), rng(), longest=5).period <= 5
    assert len(periodicity(cycle(7, 0.1), rng()).distance_at_lag) == 13


@pytest.mark.parametrize(
    ("distances", "more", "match"),
    [
        (np.zeros((7, 7)), {}, "at least 8"),
        (np.zeros((9, 8)), {}, "at least 8"),
        (np.full((9, 9), np.nan), {}, "finite"),
        (np.zeros((9, 9)), {"surrogates": 0}, "at least 8"),
        (np.zeros((9, 9)), {"longest": 1}, "longest period"),
    ],
)
def test_requests_without_sense_are_refused(distances: Any, more: dict[str, Any], match: str) -> None:
    with pytest.raises(RequestError, match=match):
        periodicity(distances, rng(), **more)
