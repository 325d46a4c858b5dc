from __future__ import annotations

import math

import numpy as np
import pytest

from panic_tda.analysis.dispersion import dispersion_p_value
from panic_tda.analysis.principal_coordinates import PrincipalCoordinates

MEAN = np.full((40, 1), 40**-0.5)
GROUP = np.arange(40) % 2


def spread_test(ratio: float, seed: int) -> float:
    points = np.random.default_rng(seed).normal(size=(40, 8)) * np.where(GROUP, ratio, 1.0)[:, None]
    points += 5.0 * GROUP[:, None]
    coordinates = PrincipalCoordinates(points - points.mean(axis=0), np.ones(8))
    return dispersion_p_value(coordinates, MEAN, GROUP, np.random.default_rng(1))


def test_groups_in_different_places_with_the_same_spread_do_not_differ() -> None:
    assert sum(spread_test(1.0, seed) <= 0.05 for seed in range(40)) <= 5


def test_a_group_twice_as_wide_is_noticed() -> None:
    assert all(spread_test(2.0, seed) <= 0.01 for seed in range(3))


def test_what_other_factors_explain_is_no_spread() -> None:
    # The odd runs lie at one of two places far apart, the even ones at one place.
    rng, side = np.random.default_rng(2), np.arange(40) // 20
    points = rng.normal(size=(40, 8)) + 20.0 * side[:, None]
    coordinates = PrincipalCoordinates(points - points.mean(axis=0), np.ones(8))
    basis = np.linalg.qr(np.column_stack((np.ones(40), side)))[0]
    group = np.where(GROUP, side, 2)
    assert dispersion_p_value(coordinates, MEAN, group, np.random.default_rng(3)) <= 0.01
    assert dispersion_p_value(coordinates, basis, group, np.random.default_rng(3)) > 0.05


def test_groups_of_one_say_nothing() -> None:
    coordinates = PrincipalCoordinates(np.arange(4.0)[:, None], np.ones(1))
    found = dispersion_p_value(coordinates, np.full((4, 1), 0.5), np.array([0, 0, 1, 2]), np.random.default_rng(0))
    assert math.isnan(found)


@pytest.mark.parametrize(("points", "p"), [([0, 1, 5, 6], 1.0), ([0, 0, 0, 2], 0.005)])
def test_groups_without_any_variation_of_spread_are_compared_as_they_are(points: list[float], p: float) -> None:
    coordinates = PrincipalCoordinates(np.array(points)[:, None] - np.mean(points), np.ones(1))
    found = dispersion_p_value(coordinates, np.full((4, 1), 0.5), np.array([0, 0, 1, 1]), np.random.default_rng(0))
    assert found == pytest.approx(p)
