from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from panic_tda.analysis.surrogates import (
    markov_order,
    markov_surrogate,
    phase_surrogate,
    rank_test,
    shuffled_order,
    shuffled_surrogate,
    surrogate_test,
)
from panic_tda.errors import RequestError

seeds = st.integers(0, 2**32 - 1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(seeds, st.integers(0, 20))
def test_a_shuffled_order_visits_every_step_once(seed: int, steps: int) -> None:
    order = shuffled_order(steps, rng(seed))
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(steps))


def test_shuffling_keeps_whole_rows() -> None:
    rows = np.arange(20).reshape(10, 2)
    shuffled = shuffled_surrogate(rows, rng())
    assert shuffled.tolist() != rows.tolist()
    assert sorted(shuffled.tolist()) == rows.tolist()


@pytest.mark.parametrize("steps", [2, 3, 8, 9, 64])
def test_phase_surrogates_keep_the_mean_and_every_cross_spectrum(steps: int) -> None:
    rows = rng(steps).normal(size=(steps, 3)) + [5.0, 0.0, -1.0]
    surrogate = phase_surrogate(rows, rng(1))
    assert surrogate.shape == rows.shape
    np.testing.assert_allclose(surrogate.mean(axis=0), rows.mean(axis=0))
    spectra = [np.fft.fft(each, axis=0) for each in (rows, surrogate)]
    crossed = [each[:, :, None] * each[:, None, :].conj() for each in spectra]
    np.testing.assert_allclose(crossed[1], crossed[0], atol=1e-9)


def test_phase_surrogates_differ_from_the_trajectory_and_from_each_other() -> None:
    rows = rng().normal(size=(16, 2))
    one, other = phase_surrogate(rows, rng(1)), phase_surrogate(rows, rng(2))
    assert min(np.abs(one - rows).max(), np.abs(one - other).max()) > 0.1


def test_a_phase_surrogate_of_one_step_is_that_step() -> None:
    assert phase_surrogate([[1.0, 2.0]], rng()).tolist() == [[1.0, 2.0]]
    assert phase_surrogate(np.empty((0, 2)), rng()).shape == (0, 2)


def test_phase_surrogates_of_what_is_not_finite_are_refused() -> None:
    with pytest.raises(RequestError, match="row 1"):
        phase_surrogate([[0.0], [np.nan]], rng())


@given(st.lists(st.sampled_from("abcd"), max_size=30), seeds)
def test_markov_surrogates_keep_the_first_symbol_and_every_transition(symbols: list[str], seed: int) -> None:
    order = markov_order(symbols, rng(seed))
    assert sorted(order.tolist()) == list(range(len(symbols)))
    arranged = [symbols[step] for step in order]
    assert arranged[:1] == symbols[:1]
    assert Counter(pairwise(arranged)) == Counter(pairwise(symbols))


def test_markov_surrogates_are_uniform_over_all_such_sequences() -> None:
    symbols, draws, generator = np.array(list("aababcab")), 3000, rng()
    counts = Counter(pairwise(symbols))
    possible = {each for each in permutations(symbols) if each[0] == "a" and Counter(pairwise(each)) == counts}
    drawn = Counter(tuple(markov_surrogate(symbols, generator)) for _ in range(draws))
    assert set(drawn) == possible
    expected = draws / len(possible)
    # χ² with 5 degrees of freedom exceeds 20.5 once in a thousand times.
    assert len(possible) == 6
    assert sum((each - expected) ** 2 / expected for each in drawn.values()) < 20.5


def test_the_steps_of_a_symbol_take_its_places_in_any_order() -> None:
    symbols, generator = ["a", "a", "a", "a"], rng()
    assert len({tuple(markov_order(symbols, generator)) for _ in range(300)}) == 24


def test_a_cycle_is_its_own_only_markov_surrogate() -> None:
    symbols = np.array([0, 1, 2] * 5)
    assert markov_surrogate(symbols, rng()).tolist() == symbols.tolist()


def test_the_p_value_is_the_rank_among_the_surrogates() -> None:
    test = rank_test(2.5, [1.0, 2.0, 3.0, 4.0], rng())
    assert (test.greater, test.less, test.two_sided) == (3 / 5, 3 / 5, 1.0)
    assert (test.low, test.high) == pytest.approx((1.075, 3.925))
    extreme = rank_test(9.0, range(39), rng())
    assert (extreme.greater, extreme.surrogates, extreme.cautions) == (31 / 40, 39, ())
    assert rank_test(99.0, range(39), rng()).two_sided == 2 / 40


def test_random_ties_give_every_rank_equally_often_and_conservative_ones_the_largest() -> None:
    generator = rng()
    drawn = Counter(rank_test(1.0, [1.0, 1.0, 0.0], generator).greater for _ in range(3000))
    assert set(drawn) == {1 / 4, 2 / 4, 3 / 4}
    assert min(drawn.values()) > 900
    test = rank_test(1.0, [1.0, 1.0, 0.0], generator, ties="conservative")
    assert (test.greater, test.less) == (3 / 4, 1.0)


def test_greater_and_less_share_the_ties_between_them() -> None:
    generator = rng()
    for _ in range(50):
        test = rank_test(1.0, [1.0, 1.0, 0.0, 2.0], generator)
        assert test.greater + test.less == pytest.approx(6 / 5)


def test_a_statistic_that_every_surrogate_shares_is_cautioned() -> None:
    test = surrogate_test(lambda rows: float(rows.sum()), np.arange(4), shuffled_surrogate, rng(), ties="conservative")
    assert test.two_sided == 1.0
    assert test.cautions == ("every surrogate has the same value as the trajectory",)


def test_values_that_are_nan_are_left_out_and_said() -> None:
    test = rank_test(1.0, [0.0, np.nan, 2.0], rng())
    assert (test.greater, test.surrogates, test.cautions) == (2 / 3, 2, ("1 of 3 surrogates give no value",))
    for nothing in (rank_test(np.nan, [1.0], rng()), rank_test(1.0, [np.nan], rng())):
        assert np.isnan(nothing.two_sided)
        assert nothing.cautions[-1] == "nothing to compare"


def test_order_is_found_in_a_rising_line_and_not_in_noise() -> None:
    def steps(rows: NDArray[Any]) -> float:
        return float(np.abs(np.diff(rows)).sum())

    assert surrogate_test(steps, np.arange(30.0), shuffled_surrogate, rng()).less == 1 / 200
    assert surrogate_test(steps, rng(4).normal(size=30), shuffled_surrogate, rng()).two_sided > 0.05


def test_no_surrogates_and_unknown_ties_are_refused() -> None:
    with pytest.raises(RequestError, match="at least one surrogate"):
        surrogate_test(np.sum, np.arange(3), shuffled_surrogate, rng(), count=0)
    with pytest.raises(RequestError, match="ties"):
        rank_test(1.0, [1.0], rng(), ties="never")  # type: ignore[arg-type]
