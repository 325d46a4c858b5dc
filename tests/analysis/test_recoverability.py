from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from panic_tda.analysis.recoverability import Recoverability, _hits, prompt_recoverability
from panic_tda.errors import RequestError

Array = np.ndarray[Any, Any]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def recovered(runs: list[Any], prompts: list[Any], **options: Any) -> Recoverability:
    return prompt_recoverability(runs, prompts, rng(), **{"resamples": 200} | options)


def forgetting(half_life: float, *, prompts: int, seeds: int, steps: int) -> tuple[list[Array], list[int]]:
    """Runs at the centre of their prompt or, with probability 1 − 2^(−t / half-life), at that of any."""
    generator = rng(3)
    labels = np.repeat(np.arange(prompts), seeds)
    kept = generator.random((len(labels), steps)) < 2.0 ** (-np.arange(steps) / half_life)
    places = np.where(kept, labels[:, None], generator.integers(prompts, size=kept.shape))
    centres = 6.0 * generator.normal(size=(prompts, 8))
    return list(centres[places] + generator.normal(size=(*kept.shape, 8))), labels.tolist()


def by_hand(rows: Array, codes: Array) -> list[float]:
    """The definition, one run and one prompt at a time."""
    prompts = range(int(codes.max()) + 1)
    place = [int((codes[:i] == codes[i]).sum()) for i in range(len(codes))]
    groups = [rows[codes == prompt] for prompt in prompts]
    error = sum(((each - each.mean(axis=0)) ** 2).sum() for each in groups) / (len(codes) - len(prompts))
    hits = []
    for row, code, mine in zip(rows, codes, place, strict=True):
        means = [np.delete(each, mine, axis=0) if mine < len(each) else each for each in groups]
        distances = np.array([((row - each.mean(axis=0)) ** 2).sum() - error / len(each) for each in means])
        hits.append(float(distances.argmin() == code))
    return hits


@pytest.mark.parametrize("seed", range(10))
def test_every_run_is_given_to_the_nearest_mean_of_the_others(seed: int) -> None:
    codes = rng(seed).permutation(np.r_[np.repeat(np.arange(4), 2), rng(seed).integers(4, size=12)])
    rows = rng(seed).normal(size=(20, 5)) + 0.5 * rng(seed).normal(size=(4, 5))[codes]
    assert _hits(rows, codes).tolist() == by_hand(rows, codes)


def test_without_any_difference_the_accuracy_is_chance_even_with_two_runs_of_each_prompt() -> None:
    codes = np.repeat(np.arange(3), 2)
    hits = np.mean([_hits(rng(seed).normal(size=(6, 100)), codes).mean() for seed in range(400)])
    assert hits == pytest.approx(1 / 3, abs=0.04)


def test_equal_vectors_are_worth_chance() -> None:
    assert _hits(np.ones((8, 3)), np.repeat([0, 1, 2, 3], 2)).tolist() == [0.25] * 8


def test_prompts_far_apart_are_always_told() -> None:
    runs = [10.0 * np.eye(3)[prompt] + rng(run).normal(size=(5, 3)) for run, prompt in enumerate([0, 1, 2] * 8)]
    found = recovered(runs, ["a", "b", "c"] * 8)
    assert found.accuracy.tolist() == [1.0] * 5
    assert found.steps.tolist() == [0, 1, 2, 3, 4]
    assert (found.runs.tolist(), found.prompts.tolist()) == ([24] * 5, [3] * 5)
    assert found.chance.tolist() == [pytest.approx(1 / 3)] * 5
    assert (found.low > 0.8).all()
    assert (found.half_life.estimate, found.half_life.high) == (np.inf, np.inf)
    assert found.cautions == ("the accuracy does not fall to half of its start",)


def test_the_half_life_of_a_planted_decay_is_found() -> None:
    found = recovered(*forgetting(20.0, prompts=6, seeds=40, steps=100))
    assert found.half_life.estimate == pytest.approx(20.0, rel=0.15)
    assert found.half_life.low < 20.0 < found.half_life.high
    assert found.half_life.n == 240
    assert len(found.steps) == 60
    assert found.steps[[0, -1]].tolist() == [0, 99]
    assert found.cautions == ()


def test_what_cannot_be_told_at_first_has_no_half_life() -> None:
    runs = list(rng(4).normal(size=(24, 10, 6)))
    found = recovered(runs, [0, 1, 2, 3] * 6)
    assert np.isnan([found.half_life.estimate, found.half_life.low, found.half_life.high]).all()
    assert found.cautions == ("the prompt cannot be told at the first step",)


def test_steps_end_where_two_prompts_with_two_runs_do() -> None:
    lengths = [9, 9, 6, 6, 3, 3]
    runs = [rng(run).normal(size=(length, 2)) for run, length in enumerate(lengths)]
    found = recovered(runs, ["a", "a", "b", "b", "c", "c"])
    assert found.steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.runs.tolist() == [6, 6, 6, 4, 4, 4]
    assert found.prompts.tolist() == [3, 3, 3, 2, 2, 2]
    assert found.chance.tolist() == pytest.approx([1 / 3] * 3 + [1 / 2] * 3)
    assert "runs end at different steps: 6 runs at the first step, 4 at the last" in found.cautions
    assert "only 6 runs" in found.cautions


def test_prompts_with_a_single_run_are_left_out_and_told() -> None:
    runs = [rng(run).normal(size=(4, 2)) for run in range(5)]
    found = recovered(runs, ["a", "a", "b", "b", "c"])
    assert (found.runs.tolist(), found.prompts.tolist()) == ([4] * 4, [2] * 4)
    assert "1 of 3 prompts have a single run and are left out" in found.cautions


def test_as_many_steps_as_asked_for_are_judged() -> None:
    runs = list(rng().normal(size=(6, 50, 2)))
    assert recovered(runs, [0, 0, 0, 1, 1, 1], most_steps=3).steps.tolist() == [0, 24, 49]


@pytest.mark.parametrize(
    ("runs", "prompts", "options", "message"),
    [
        ([np.ones((3, 2))], ["a"], {}, "needs at least 2"),
        ([np.ones((3, 2))] * 4, ["a", "a", "b"], {}, "4 runs and 3 prompts"),
        ([np.ones((3, 2))] * 4, ["a", "a", "a", "b"], {}, "two prompts with two runs"),
        ([np.ones((3, 2)), np.ones((3, 2)), np.ones((0, 2)), np.ones((3, 2))], list("aabb"), {}, "have a vector"),
        ([np.ones((3, 2))] * 4, list("aabb"), {"most_steps": 1}, "most_steps must be at least 2"),
        ([np.ones((3, 2))] * 4, list("aabb"), {"level": 2.0}, "level must lie"),
        ([np.ones((3, 2))] * 4, list("aabb"), {"resamples": 0}, "resamples must be"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    runs: list[Any], prompts: list[str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        recovered(runs, prompts, **options)
