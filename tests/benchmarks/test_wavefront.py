"""The benchmark of taking turns, on a small scale and without judging its seconds."""

from __future__ import annotations

import pytest

from wavefront import CALL_S, LOAD_S, taking_turns


@pytest.mark.parametrize("runs", [5, 16])
def test_a_cycle_costs_one_load_for_each_model(runs: int) -> None:
    took = taking_turns(runs, cycles=2)
    assert (took.loads, took.calls) == (4, 4 * -(-runs // 8))
    assert took.least == pytest.approx(4 * LOAD_S + took.calls * CALL_S)
    assert took.seconds >= took.least
