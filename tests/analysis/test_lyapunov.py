from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from panic_tda.analysis.lyapunov import LyapunovExponent, lyapunov_exponent
from panic_tda.errors import RequestError

STEPS = np.arange(60.0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def separating(scale: Any, runs: int = 8, noise: float = 0.0, seed: int = 0) -> list[Any]:
    """Runs along different axes, ``scale`` (T,) away from 0: all pairs are √2 · scale apart."""
    return [
        np.outer(scale, axis) + noise * rng(seed + run).normal(size=(len(scale), runs))
        for run, axis in enumerate(np.eye(runs))
    ]


def exponent(runs: list[Any], **options: Any) -> LyapunovExponent:
    return lyapunov_exponent(runs, rng(), **{"resamples": 200} | options)


def logistic(start: float, runs: int, steps: int, spread: float) -> list[Any]:
    """Runs of x → 4 x (1 − x), which start within ``spread`` of each other."""
    places = [start + spread * rng(7).normal(size=runs)]
    for _ in range(steps - 1):
        places.append(4.0 * places[-1] * (1.0 - places[-1]))
    return list(np.array(places).T[:, :, None])


def test_eight_runs_that_separate_at_a_twentieth_have_that_exponent() -> None:
    found = exponent(separating(np.exp(0.05 * STEPS), noise=0.01))
    assert found.exponent.estimate == pytest.approx(0.05, abs=0.005)
    assert found.exponent.low < 0.05 < found.exponent.high
    assert found.r_squared > 0.999
    assert (found.pairs, found.merged, found.steps, found.exponent.n) == (28, 0, 60, 8)
    assert (found.saturation, found.cautions) == (None, ())


def test_a_pure_exponential_is_not_saturated_and_its_early_slope_is_the_whole() -> None:
    found = exponent(separating(np.exp(-0.1 * STEPS)))
    assert found.saturation is None
    assert found.exponent.estimate == pytest.approx(-0.1)
    assert found.early == found.exponent
    assert found.early_r_squared == found.r_squared


def test_the_logistic_map_at_four_separates_at_log_two_until_it_saturates() -> None:
    found = [exponent(logistic(start, 12, 80, 1e-13)) for start in np.linspace(0.11, 0.93, 8)]
    assert np.mean([each.early.estimate for each in found]) == pytest.approx(np.log(2.0), rel=0.05)
    assert all(each.saturation is not None and 38 <= each.saturation <= 48 for each in found)
    assert all(any(caution.startswith("saturated") for caution in each.cautions) for each in found)
    assert all(each.exponent.estimate < 0.5 for each in found)


def test_a_curve_that_levels_off_is_saturated_and_its_exponent_is_told_to_be_none() -> None:
    found = exponent(separating(1.0 - 0.95 * np.exp(-STEPS / 6.0), noise=0.002))
    assert found.saturation is not None
    assert found.saturation < 20
    assert found.early.estimate > 3 * found.exponent.estimate
    assert f"saturated: the curve is flat from step {found.saturation}" in found.cautions
    assert any("no exponent describes this curve; see the relaxation time" in caution for caution in found.cautions)


def test_the_mean_of_the_logs_is_not_ruled_by_the_pair_that_is_far_apart() -> None:
    places = [np.exp(0.1 * STEPS), np.zeros(60), np.full(60, 1e6)]
    found = exponent([place[:, None] for place in places])
    np.testing.assert_allclose(found.log_divergence, (0.1 * STEPS + 2 * np.log(1e6)) / 3, atol=1e-3)
    np.testing.assert_allclose(found.mean_distance[0], (1.0 + 2e6 - 1.0) / 3, rtol=1e-6)


def test_pairs_that_coincide_are_left_out_and_counted() -> None:
    merging = np.exp(0.1 * STEPS)
    merging[30:] = 0.0
    runs = [*separating(np.exp(0.1 * STEPS), 4), np.zeros((60, 4)), np.outer(merging, np.ones(4))]
    found = exponent(runs)
    assert (found.pairs, found.merged) == (15, 1)
    assert "1 of 15 pairs merge: they count only where they lie apart" in found.cautions
    assert "the pairs that count change from step to step" in found.cautions
    assert np.isfinite(found.log_divergence).all()


def test_runs_equal_at_first_begin_to_count_where_they_part() -> None:
    scale = np.exp(0.1 * STEPS)
    scale[:5] = 0.0
    found = exponent(separating(scale, 5))
    assert np.isnan(found.log_divergence[:5]).all()
    assert found.exponent.estimate == pytest.approx(0.1)
    assert (found.pairs, found.merged) == (10, 0)


def test_runs_that_never_part_have_no_exponent() -> None:
    found = exponent([np.ones((20, 3))] * 4)
    assert np.isnan([found.exponent.estimate, found.standard_error, found.r_squared]).all()
    assert (found.pairs, found.merged) == (0, 0)
    assert found.cautions == ("no two runs lie apart at two steps",)


def test_runs_that_keep_their_distance_neither_grow_nor_decay() -> None:
    found = exponent(separating(np.ones(60), noise=0.01))
    assert "neither growth nor decay: the interval holds 0" in found.cautions
    assert abs(found.exponent.estimate) < 1e-3


def test_few_runs_and_steps_are_told_and_one_pair_has_no_interval() -> None:
    found = exponent(separating(np.exp(0.1 * STEPS[:6]), 2))
    assert found.cautions == ("only 1 pair", "only 6 steps")
    assert np.isnan([found.exponent.low, found.exponent.high, found.standard_error]).all()
    assert found.exponent.estimate == pytest.approx(0.1)


def test_only_pairs_of_the_same_prompt_count_when_prompts_are_given() -> None:
    near, far = (separating(np.exp(pace * STEPS), 4) for pace in (0.1, 0.2))
    found = exponent([*near, *[run + 1e3 for run in far]], prompts=["a"] * 4 + ["b"] * 4)
    assert found.exponent.estimate == pytest.approx(0.15)
    assert (found.pairs, found.cautions) == (12, ())
    np.testing.assert_allclose(found.mean_distance, np.sqrt(2.0) * (np.exp(0.1 * STEPS) + np.exp(0.2 * STEPS)) / 2)


def test_prompts_of_a_single_run_have_no_pair() -> None:
    found = exponent(separating(np.exp(0.1 * STEPS), 3), prompts=["a", "b", "c"])
    assert np.isnan(found.mean_distance).all()
    assert found.cautions == ("no two runs lie apart at two steps",)


def test_runs_may_end_at_different_steps() -> None:
    runs = separating(np.exp(0.1 * STEPS), 6)
    runs[0] = runs[0][:30]
    found = exponent(runs)
    assert found.exponent.estimate == pytest.approx(0.1)
    assert found.cautions == ("the pairs that count change from step to step",)


def test_the_interval_holds_the_exponent_of_other_runs() -> None:
    def drawn(trial: int) -> LyapunovExponent:
        paces = 0.1 + 0.02 * rng(trial).normal(size=10)
        return exponent(
            [np.outer(np.exp(pace * STEPS[:20]), axis) for pace, axis in zip(paces, np.eye(10), strict=True)]
        )

    found = [drawn(trial) for trial in range(60)]
    truth = 0.10346  # of 400,000 such pairs
    assert 53 <= sum(each.exponent.low <= truth <= each.exponent.high for each in found) <= 60
    spread = np.std([each.exponent.estimate for each in found])
    assert np.mean([each.standard_error for each in found]) == pytest.approx(spread, rel=0.3)


def test_the_same_generator_gives_the_same_interval() -> None:
    runs = separating(np.exp(0.05 * STEPS), noise=0.1)
    assert exponent(runs).exponent == exponent(runs).exponent


@pytest.mark.parametrize("options", [{"level": 0.0}, {"resamples": 0}])
def test_impossible_intervals_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="must"):
        exponent(separating(STEPS + 1.0), **options)


def test_a_single_run_is_refused() -> None:
    with pytest.raises(RequestError, match="needs at least 2"):
        exponent([np.ones((5, 2))])
