from __future__ import annotations

import math

import numpy as np
import pytest

from panic_tda.analysis.entropy_rate import entropy_rate
from panic_tda.errors import RequestError


def test_a_chain_that_goes_anywhere_leaves_the_logarithm_of_its_states_open() -> None:
    assert entropy_rate(np.full((5, 5), 0.2)) == pytest.approx(math.log(5))


def test_a_cycle_leaves_nothing_open() -> None:
    assert entropy_rate(np.roll(np.eye(3), 1, axis=1)) == 0.0


def test_states_count_by_the_time_spent_in_them() -> None:
    # Shares 0.75 and 0.25; the second state tosses a coin with chances 0.3 and 0.7, the first 0.1 and 0.9.
    first, second = (-p * math.log(p) - (1 - p) * math.log(1 - p) for p in (0.1, 0.3))
    assert entropy_rate([[0.9, 0.1], [0.3, 0.7]]) == pytest.approx(0.75 * first + 0.25 * second)


def test_what_is_not_row_stochastic_is_refused() -> None:
    with pytest.raises(RequestError, match="transition matrix"):
        entropy_rate([[0.5, 0.4], [0.5, 0.5]])
