from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from panic_tda.analysis.run_lengths import run_lengths
from panic_tda.errors import RequestError

A, B, C, NOWHERE = 0, 1, 2, -1


def test_stretches_of_equal_symbols_are_counted_in_order() -> None:
    found = run_lengths([A] * 5 + [B] * 3 + [A] * 2 + [C] * 4 + [B] * 4 + [A] * 2)
    assert found.lengths.tolist() == [5, 3, 2, 4, 4, 2]
    assert found.symbols.tolist() == [A, B, A, C, B, A]


def test_steps_without_a_state_are_a_stretch_of_their_own() -> None:
    found = run_lengths([A, NOWHERE, NOWHERE, A])
    assert (found.symbols.tolist(), found.lengths.tolist()) == ([A, NOWHERE, A], [1, 2, 1])


def test_an_empty_sequence_has_no_stretches() -> None:
    found = run_lengths([])
    assert len(found.symbols) == len(found.lengths) == 0
    assert found.lengths.dtype == np.int64


@given(st.lists(st.integers(-1, 2), max_size=30))
def test_repeating_each_symbol_by_its_length_gives_the_sequence_back(sequence: list[int]) -> None:
    found = run_lengths(sequence)
    assert np.repeat(found.symbols, found.lengths).tolist() == sequence
    assert (np.diff(found.symbols) != 0).all()


@pytest.mark.parametrize("sequence", [[[1, 2]], [0.5, 1.0], ["A", "B"], [True, False]])
def test_what_is_no_list_of_integers_is_refused(sequence: ArrayLike) -> None:
    with pytest.raises(RequestError, match="list of integers"):
        run_lengths(sequence)
