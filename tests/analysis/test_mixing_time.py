from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.mixing_time import mixing_time, spectral_gap
from panic_tda.analysis.stationary import stationary_distribution
from panic_tda.errors import RequestError


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_the_gap_of_two_states_is_the_sum_of_their_exits(leave: float, come_back: float) -> None:
    chain = [[1 - leave, leave], [come_back, 1 - come_back]]
    assert spectral_gap(chain) == pytest.approx(1 - abs(1 - leave - come_back), abs=1e-12)


def test_the_mixing_time_of_two_states_follows_from_their_eigenvalue() -> None:
    # d(t) = 0.95ᵗ / 2 is 1/4 at t = ln 2 / −ln 0.95 = 13.5, so the first whole step is 14.
    found = float(mixing_time([[0.975, 0.025], [0.025, 0.975]]))
    assert math.ceil(found) == 14
    assert found == pytest.approx(math.log(2) / -math.log(0.95), abs=0.01)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_the_mixing_time_is_the_first_power_that_is_near_enough(seed: int, states: int) -> None:
    chain = np.random.default_rng(seed).dirichlet(np.full(states, 0.4), size=states) * 0.999 + 0.001 / states
    shares, found = stationary_distribution(chain), float(mixing_time(chain))

    def far(steps: int) -> bool:
        power = np.linalg.matrix_power(chain, steps)
        return bool(0.5 * np.abs(power - shares).sum(axis=1).max() > 0.25 + 1e-9)

    assert not far(math.ceil(found + 1e-9))
    assert far(math.ceil(found - 1e-6) - 1)


def test_many_chains_at_once_are_the_same_as_one_by_one() -> None:
    chains = np.random.default_rng(0).dirichlet(np.ones(3), size=(2, 4, 3))
    together = mixing_time(chains)
    assert together.shape == spectral_gap(chains).shape == (2, 4)
    assert together[1, 2] == pytest.approx(float(mixing_time(chains[1, 2])))


def test_a_stricter_threshold_takes_longer() -> None:
    chain = [[0.9, 0.1], [0.2, 0.8]]
    assert float(mixing_time(chain, threshold=0.01)) > float(mixing_time(chain)) > 0


def test_slow_chains_are_timed_by_their_relaxation() -> None:
    slow = 1e-7
    chain = [[1 - slow, slow], [slow, 1 - slow]]
    assert float(mixing_time(chain)) == pytest.approx(math.log(2) / (2 * slow), rel=1e-5)


def test_a_periodic_chain_never_mixes() -> None:
    assert spectral_gap([[0.0, 1.0], [1.0, 0.0]]) == pytest.approx(0.0)
    assert mixing_time([[0.0, 1.0], [1.0, 0.0]]) == math.inf


def test_a_chain_that_forgets_at_once_has_gap_one() -> None:
    assert spectral_gap(np.full((3, 3), 1 / 3)) == pytest.approx(1.0)
    assert 0 < mixing_time(np.full((3, 3), 1 / 3)) <= 1


def test_one_state_is_mixed_from_the_start() -> None:
    assert (float(spectral_gap([[1.0]])), float(mixing_time([[1.0]]))) == (1.0, 0.0)


@pytest.mark.parametrize("threshold", [0.0, 1.0, math.nan])
def test_thresholds_outside_zero_and_one_are_refused(threshold: float) -> None:
    with pytest.raises(RequestError, match="between 0 and 1"):
        mixing_time([[1.0]], threshold=threshold)


def test_what_is_not_row_stochastic_is_refused() -> None:
    for quantity in (mixing_time, spectral_gap):
        with pytest.raises(RequestError, match="transition matrix"):
            quantity([[0.5, 0.4], [0.5, 0.5]])
