from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.stationary import stationary_distribution
from panic_tda.errors import RequestError


def test_two_states_share_the_time_by_their_exits() -> None:
    np.testing.assert_allclose(stationary_distribution([[0.9, 0.1], [0.3, 0.7]]), [0.75, 0.25])


@given(st.integers(0, 2**32 - 1), st.integers(1, 7))
def test_one_more_step_changes_nothing(seed: int, states: int) -> None:
    chains = np.random.default_rng(seed).dirichlet(np.ones(states), size=(3, states))
    shares = stationary_distribution(chains)
    np.testing.assert_allclose(np.einsum("ci,cij->cj", shares, chains), shares, atol=1e-12)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_chains_that_all_but_fall_apart_keep_every_digit() -> None:
    tiny = 1e-200
    shares = stationary_distribution([[1.0, tiny, 0.0], [tiny, 1.0, 3 * tiny], [0.0, tiny, 1.0]])
    np.testing.assert_allclose(shares, [0.2, 0.2, 0.6], rtol=1e-12)


def test_a_cycle_spends_the_same_time_everywhere() -> None:
    np.testing.assert_allclose(stationary_distribution(np.roll(np.eye(4), 1, axis=1)), 0.25)


def test_states_that_are_left_for_good_have_no_share() -> None:
    np.testing.assert_allclose(stationary_distribution([[0.5, 0.5, 0], [0, 0.2, 0.8], [0, 0.8, 0.2]]), [0, 0.5, 0.5])


def test_with_two_closed_classes_there_is_no_single_answer() -> None:
    with pytest.raises(RequestError, match="2 closed classes"):
        stationary_distribution(np.eye(2))


@pytest.mark.parametrize("matrix", [[[1.0, 0.0]], [[0.5, 0.4], [0.5, 0.5]], [[1.5, -0.5], [0.5, 0.5]], [1.0]])
def test_what_is_not_row_stochastic_is_refused(matrix: list[list[float]]) -> None:
    with pytest.raises(RequestError, match="transition matri"):
        stationary_distribution(matrix)
