from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.irreversibility import entropy_production, irreversibility
from panic_tda.errors import RequestError

CYCLE = np.roll(np.eye(3), 1, axis=1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_a_chain_in_detailed_balance_has_no_arrow_of_time(seed: int, states: int) -> None:
    weights = np.random.default_rng(seed).gamma(1.0, size=(states, states)) + 1e-6
    chain = (weights + weights.T) / (weights + weights.T).sum(axis=1, keepdims=True)
    assert float(irreversibility(chain)) == pytest.approx(0.0, abs=1e-12)
    assert float(entropy_production(chain)) == pytest.approx(0.0, abs=1e-10)


@given(st.floats(0.0, 1.0))
def test_a_biased_walk_on_three_states_is_as_irreversible_as_its_bias(forwards: float) -> None:
    chain = forwards * CYCLE + (1 - forwards) * CYCLE.T
    assert float(irreversibility(chain)) == pytest.approx(abs(2 * forwards - 1))


def test_entropy_production_of_a_biased_walk_is_known() -> None:
    assert entropy_production(0.8 * CYCLE + 0.2 * CYCLE.T) == pytest.approx(0.6 * math.log(4))


def test_a_cycle_run_through_one_way_is_wholly_irreversible() -> None:
    assert irreversibility(CYCLE) == pytest.approx(1.0)
    assert entropy_production(CYCLE) == math.inf


def test_what_happens_only_on_the_way_in_does_not_count() -> None:
    chain = [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]]
    assert (float(irreversibility(chain)), float(entropy_production(chain))) == (0.0, 0.0)


def test_what_is_not_row_stochastic_is_refused() -> None:
    for quantity in (irreversibility, entropy_production):
        with pytest.raises(RequestError, match="transition matrix"):
            quantity([[0.5, 0.4], [0.5, 0.5]])
