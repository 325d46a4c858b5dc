from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from panic_tda.analysis.twins import TwinGrowth, merge_step, separation, twin_growth
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]


def growth(separations: Any, runs: Any = None, **options: Any) -> TwinGrowth:
    rows = np.asarray(separations, dtype=np.float64)
    named = range(len(rows)) if runs is None else runs
    return twin_growth(rows, named, np.random.default_rng(0), **{"resamples": 100} | options)


def powers(factor: float, pairs: int = 6, steps: int = 20, size: float = 1e-6) -> Floats:
    sizes = size * np.arange(1, pairs + 1)[:, None]
    return np.asarray(sizes * factor ** np.arange(steps))


class TestSeparation:
    """Distances of a run and its twin."""

    def test_is_euclidean_at_every_step_that_both_reach(self) -> None:
        assert separation([[0, 0], [1, 1], [5, 5]], [[3, 4], [1, 1]]).tolist() == [5.0, 0.0]

    def test_of_equal_rows_is_exactly_zero(self) -> None:
        rows = np.random.default_rng(1).normal(size=(5, 768)).astype(np.float32)
        assert separation(rows, rows.copy()).tolist() == [0.0] * 5

    def test_without_a_common_step_is_empty(self) -> None:
        assert separation(np.empty((0, 3)), [[1.0, 2.0, 3.0]]).shape == (0,)

    @pytest.mark.parametrize("twin", [[[1.0, 2.0]], [[np.nan]], [1.0]])
    def test_of_vectors_that_cannot_be_compared_is_refused(self, twin: Any) -> None:
        with pytest.raises(RequestError):
            separation([[1.0]], twin)


class TestMerging:
    """When run and twin are one again."""

    @pytest.mark.parametrize(
        ("run", "twin", "step"),
        [
            ("abcd", "abcd", 0),
            ("abcd", "xbcd", 1),
            ("abcd", "xbxd", 3),
            ("abcd", "abcx", None),
            ("abcdef", "xbc", 1),
            ("", "abc", None),
            ("", "", None),
        ],
    )
    def test_is_where_they_are_equal_to_the_end(self, run: str, twin: str, step: int | None) -> None:
        assert merge_step(run, twin) == step
        assert merge_step(twin, run) == step

    @given(st.text("ab", max_size=9), st.text("ab", max_size=9))
    def test_holds_from_its_step_on_and_not_before(self, run: str, twin: str) -> None:
        step, common = merge_step(run, twin), min(len(run), len(twin))
        if step is None:
            assert not common or run[common - 1] != twin[common - 1]
        else:
            assert run[step:common] == twin[step:common] != ""
            assert step == 0 or run[step - 1] != twin[step - 1]


