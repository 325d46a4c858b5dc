from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from panic_tda.analysis.linear_cka import linear_cka
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]


def rotation(rng: np.random.Generator, dimension: int) -> Floats:
    turned: Floats = np.linalg.qr(rng.normal(size=(dimension, dimension)))[0]
    return turned


def song(one: Floats, other: Floats) -> float:
    """HSIC₁ as Song et al. write it, of independent outputs."""
    k, l = (each @ each.T - np.diag((each**2).sum(axis=1)) for each in (one, other))  # noqa: E741
    n, ones = len(k), np.ones(len(k))
    whole = (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2))
    return float((np.trace(k @ l) + whole - 2 / (n - 2) * (ones @ k @ l @ ones)) / (n * (n - 3)))


def by_hand(one: Floats, other: Floats, runs: list[int]) -> float:
    """Every expectation as a mean over different runs, in which each output of a run weighs alike."""
    members = {run: [place for place, each in enumerate(runs) if each == run] for run in set(runs)}
    k, l = one @ one.T, other @ other.T  # noqa: E741

    def mean(value: object, count: int) -> float:
        means = []
        for chosen in permutations(members, count):
            places = product(*(members[run] for run in chosen))
            means.append(np.mean([value(*each) for each in places]))  # type: ignore[operator]
        return float(np.mean(means))

    return (
        mean(lambda a, b: k[a, b] * l[a, b], 2)
        + mean(lambda a, b, c, d: k[a, b] * l[c, d], 4)
        - 2 * mean(lambda a, b, c: k[a, b] * l[a, c], 3)
    )


@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_a_rotated_shifted_and_scaled_copy_has_the_same_geometry(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(24, 5))
    copy, runs = scale * one @ rotation(rng, 5) + 7.0, np.repeat(range(6), 4).tolist()
    found = linear_cka(one, copy, rng, runs=runs, resamples=20)
    assert found.estimate == pytest.approx(1.0, abs=1e-9)
    assert (found.low, found.high) == pytest.approx((1.0, 1.0), abs=1e-9)


def test_of_independent_outputs_it_is_the_estimate_of_song_et_al() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(15, 4)), rng.normal(size=(15, 7))
    expected = song(one, other) / np.sqrt(song(one, one) * song(other, other))
    assert linear_cka(one, other, rng).estimate == pytest.approx(expected)


def test_of_runs_every_expectation_is_a_mean_over_different_runs() -> None:
    rng = np.random.default_rng(2)
    runs = [0, 0, 1, 1, 1, 2, 3, 3, 4]
    one, other = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))
    own = by_hand(one, one, runs) * by_hand(other, other, runs)
    assert own > 0.0
    expected = by_hand(one, other, runs) / np.sqrt(own)
    assert linear_cka(one, other, rng, runs=runs).estimate == pytest.approx(np.clip(expected, -1.0, 1.0))


def test_a_partial_change_gives_the_known_value() -> None:
    """y = x + noise of variance s² in as many dimensions: 1 / (1 + s²)."""
    rng = np.random.default_rng(3)
    one = rng.normal(size=(600, 6))
    found = linear_cka(one, one + 0.5 * rng.normal(size=one.shape), rng, runs=np.repeat(range(60), 10).tolist())
    assert found.low < 1 / 1.25 < found.high
    assert found.high - found.low < 0.1


def test_more_dimensions_than_outputs_are_no_agreement() -> None:
    rng = np.random.default_rng(4)
    found = [
        linear_cka(rng.normal(size=(12, 60)), rng.normal(size=(12, 60)), rng, resamples=1).estimate for _ in range(60)
    ]
    assert abs(np.mean(found)) < 0.05


def test_runs_that_stand_still_far_apart_are_no_agreement_either() -> None:
    rng = np.random.default_rng(5)
    runs = np.repeat(range(20), 4)
    apart, alone = [], []
    for _ in range(30):
        one, other = (rng.normal(size=(20, 30))[runs] + 0.01 * rng.normal(size=(80, 30)) for _ in range(2))
        apart.append(linear_cka(one, other, rng, runs=runs.tolist(), resamples=1).estimate)
        alone.append(linear_cka(one, other, rng, resamples=1).estimate)
    assert abs(np.mean(apart)) < 0.06
    assert np.mean(alone) > 0.3


def test_few_runs_and_clouds_without_extent_say_nothing() -> None:
    rng = np.random.default_rng(6)
    cloud = rng.normal(size=(9, 3))
    assert np.isnan(linear_cka(cloud, cloud, rng, runs=[0, 0, 0, 1, 1, 1, 2, 2, 2]).estimate)
    assert np.isnan(linear_cka(cloud, np.ones((9, 2)), rng).estimate)


@pytest.mark.parametrize("other", [np.ones((8, 2)), np.full((9, 2), np.nan), np.empty((0, 0))])
def test_clouds_that_do_not_fit_are_refused(other: Floats) -> None:
    with pytest.raises(RequestError):
        linear_cka(np.ones((9, 2)), other, np.random.default_rng(0))
