from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.dwell_law import dwell_law
from panic_tda.errors import RequestError

RNG = np.random.default_rng(0)
LAWS = {
    "exponential": RNG.geometric(0.1, 300),
    "heavy tail": np.ceil(5 * RNG.pareto(1.5, 300) + 1e-9).astype(np.int64),
    "regular": np.ceil(RNG.gamma(5.0, 4.0, 300)).astype(np.int64),
}


@pytest.mark.parametrize(("verdict", "steps"), LAWS.items())
def test_the_law_is_recognised_also_when_half_the_stays_are_cut_off(verdict: str, steps: NDArray[np.int64]) -> None:
    assert dwell_law(steps, np.ones(len(steps), bool)).verdict == verdict
    end = np.minimum(steps, np.random.default_rng(1).integers(1, 40, len(steps)))
    assert dwell_law(end, end == steps).verdict == verdict


def test_the_gain_says_how_much_better_another_law_is() -> None:
    gains = {name: dwell_law(steps, np.ones(len(steps), bool)).gain for name, steps in LAWS.items()}
    assert gains["exponential"] < 0 < min(gains["heavy tail"], gains["regular"])


def test_cut_off_stays_are_not_taken_for_short_ones() -> None:
    steps = RNG.geometric(0.02, 400)
    end = np.minimum(steps, 10)
    assert dwell_law(end, steps <= 10).verdict == "exponential"


@pytest.mark.parametrize("steps", [[3, 1, 4, 1, 5], [2] * 50])
def test_too_few_or_equal_stays_have_no_law(steps: list[int]) -> None:
    found = dwell_law(steps, [True] * len(steps))
    assert found.verdict == "too few"
    assert math.isnan(found.gain)


@pytest.mark.parametrize(("steps", "completed"), [([1, 2], [True]), ([0], [True]), ([[1]], [[True]])])
def test_stays_that_do_not_fit_are_refused(steps: ArrayLike, completed: ArrayLike) -> None:
    with pytest.raises(RequestError, match="number of steps"):
        dwell_law(steps, completed)
