"""The Markov chain of a set of symbol sequences, with a credible interval for everything that is said about it.

The interval of a quantity holds the middle ``level`` of its values over matrices drawn from the posterior (see
``transition_matrix``), its estimate is their median. Such intervals are calibrated for chains like the prior's; they
treat transitions as independent given the chain, which is what ``markov_checks`` tests.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.closed_classes import ClosedClass, closed_classes
from panic_tda.analysis.entropy_rate import entropy_rate
from panic_tda.analysis.irreversibility import entropy_production, irreversibility
from panic_tda.analysis.markov_checks import MarkovChecks, markov_checks
from panic_tda.analysis.mixing_time import mixing_time, spectral_gap
from panic_tda.analysis.stationary import stationary_distribution
from panic_tda.analysis.transition_matrix import TransitionCounts, posterior_matrices, transition_counts
from panic_tda.errors import RequestError

UNLIKELY = 0.05
"""A hypothesis with a p-value up to this is doubted in the cautions."""


@dataclass(frozen=True, slots=True, eq=False)
class MarkovChain:
    """A transition matrix and what follows from it; intervals are credible intervals, times are in steps.

    ``matrix``, ``low``, ``high`` (k, k): estimate and interval of each transition probability, from row to column.
    ``stationary`` has one interval for each of ``transitions.states``: the share of time of an endless run.
    ``relaxation_time`` = 1 / ``spectral_gap``; ``mixing_time`` to within total variation 1/4; ``entropy_rate`` and
    ``entropy_production`` in nats per step; ``irreversibility`` in [0, 1]. The ``n`` of an interval is the number of
    transitions behind it. ``closed`` are the classes of states never seen left, most steps first.
    """

    transitions: TransitionCounts
    matrix: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    stationary: tuple[Interval, ...]
    spectral_gap: Interval
    relaxation_time: Interval
    mixing_time: Interval
    entropy_rate: Interval
    irreversibility: Interval
    entropy_production: Interval
    closed: tuple[ClosedClass, ...]
    checks: MarkovChecks
    cautions: tuple[str, ...]


def markov_chain(
    sequences: Sequence[ArrayLike],
    rng: np.random.Generator,
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    samples: int = 1000,
    permutations: int = 199,
) -> MarkovChain:
    """Fits one Markov chain to ``sequences`` of integers, one (T,) array for each run; see ``transition_counts``.

    ``groups``: as in ``markov_checks``. Raises ``RequestError`` for a ``level`` outside (0, 1), and as
    ``transition_counts``, ``posterior_matrices`` and ``markov_checks`` do.
    """
    if not 0.0 < level < 1.0:
        raise RequestError(f"level must lie between 0 and 1, got {level}")
    transitions = transition_counts(sequences)
    drawn = posterior_matrices(transitions.counts, rng, samples=samples)
    checks = markov_checks(sequences, rng, groups=groups, permutations=permutations)
    closed, tails, n = closed_classes(transitions), [0.5, (1 - level) / 2, (1 + level) / 2], transitions.transitions

    def interval(values: NDArray[np.float64]) -> Interval:
        middle, low, high = np.quantile(values, tails, method="inverted_cdf").tolist()
        return Interval(middle, low, high, level, n)

    matrix, low, high = np.quantile(drawn, tails, axis=0)
    gap = spectral_gap(drawn)
    return MarkovChain(
        transitions=transitions,
        matrix=matrix,
        low=low,
        high=high,
        stationary=tuple(interval(share) for share in stationary_distribution(drawn).T),
        spectral_gap=interval(gap),
        relaxation_time=interval(1.0 / np.maximum(gap, np.finfo(float).tiny)),
        mixing_time=interval(mixing_time(drawn)),
        entropy_rate=interval(entropy_rate(drawn)),
        irreversibility=interval(irreversibility(drawn)),
        entropy_production=interval(entropy_production(drawn)),
        closed=closed,
        checks=checks,
        cautions=transitions.cautions + _cautions(transitions, closed, checks),
    )


def _cautions(transitions: TransitionCounts, closed: tuple[ClosedClass, ...], checks: MarkovChecks) -> tuple[str, ...]:
    one_way = (transitions.counts > 0) & (transitions.counts.T == 0)
    said = {
        f"not Markov: the next state also depends on the state before (p = {checks.memory:.2g})": checks.memory
        <= UNLIKELY,
        f"the runs do not share one matrix (p = {checks.shared:.2g})": checks.shared <= UNLIKELY,
        f"as irreversible as a reversible chain looks by chance (p = {checks.reversible:.2g})": checks.reversible
        > UNLIKELY
        and len(transitions.states) > 2,
        f"{len(closed)} closed classes: in the long term the start decides": len(closed) > 1,
        "some transitions have no recorded way back: entropy production rests on the prior": bool(one_way.any()),
    }
    return tuple(words for words, holds in said.items() if holds)
