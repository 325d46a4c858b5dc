from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.core_sets import core_set_sequences
from panic_tda.errors import RequestError


def test_steps_in_transit_belong_to_the_core_visited_last() -> None:
    found = core_set_sequences([[0, -1, -1, 0, -1, 1, -1]])
    assert found.sequences[0].tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert found.transit == pytest.approx(4 / 7)


def test_steps_before_the_first_core_belong_to_it_and_are_told() -> None:
    found = core_set_sequences([[-1, -1, 1, 0], [0, 1]])
    assert found.sequences[0].tolist() == [1, 1, 1, 0]
    assert found.before_first.tolist() == [2, 0]
    assert found.cautions == ("2 steps before the first core were given to the core reached first",)


def test_a_run_that_reaches_no_core_has_no_state_and_is_told() -> None:
    found = core_set_sequences([[-1, -1], [3, 3, 3]])
    assert found.sequences[0].tolist() == [-1, -1]
    assert found.before_first.tolist() == [2, 0]
    assert found.cautions == ("1 of 2 runs never reach a core",)


def test_mostly_transit_is_told() -> None:
    assert core_set_sequences([[0, -1, -1, -1]]).cautions == ("75 % of 4 steps lie outside the cores",)


@given(st.lists(st.lists(st.integers(-1, 2), min_size=1, max_size=12), min_size=1, max_size=4))
def test_every_step_of_a_run_that_reaches_a_core_has_a_state(runs: list[list[int]]) -> None:
    found = core_set_sequences(runs)
    for cores, sequence in zip(runs, found.sequences, strict=True):
        reached = max(cores) >= 0
        assert len(sequence) == len(cores)
        assert (sequence >= 0).all() == reached
        inside = np.array(cores) >= 0
        assert (sequence[inside] == np.array(cores)[inside]).all()


@pytest.mark.parametrize("runs", [[], [[]]])
def test_without_steps_there_is_nothing_to_assign(runs: list[list[int]]) -> None:
    with pytest.raises(RequestError, match="no steps"):
        core_set_sequences(runs)
