"""May symbol sequences be summed up in one transition matrix at all, and has it an arrow of time?

Three hypotheses, each tested by rearranging what it says may be rearranged, so that the tests hold with few
transitions too, where the χ² approximation of Billingsley, "Statistical methods in Markov chains", Ann. Math. Statist.
32 (1961), fails:

``memory`` – the next state depends on the present one only: at each state, what follows is dealt anew to what came
before. ``shared`` – all groups of runs have the same matrix: at each state, what follows is dealt anew to the groups.
``reversible`` – each transition is as frequent as its reverse: by Kolmogorov's criterion every closed loop may be run
through backwards, whatever the start. The statistics are the likelihood ratio, and for the last the one of Bowker, "A
test for symmetry in contingency tables", J. Am. Stat. Assoc. 43 (1948).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.run_lengths import symbol_sequence
from panic_tda.errors import RequestError


class MarkovChecks(NamedTuple):
    """p-values of the three hypotheses, each out of ``permutations``; small ones speak against it."""

    memory: float
    shared: float
    reversible: float
    permutations: int


def markov_checks(
    sequences: Sequence[ArrayLike],
    rng: np.random.Generator,
    *,
    groups: Sequence[Hashable] | None = None,
    permutations: int = 199,
) -> MarkovChecks:
    """Tests the three hypotheses on ``sequences`` of integers, one for each run; negative symbols break a sequence.

    ``groups`` (one label for each run, such as its prompt) says between which runs the matrix may differ; without it
    each run is a group of its own. A hypothesis that nothing can speak against (one run; two states, which are always
    reversible) has p = 1. Time about ``permutations`` × steps. Raises ``RequestError`` when the groups are not one for
    each run, ``permutations`` < 1, or as ``symbol_sequence`` does.
    """
    if permutations < 1:
        raise RequestError(f"the number of permutations must be at least 1, got {permutations}")
    symbols, group = _joined(sequences, groups)
    inside = symbols >= 0
    pair = np.flatnonzero(inside[:-1] & inside[1:])
    triple = np.flatnonzero(inside[:-2] & inside[1:-1] & inside[2:])
    memory = _redealt(symbols[triple + 1], symbols[triple], symbols[triple + 2], permutations, rng)
    shared = _redealt(symbols[pair], group[pair], symbols[pair + 1], permutations, rng)
    return MarkovChecks(memory, shared, _reversed(symbols, pair, permutations, rng), permutations)


def loops(symbols: NDArray[np.int64]) -> NDArray[np.int64]:
    """The innermost closed loop that each transition t → t + 1 of ``symbols`` (T,) belongs to: (T − 1,), −1 for none.

    Stretches are cut at each visit to their commonest state, what lies between two visits is a loop, and inside each
    loop, and on both sides of the first and last visit, the same goes on with the next commonest state.
    """
    loop = np.full(max(0, len(symbols) - 1), -1)
    edges = np.arange(len(loop))
    cut = symbols < 0
    visits = np.bincount(symbols[~cut], minlength=1)
    found = 0
    for state in np.argsort(-visits, kind="stable"):
        places = np.flatnonzero(symbols == state)
        if len(places):
            stretch = np.cumsum(cut)[places]
            before = np.searchsorted(places, edges, side="right") - 1
            closed = np.append(np.diff(stretch) == 0, False)[before] & (before >= 0)
            loop[closed] = found + before[closed]
            found += len(places)
            cut[places] = True
    return loop


def _joined(
    sequences: Sequence[ArrayLike], groups: Sequence[Hashable] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All runs one after the other with a step without a state in between, and the group of each step."""
    runs = [symbol_sequence(sequence) for sequence in sequences]
    labels = list(range(len(runs))) if groups is None else list(groups)
    if len(labels) != len(runs):
        raise RequestError(f"{len(labels)} groups were given for {len(runs)} runs")
    numbers: dict[Hashable, int] = {}
    codes = [numbers.setdefault(label, len(numbers)) for label in labels]
    joined = np.concatenate([np.empty(0, np.int64), *(np.append(run, -1) for run in runs)])
    states = np.unique(joined[joined >= 0])
    joined = np.where(joined >= 0, np.searchsorted(states, joined), -1)
    return joined, np.repeat(np.array(codes, np.int64), [len(run) + 1 for run in runs])


def _redealt(
    state: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    permutations: int,
    rng: np.random.Generator,
) -> float:
    """p-value of independence of ``before`` and ``after`` given ``state``: ``after`` is permuted within each state."""
    _, table = np.unique(np.stack((state, before)), axis=1, return_inverse=True)
    order = np.argsort(state, kind="stable")
    rows, succeeding, bands = table[order], after[order], state[order].astype(np.float64)
    cells = int(after.max(initial=0)) + 1

    def likelihood(following: NDArray[np.int64]) -> float:
        counts = np.unique(rows * cells + following, return_counts=True)[1]
        return float((counts * np.log(counts)).sum())

    dealt = (succeeding[np.argsort(bands + rng.random(len(bands)))] for _ in range(permutations))
    return _p_value(likelihood(succeeding), np.array([likelihood(each) for each in dealt]))


def _reversed(
    symbols: NDArray[np.int64], pair: NDArray[np.int64], permutations: int, rng: np.random.Generator
) -> float:
    """p-value of reversibility: each loop is turned round by the toss of a coin."""
    start, end, loop = symbols[pair], symbols[pair + 1], loops(symbols)[pair]
    states = int(symbols.max(initial=0)) + 1
    _, cell = np.unique(np.minimum(start, end) * states + np.maximum(start, end), return_inverse=True)
    forwards, total = np.sign(end - start), np.bincount(cell)

    def asymmetry(direction: NDArray[np.int64]) -> float:
        return float((np.bincount(cell, weights=direction) ** 2 / total).sum())

    def turned() -> NDArray[np.int64]:
        coins = rng.integers(2, size=int(loop.max(initial=0)) + 1) * 2 - 1
        directions: NDArray[np.int64] = np.where(loop < 0, forwards, forwards * coins[loop])
        return directions

    return _p_value(asymmetry(forwards), np.array([asymmetry(turned()) for _ in range(permutations)]))


def _p_value(observed: float, rearranged: NDArray[np.float64]) -> float:
    as_great = rearranged >= observed - 1e-9 * (1.0 + abs(observed))
    return float((1 + as_great.sum()) / (1 + len(rearranged)))
