from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from panic_tda.analysis.persistent_entropy import EntropyResult, persistent_entropy
from panic_tda.errors import RequestError

lengths = st.lists(st.floats(1e-300, 1e300), max_size=20)


@pytest.mark.parametrize("count", [2, 3, 10, 1000])
def test_uniform_bars_have_the_entropy_log_n(count: int) -> None:
    result = persistent_entropy([[0.5, 0.7]] * count)
    assert result.plain == pytest.approx(math.log(count))
    assert result.normalised == pytest.approx(1.0)
    assert result.bars == count


def test_lengths_1_2_and_3_have_the_entropy_of_their_shares() -> None:
    expected = -sum(p * math.log(p) for p in (1 / 6, 2 / 6, 3 / 6))
    result = persistent_entropy([[0, 1], [1, 3], [2, 5]])
    assert result.plain == pytest.approx(expected)
    assert result.normalised == pytest.approx(expected / math.log(3))


@pytest.mark.parametrize("bars", [[], np.empty((0, 2)), [[0, math.inf]], [[1.0, 1.0]]])
def test_a_diagram_without_finite_bars_has_entropy_zero(bars: ArrayLike) -> None:
    assert persistent_entropy(bars) == EntropyResult(0.0, 0.0, 0)


def test_one_bar_has_entropy_zero_plain_and_normalised() -> None:
    result = persistent_entropy([[0.0, 2.0], [0.0, math.inf]])
    assert result == EntropyResult(0.0, 0.0, 1)
    assert math.copysign(1, result.plain) == 1


@given(lengths)
def test_infinite_and_zero_length_bars_change_nothing(deaths: list[float]) -> None:
    bars: list[list[float]] = [[0.0, death] for death in deaths]
    more: list[list[float]] = [*bars, [0.0, math.inf], [3.0, 3.0]]
    assert persistent_entropy(more) == persistent_entropy(bars)


@given(lengths)
def test_entropy_lies_between_zero_and_log_n(deaths: list[float]) -> None:
    result = persistent_entropy([[0.0, death] for death in deaths])
    assert result.bars == len(deaths)
    assert 0.0 <= result.plain <= math.log(max(len(deaths), 1)) + 1e-12
    assert 0.0 <= result.normalised <= 1.0


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=20), st.floats(1e-3, 1e3))
def test_entropy_does_not_depend_on_the_unit_of_length(deaths: list[float], unit: float) -> None:
    bars = np.array([[0.0, death] for death in deaths])
    assert persistent_entropy(bars * unit).plain == pytest.approx(persistent_entropy(bars).plain, abs=1e-9)


@pytest.mark.parametrize("bars", [[1.0, 2.0], [[1.0, 2.0, 3.0]]])
def test_arrays_that_are_not_bars_are_refused(bars: list[float]) -> None:
    with pytest.raises(RequestError, match="births and deaths"):
        persistent_entropy(bars)


@pytest.mark.parametrize("bar", [[2.0, 1.0], [math.nan, 1.0], [0.0, math.nan], [-math.inf, 0.0]])
def test_impossible_bars_are_refused(bar: list[float]) -> None:
    with pytest.raises(RequestError, match="a bar has"):
        persistent_entropy([[0.0, 1.0], bar])
