from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.permanova import Effect, Permanova, permanova
from panic_tda.errors import RequestError

PROMPT, SEED = np.repeat(np.arange(8), 4).tolist(), np.tile(np.arange(4), 8).tolist()
FACTORS = {"prompt": PROMPT, "seed": SEED}


def decomposed(
    points: NDArray[np.float64],
    factors: dict[str, list[int]] = FACTORS,
    *,
    permutations: int = 99,
    resamples: int = 99,
) -> Permanova:
    rng = np.random.default_rng(0)
    return permanova(euclidean_distances(points), factors, rng, permutations=permutations, resamples=resamples)


def planted(prompt: float, seed: float, *, dimensions: int = 12) -> NDArray[np.float64]:
    rng = np.random.default_rng(5)
    means = [prompt * rng.normal(size=(8, dimensions)), seed * rng.normal(size=(4, dimensions))]
    points: NDArray[np.float64] = means[0][PROMPT] + means[1][SEED] + rng.normal(size=(32, dimensions))
    return points


def by_name(found: Permanova) -> dict[str, Effect]:
    return {effect.factor: effect for effect in found.effects}


def test_in_one_dimension_it_is_the_common_analysis_of_variance() -> None:
    values = planted(1.0, 0.5, dimensions=1)
    table = values.reshape(8, 4)
    prompt = 4 * ((table.mean(axis=1) - table.mean()) ** 2).sum()
    seed = 8 * ((table.mean(axis=0) - table.mean()) ** 2).sum()
    residual = ((table - table.mean()) ** 2).sum() - prompt - seed
    found = decomposed(values)
    effects = by_name(found)
    assert effects["prompt"].sum_of_squares == pytest.approx(prompt)
    assert effects["prompt"].pseudo_f == pytest.approx((prompt / 7) / (residual / 21))
    assert effects["seed"].partial_r2 == pytest.approx(seed / (seed + residual))
    assert effects["seed"].share.estimate == pytest.approx(
        (seed - 3 * residual / 21) / (prompt + seed + residual * 22 / 21)
    )
    assert (effects["prompt"].df, effects["seed"].df, found.residual_df, found.n) == (7, 3, 21, 32)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_in_a_balanced_design_the_shares_sum_to_one(seed: int) -> None:
    found = decomposed(np.random.default_rng(seed).normal(size=(32, 3)), permutations=1, resamples=1)
    assert sum(effect.share.estimate for effect in found.effects) + found.unexplained == pytest.approx(1.0)


def test_planted_effects_are_ranked_and_significant() -> None:
    effects = by_name(decomposed(planted(2.0, 0.7)))
    assert effects["prompt"].share.estimate > effects["seed"].share.estimate > 0.02
    assert max(effect.p_value for effect in effects.values()) == 0.01
    assert all(effect.share.low < effect.share.estimate < effect.share.high for effect in effects.values())


def test_a_factor_without_effect_has_no_share_though_r2_is_positive() -> None:
    effect = by_name(decomposed(planted(2.0, 0.0)))["seed"]
    assert effect.partial_r2 > 0.05
    assert effect.share.low < 0.0 < effect.share.high
    assert effect.p_value > 0.05


def test_levels_are_dealt_inside_the_other_factors_where_that_is_exact() -> None:
    assert {effect.scheme for effect in decomposed(planted(1.0, 1.0)).effects} == {"within cells"}
    square = [(prompt + seed) % 4 for prompt, seed in zip(PROMPT, SEED, strict=True)]
    assert by_name(decomposed(planted(1.0, 1.0), FACTORS | {"model": square}))["model"].scheme == "residuals"


def test_nothing_is_dealt_between_blocks() -> None:
    # Blocks lie far apart and hold unequal numbers of the two levels: only the blocks make the levels differ.
    block, level = [0] * 10 + [1] * 10, [0] * 8 + [1] * 2 + [0] * 2 + [1] * 8
    points = np.random.default_rng(6).normal(size=(20, 4)) + 10.0 * np.array(block)[:, None]
    distances, rng = euclidean_distances(points), np.random.default_rng(0)
    free = permanova(distances, {"level": level}, rng, resamples=1).effects[0].p_value
    kept = permanova(distances, {"level": level}, rng, resamples=1, within=block).effects[0].p_value
    assert free <= 0.05 < kept


def test_motifs_and_numbers_are_decomposed_by_their_distances() -> None:
    motif = np.array(PROMPT) % 3
    same = permanova((motif[:, None] != motif[None, :]).astype(float), FACTORS, np.random.default_rng(0), resamples=9)
    assert by_name(same)["prompt"].share.estimate == pytest.approx(1.0)
    assert by_name(same)["prompt"].pseudo_f == math.inf
    steps = np.array(PROMPT) ** 2
    numbers = permanova(np.abs(np.subtract.outer(steps, steps)), FACTORS, np.random.default_rng(0), resamples=9)
    assert by_name(numbers)["prompt"].p_value <= 0.002
    assert by_name(numbers)["seed"].p_value == 1.0


def test_a_factor_fixed_by_another_has_no_numbers_but_the_reason() -> None:
    factors = {"network": [0, 0, 1, 1] * 8, "painter": [5, 5, 6, 6] * 8, "prompt": PROMPT}
    effect = by_name(decomposed(planted(1.0, 1.0), factors))["painter"]
    assert (effect.df, effect.levels) == (0, 2)
    assert math.isnan(effect.p_value)
    assert math.isnan(effect.share.estimate)
    assert effect.cautions == ("fixed by the network, so they cannot be told apart",)


def test_levels_of_unequal_spread_and_few_ways_to_deal_them_are_told() -> None:
    points = planted(0.0, 0.0) * np.where(np.array(SEED) == 3, 4.0, 1.0)[:, None]
    assert any("differ in spread" in each for each in by_name(decomposed(points))["seed"].cautions)
    few = decomposed(np.array([[0.0], [1.0], [2.0], [1.0], [2.0], [3.0]]), {"seed": [0, 0, 0, 1, 1, 1]})
    assert few.effects[0].cautions == ("only 20 ways to deal its levels to the runs, so p is at least 0.05",)
    assert few.cautions == ("only 4 degrees of freedom to measure chance by",)


def test_runs_in_one_place_have_nothing_to_decompose() -> None:
    found = decomposed(np.ones((32, 3)))
    assert found.cautions == ("all runs lie in the same place",)
    assert all(math.isnan(effect.p_value) for effect in found.effects)
    assert math.isnan(found.unexplained)


def test_without_a_run_left_over_there_is_no_measure_of_chance() -> None:
    found = decomposed(planted(1.0, 1.0)[:4], {"prompt": [0, 1, 2, 3]})
    assert found.cautions == ("no run is left over to measure chance by",)
    assert math.isnan(found.effects[0].p_value)


def test_distances_no_space_has_are_told() -> None:
    distances = euclidean_distances(planted(1.0, 1.0)) ** 3
    assert "some distances are not Euclidean" in permanova(distances, FACTORS, np.random.default_rng(0)).cautions


def test_the_same_generator_gives_the_same_numbers() -> None:
    assert repr(decomposed(planted(1.0, 1.0))) == repr(decomposed(planted(1.0, 1.0)))


@pytest.mark.parametrize("options", [{"permutations": 0}, {"resamples": 0}, {"level": 1.0}, {"within": [1]}])
def test_bad_arguments_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(RequestError, match=r"at least 1|within has 1 labels"):
        permanova(euclidean_distances(planted(1, 1)), FACTORS, np.random.default_rng(0), **options)  # type: ignore[arg-type]
