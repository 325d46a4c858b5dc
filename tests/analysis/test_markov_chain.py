from __future__ import annotations

import numpy as np
import pytest

from panic_tda.analysis.markov_chain import MarkovChain, markov_chain
from panic_tda.errors import RequestError


def fitted(runs: list[list[int]]) -> MarkovChain:
    return markov_chain(runs, np.random.default_rng(0), samples=400, permutations=49)


def test_a_long_run_gives_back_its_chain() -> None:
    rng, run = np.random.default_rng(1), [0]
    truth = np.array([[0.8, 0.2], [0.4, 0.6]])
    for chance in rng.random(4000):
        run.append(int(chance >= truth[run[-1], 0]))
    chain = fitted([run])
    assert ((chain.low <= truth) & (truth <= chain.high)).all()
    np.testing.assert_allclose(chain.matrix, truth, atol=0.03)
    assert [share.estimate for share in chain.stationary] == pytest.approx([2 / 3, 1 / 3], abs=0.03)
    for interval, value in ((chain.spectral_gap, 0.6), (chain.relaxation_time, 1 / 0.6), (chain.irreversibility, 0.0)):
        assert interval.low - 1e-12 <= value <= interval.high + 1e-12
    assert chain.entropy_rate.n == chain.transitions.transitions == 4000
    assert chain.cautions == ()


def test_more_evidence_narrows_the_interval() -> None:
    few, many = fitted([[0, 1, 1, 0] * 5]), fitted([[0, 1, 1, 0] * 50])
    assert many.mixing_time.high - many.mixing_time.low < few.mixing_time.high - few.mixing_time.low


def test_intervals_hold_their_estimates() -> None:
    chain = fitted([[0, 1, 2, 1, 0, 2, 2, 1, 0]])
    names = (
        "spectral_gap",
        "relaxation_time",
        "mixing_time",
        "entropy_rate",
        "irreversibility",
        "entropy_production",
    )
    for interval in (*(getattr(chain, name) for name in names), *chain.stationary):
        assert interval.low <= interval.estimate <= interval.high
        assert interval.level == 0.95
    assert (chain.low <= chain.matrix).all()
    assert (chain.matrix <= chain.high).all()


@pytest.mark.parametrize(
    ("runs", "caution"),
    [
        ([[0, 0, 1, 1] * 20], "not Markov: the next state also depends on the state before (p = 0.02)"),
        ([[0] * 30, [1] * 30], "2 closed classes: in the long term the start decides"),
        ([[0, 1, 2, 1, 0, 1, 2, 1] * 5], "as irreversible as a reversible chain looks by chance (p = 1)"),
        ([[0, 1, 2] * 9], "some transitions have no recorded way back: entropy production rests on the prior"),
        ([[0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 0, 0, 0, 1, 1, 1, 1]], "the runs do not share one matrix (p = 0.02)"),
    ],
)
def test_what_makes_a_number_mean_less_is_told(runs: list[list[int]], caution: str) -> None:
    assert caution in fitted(runs).cautions


def test_closed_classes_come_with_their_evidence() -> None:
    assert [each.states for each in fitted([[0, 0, 1] + [2] * 30]).closed] == [(2,)]


def test_a_single_state_is_a_chain_too() -> None:
    chain = fitted([[5] * 12])
    assert (chain.mixing_time.estimate, chain.entropy_rate.high, chain.stationary[0].estimate) == (0.0, 0.0, 1.0)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(RequestError, match="level"):
        markov_chain([[0, 1]], np.random.default_rng(0), level=1.0)
    with pytest.raises(RequestError, match="no run visits"):
        markov_chain([[-1]], np.random.default_rng(0))