class TestGrowth:
    """The slope of the chained mean of the logs."""

    @pytest.mark.parametrize("factor", [0.5, 0.9, 1.2, 3.0])
    def test_of_powers_is_the_log_of_their_factor(self, factor: float) -> None:
        found = growth(powers(factor))
        assert found.rate.estimate == pytest.approx(np.log(factor))
        assert found.rate.low == pytest.approx(np.log(factor))
        assert found.factor.estimate == pytest.approx(factor)
        assert found.r_squared == pytest.approx(1.0)
        assert (found.first, found.last) == (0, 19)
        assert (found.saturation, found.cautions) == (None, ())
        assert (found.rate.n, found.pairs) == (6, 6)

    def test_of_a_linear_map_is_the_log_of_its_spectral_radius(self) -> None:
        matrix = np.array([[0.0, 1.3, 0.0], [-1.3, 0.0, 0.0], [0.0, 5.0, 0.7]])
        off = 1e-9 * np.random.default_rng(3).normal(size=(6, 3))
        pairs = [np.linalg.norm(off @ np.linalg.matrix_power(matrix.T, step), axis=1) for step in range(60)]
        assert growth(np.transpose(pairs), skip=10).factor.estimate == pytest.approx(1.3, rel=0.01)

    def test_is_fitted_until_the_separation_is_flat(self) -> None:
        noise = np.random.default_rng(4).normal(0, 0.05, size=(6, 30))
        found = growth(np.minimum(powers(2.0, steps=30), 1e-3) * np.exp(noise))
        assert found.saturation is not None
        assert 7 <= found.saturation <= 10
        assert found.last == found.saturation
        assert found.rate.estimate == pytest.approx(np.log(2), rel=0.1)
        assert f"saturated: the separation is flat from step {found.saturation}" in found.cautions

    def test_skipped_steps_are_not_fitted(self) -> None:
        slow = np.concatenate([powers(1.0, steps=10), powers(1.5, steps=20)], axis=1)
        found = growth(slow, skip=10)
        assert found.first == 10
        assert found.rate.estimate == pytest.approx(np.log(1.5))

    def test_pairs_that_come_together_do_not_move_the_mean(self) -> None:
        pairs = powers(0.8)
        pairs[:3, 5:] = 0.0
        pairs[0, 2:] = 0.0
        found = growth(pairs)
        assert found.rate.estimate == pytest.approx(np.log(0.8))
        assert found.cautions == ("3 of 6 pairs come together again and count only where they lie apart",)

    def test_the_mean_counts_those_that_came_together(self) -> None:
        found = growth([[1.0, 0.0, 0.0], [3.0, 2.0, 2.0]])
        assert found.mean.tolist() == [2.0, 1.0, 1.0]

    def test_pairs_that_never_lie_apart_are_told(self) -> None:
        pairs = powers(1.3)
        pairs[2] = 0.0
        assert growth(pairs).cautions == ("1 of 6 pairs never lie apart",)
        nothing = growth(np.zeros((6, 4)))
        assert np.isnan(nothing.rate.estimate)
        assert nothing.cautions == ("no pair lies apart at two steps in a row", "6 of 6 pairs never lie apart")

    def test_pairs_that_lie_apart_later_count_from_there_on(self) -> None:
        pairs = powers(1.3)
        pairs[:, :2] = 0.0
        found = growth(pairs)
        assert np.isnan(found.log_separation[:2]).all()
        assert found.first == 2
        assert found.rate.estimate == pytest.approx(np.log(1.3))

    def test_pairs_that_end_early_count_as_long_as_they_last(self) -> None:
        pairs = powers(1.3)
        pairs[:4, 6:] = np.nan
        found = growth(pairs)
        assert found.rate.estimate == pytest.approx(np.log(1.3))
        assert found.mean[-1] == pytest.approx(pairs[4:, -1].mean())
        assert found.cautions == ()

    def test_noise_has_no_growth(self) -> None:
        found = growth(np.exp(np.random.default_rng(5).normal(size=(8, 30))))
        assert "neither growth nor decay: the interval of the rate holds 0" in found.cautions

    def test_what_bends_has_no_rate(self) -> None:
        found = growth(np.exp(np.sin(np.arange(20.0))) * powers(1.05))
        assert any(caution.startswith("R² ") for caution in found.cautions)

    def test_few_runs_and_few_steps_are_told(self) -> None:
        assert growth(powers(2.0, pairs=3, steps=4)).cautions == ("only 3 runs have twins", "the rate rests on 4 steps")
        one = growth(powers(2.0, pairs=3, steps=9), runs=["a"] * 3)
        assert one.cautions == ("only 1 run has twins",)
        assert (one.rate.n, np.isnan(one.rate.low)) == (1, True)

    def test_twins_of_one_run_are_drawn_together(self) -> None:
        """As many twins as one likes do not make the interval of four runs narrower."""
        rates = np.random.default_rng(6).normal(0.3, 0.1, size=4)
        few = np.exp(rates[:, None] * np.arange(15))
        many = np.repeat(few, 25, axis=0)
        runs = np.repeat(np.arange(4), 25)
        one, other = growth(few).rate, growth(many, runs=runs).rate
        assert other.estimate == pytest.approx(one.estimate)
        assert other.high - other.low == pytest.approx(one.high - one.low)
        assert (one.n, other.n) == (4, 4)

    def test_the_same_generator_gives_the_same_numbers(self) -> None:
        pairs = np.exp(np.random.default_rng(5).normal(size=(8, 30)))
        assert growth(pairs).rate == growth(pairs).rate

    @pytest.mark.parametrize(
        ("separations", "runs", "options", "words"),
        [
            (np.ones(3), [1, 2, 3], {}, "separations must be"),
            (np.ones((0, 3)), [], {}, "separations must be"),
            (np.ones((2, 0)), [1, 2], {}, "separations must be"),
            ([[1.0, -1.0]], [1], {}, "negative or infinite"),
            ([[1.0, np.inf]], [1], {}, "negative or infinite"),
            (np.ones((2, 3)), [1], {}, "2 values and 1 runs"),
            (np.ones((2, 3)), [1, 2], {"skip": -1}, "skip"),
            (np.ones((2, 3)), [1, 2], {"level": 1.0}, "level"),
            (np.ones((2, 3)), [1, 2], {"resamples": 0}, "resamples"),
        ],
    )
    def test_what_cannot_be_judged_is_refused(self, separations: Any, runs: Any, options: Any, words: str) -> None:
        with pytest.raises(RequestError, match=words):
            growth(separations, runs, **options)

    def test_skipping_everything_leaves_nothing_to_fit(self) -> None:
        assert np.isnan(growth(powers(2.0, steps=5), skip=5).rate.estimate)
