from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.size_exponent import SizeExponent, size_exponent
from panic_tda.errors import RequestError

SIZES = 10.0 ** np.linspace(-6, -1, 12)


def exponent(initial: Any, final: Any, runs: Any = None, **options: Any) -> SizeExponent:
    return size_exponent(
        initial, final, range(len(final)) if runs is None else runs, np.random.default_rng(0), **options
    )


@given(st.floats(-2, 2), st.floats(0.1, 10))
def test_a_power_law_gives_its_exponent(power: float, scale: float) -> None:
    found = exponent(SIZES, scale * SIZES**power, resamples=20)
    assert found.exponent.estimate == pytest.approx(power, abs=1e-9)
    assert found.exponent.high == pytest.approx(power, abs=1e-6)
    assert (found.pairs, found.exponent.n, found.cautions) == (12, 12, ())


def test_where_the_size_is_forgotten_the_interval_holds_zero() -> None:
    found = exponent(SIZES, np.exp(np.random.default_rng(2).normal(size=12))).exponent
    assert found.low < 0.0 < found.high < 1.0


def test_the_unit_of_the_separations_does_not_matter() -> None:
    final = np.exp(np.random.default_rng(2).normal(size=12))
    one, other = exponent(SIZES, final).exponent, exponent(1e-9 * SIZES, 1e9 * final).exponent
    assert other == pytest.approx(one, rel=1e-6)


def test_pairs_at_distance_zero_are_left_out_and_told() -> None:
    final = SIZES.copy()
    final[[0, 3]] = 0.0
    found = exponent(SIZES, final)
    assert found.exponent.estimate == pytest.approx(1.0)
    assert found.pairs == 10
    assert found.cautions == ("2 pairs are left out: not apart at both ends",)
    nothing = exponent(np.zeros(3), np.ones(3))
    assert (nothing.pairs, nothing.cautions) == (0, ("no pair lies apart at both ends",))
    assert np.isnan(nothing.exponent.estimate)


def test_sizes_that_hardly_differ_and_few_runs_are_told() -> None:
    found = exponent([1.0, 1.2, 1.5], [1.0, 1.1, 1.7], runs=["a", "a", "b"])
    assert found.cautions == ("only 2 runs have twins", "the initial separations differ by a factor of 1.5 only")
    assert found.spread == pytest.approx(1.5)


def test_equal_sizes_have_no_exponent() -> None:
    found = exponent(np.full(6, 0.1), np.arange(1.0, 7.0))
    assert np.isnan(found.exponent.estimate)
    assert "differ by a factor of 1.0 only" in found.cautions[0]


@pytest.mark.parametrize(
    ("initial", "final", "runs", "options", "words"),
    [
        ([1.0], [1.0, 2.0], [1], {}, "every pair has"),
        ([1.0], [1.0], [1, 2], {}, "every pair has"),
        ([[1.0]], [[1.0]], [1], {}, "every pair has"),
        ([-1.0], [1.0], [1], {}, "negative"),
        ([1.0], [np.inf], [1], {}, "infinite"),
        ([1.0], [1.0], [1], {"level": 1.5}, "level"),
        ([1.0], [1.0], [1], {"resamples": 0}, "resamples"),
    ],
)
def test_what_are_no_separations_is_refused(initial: Any, final: Any, runs: Any, options: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        exponent(initial, final, runs, **options)
