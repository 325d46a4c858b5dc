from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.divergence import distances_at_each_step, divergence_curve, prompt_divergence
from panic_tda.errors import RequestError

LINE = [np.array([[0.0], [0.0], [0.0]]), np.array([[1.0], [2.0], [4.0]]), np.array([[3.0], [6.0], [12.0]])]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def around(centres: np.ndarray[Any, Any], seeds: int, steps: int, noise: float = 0.1) -> tuple[list[Any], list[int]]:
    """``seeds`` runs of ``steps`` steps around each of ``centres``, and the number of each one's centre."""
    labels = np.repeat(np.arange(len(centres)), seeds)
    noises = noise * rng().normal(size=(len(labels), steps, centres.shape[1]))
    return list(centres[labels][:, None, :] + noises), labels.tolist()


def test_the_curve_is_the_mean_over_all_pairs_at_each_step() -> None:
    found = divergence_curve(LINE, rng())
    np.testing.assert_allclose(found.mean, [2.0, 4.0, 8.0])
    assert found.pairs.tolist() == [3, 3, 3]
    assert (found.runs, found.level) == (3, 0.95)
    assert found.cautions == ("only 3 runs: the band is rough",)
    assert (found.low <= found.mean).all()
    assert (found.mean <= found.high).all()


@given(st.lists(st.integers(0, 6), min_size=2, max_size=6))
def test_a_pair_counts_as_long_as_both_runs_last(lengths: list[int]) -> None:
    runs = [rng().normal(size=(length, 2)) for length in lengths]
    found = divergence_curve(runs, rng(), resamples=5)
    last = sorted(lengths)[-2]
    expected = [sum(length > step for length in lengths) for step in range(last)]
    assert found.pairs.tolist() == [n * (n - 1) // 2 for n in expected]
    assert len(found.mean) == last


def test_runs_that_end_at_different_steps_are_told() -> None:
    runs = [np.ones((length, 2)) for length in (9, 9, 9, 9, 4)]
    assert divergence_curve(runs, rng()).cautions == (
        "runs end at different steps: 10 pairs at the first step, 6 at the last",
    )


def test_two_runs_have_a_distance_and_no_band() -> None:
    found = divergence_curve(LINE[:2], rng())
    np.testing.assert_allclose(found.mean, [1.0, 2.0, 4.0])
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()
    assert found.cautions == ("only 2 runs: there is no band",)


def test_runs_without_vectors_have_an_empty_curve() -> None:
    found = divergence_curve([np.empty((0, 0)), np.ones((4, 3))], rng())
    assert found.mean.shape == found.low.shape == (0,)
    assert found.cautions == ("no step with two runs",)


def test_the_band_narrows_with_the_number_of_runs() -> None:
    few, many = (divergence_curve(list(rng().normal(size=(n, 1, 8))), rng(), resamples=300) for n in (8, 80))
    assert many.high[0] - many.low[0] < (few.high[0] - few.low[0]) / 2


def test_distances_name_the_runs_that_last() -> None:
    steps = list(distances_at_each_step([np.zeros((2, 1)), np.ones((1, 1)), np.full((2, 1), 3.0)]))
    assert [step.runs.tolist() for step in steps] == [[0, 1, 2], [0, 2]]
    assert steps[1].distances.tolist() == [[0.0, 3.0], [3.0, 0.0]]


def test_prompts_far_apart_stand_out_from_the_noise_floor() -> None:
    runs, prompts = around(3.0 * np.eye(3), 5, 4)
    found = prompt_divergence(runs, prompts, rng(), resamples=300)
    np.testing.assert_allclose(found.different.mean, 3.0 * np.sqrt(2.0), rtol=0.05)
    np.testing.assert_allclose(found.same.mean, 0.1 * np.sqrt(6.0), rtol=0.3)
    np.testing.assert_allclose(found.excess.mean, found.different.mean - found.same.mean)
    assert (found.excess.low > 3.5).all()
    assert found.same.pairs.tolist() == [30] * 4
    assert found.different.pairs.tolist() == [75] * 4
    assert found.cautions == ()


def test_prompts_that_make_no_difference_have_an_excess_around_zero() -> None:
    runs, prompts = around(np.zeros((4, 6)), 6, 5)
    excess = prompt_divergence(runs, prompts, rng(), resamples=300).excess
    assert (excess.low < 0.0).all()
    assert (excess.high > 0.0).all()


def test_prompts_with_a_single_run_are_told() -> None:
    runs, _ = around(np.eye(3), 2, 4)
    found = prompt_divergence(runs, ["a", "a", "a", "a", "b", "c"], rng())
    assert found.cautions == ("2 prompts have one run only and no part in the noise floor",)


def test_the_noise_floor_ends_before_the_runs_of_one_prompt_do() -> None:
    runs = [np.ones((length, 2)) for length in (4, 2, 4)]
    found = prompt_divergence(runs, ["a", "a", "b"], rng())
    assert found.same.pairs.tolist() == [1, 1, 0, 0]
    assert np.isnan(found.same.mean).tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([np.ones((3, 2))], "needs at least 2, got 1"),
        ([np.ones((3, 2)), np.ones((3, 4))], "vectors of different length: 2, 4"),
        ([np.ones((3, 2)), np.full((3, 2), np.nan)], "not finite"),
        ([np.ones((3, 2)), np.ones(3)], "steps, dimensions"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(runs: list[Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        divergence_curve(runs, rng())
    with pytest.raises(RequestError, match=message):
        prompt_divergence(runs, ["a"] * len(runs), rng())


@pytest.mark.parametrize("prompts", [["a", "a", "a"], ["a", "b", "c"]])
def test_a_noise_floor_needs_two_prompts_and_two_runs_of_one(prompts: list[str]) -> None:
    with pytest.raises(RequestError, match="two prompts and a prompt with two runs"):
        prompt_divergence(LINE, prompts, rng())


def test_every_run_has_one_prompt() -> None:
    with pytest.raises(RequestError, match="got 3 runs and 2 prompts"):
        prompt_divergence(LINE, ["a", "b"], rng())


@pytest.mark.parametrize("options", [{"level": 1.5}, {"resamples": 0}])
def test_impossible_bands_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="must"):
        divergence_curve(LINE, rng(), **options)
