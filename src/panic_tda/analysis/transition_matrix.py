"""The transition matrix of symbol sequences: where does a run go from each state?

Transitions are counted within a run, never from the end of one run to the start of the next. A step without a state
(an outlier, a missing vector) breaks the sequence: A, outlier, B is no transition from A to B, it is two lost pairs.

Each row of the matrix has a Dirichlet posterior. The prior gives each of the k possible targets the weight 1 / k, so
the prior weighs as much as one observed transition however many states there are (Perks, "Some observations on inverse
probability", J. Inst. Actuaries 73 (1947)); the uniform prior would weigh as much as k and wash out rare exits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.run_lengths import symbol_sequence
from panic_tda.errors import RequestError

LEAST_PROBABILITY = 1e-300
"""Smaller probabilities in matrices drawn from the posterior are raised to this."""


@dataclass(frozen=True, slots=True, eq=False)
class TransitionCounts:
    """How often runs went from one state to another in one step.

    ``states`` (k,) int64, ascending; ``counts`` (k, k) int64, ``counts[i, j]`` from ``states[i]`` to ``states[j]``.
    ``lost``: pairs of consecutive steps of a run that count for nothing, because one or both have no state.
    ``runs``: sequences that were given.
    """

    states: NDArray[np.int64]
    counts: NDArray[np.int64]
    lost: int
    runs: int
    cautions: tuple[str, ...]

    @property
    def transitions(self) -> int:
        """Transitions that count."""
        return int(self.counts.sum())


def transition_counts(sequences: Sequence[ArrayLike], *, states: ArrayLike | None = None) -> TransitionCounts:
    """Counts the one-step transitions of ``sequences``, one (T,) array of integers for each run.

    A negative symbol is a step without a state. ``states`` names the states, also those that no run visits; without
    it they are the symbols that occur. A run that stopped because it had come back to an earlier output goes on
    periodically: lengthen it with ``continue_loop`` first, or its last state looks more often left than it is.

    Raises ``RequestError`` when no run visits a state, a symbol is not among ``states``, or as ``symbol_sequence``.
    """
    runs = [symbol_sequence(sequence) for sequence in sequences]
    codes = _states(runs, states)
    counts = np.zeros((len(codes), len(codes)), np.int64)
    pairs = 0
    for run in runs:
        before, after = run[:-1], run[1:]
        known = (before >= 0) & (after >= 0)
        np.add.at(counts, (np.searchsorted(codes, before[known]), np.searchsorted(codes, after[known])), 1)
        pairs += len(before)
    lost = pairs - int(counts.sum())
    return TransitionCounts(codes, counts, lost, len(runs), _cautions(codes, counts, lost, pairs))


def continue_loop(sequence: ArrayLike, period: int, length: int) -> NDArray[np.int64]:
    """``sequence`` (T,), whose last ``period`` steps repeat for ever, continued to ``length`` steps.

    For runs that were stopped at their first exact repetition: a deterministic run is known beyond its record. The
    added steps are certain, but they are no new evidence about other runs. A sequence that is long enough comes back
    as it is. Raises ``RequestError`` when ``period`` is not between 1 and T, and as ``symbol_sequence`` does.
    """
    symbols = symbol_sequence(sequence)
    if not 1 <= period <= len(symbols):
        raise RequestError(f"the period must lie between 1 and the {len(symbols)} steps of the run, got {period}")
    missing = np.arange(max(0, length - len(symbols)))
    return np.concatenate((symbols, symbols[len(symbols) - period + missing % period]))


def transition_matrix(counts: ArrayLike) -> NDArray[np.float64]:
    """The posterior mean of the transition matrix for ``counts`` (k, k): rows of (count + 1/k) / (row sum + 1).

    (k, k) float64, row-stochastic. A state that is never left has the prior's row, 1 / k. Raises ``RequestError``
    when ``counts`` is not a square matrix of at least one row, or holds a negative number or NaN.
    """
    weights = _weights(counts)
    rows: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return rows


def posterior_matrices(counts: ArrayLike, rng: np.random.Generator, *, samples: int = 1000) -> NDArray[np.float64]:
    """``samples`` transition matrices drawn from the posterior for ``counts`` (k, k): (samples, k, k) float64.

    Row i is Dirichlet(counts[i] + 1/k). No entry is 0: absence from the record does not prove that a transition is
    impossible. Raises ``RequestError`` as ``transition_matrix`` does, and when ``samples`` < 1.
    """
    weights = _weights(counts)
    if samples < 1:
        raise RequestError(f"the number of samples must be at least 1, got {samples}")
    # A Gamma(a) variable is a Gamma(a + 1) variable times U^(1/a): in logarithms nothing underflows for small a.
    shape = (samples, *weights.shape)
    logs = np.log(rng.gamma(weights + 1.0, size=shape)) + np.log1p(-rng.random(shape)) / weights
    matrices = np.maximum(np.exp(logs - logs.max(axis=2, keepdims=True)), LEAST_PROBABILITY)
    normalised: NDArray[np.float64] = matrices / matrices.sum(axis=2, keepdims=True)
    return normalised


def _weights(counts: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(counts, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise RequestError(f"transition counts must be a square matrix, got shape {matrix.shape}")
    if not (matrix >= 0.0).all():
        raise RequestError("transition counts must not be negative or NaN")
    return matrix + 1.0 / len(matrix)


def _states(runs: list[NDArray[np.int64]], states: ArrayLike | None) -> NDArray[np.int64]:
    seen = np.unique(np.concatenate([np.empty(0, np.int64), *runs]))
    seen = seen[seen >= 0]
    if states is None:
        if not len(seen):
            raise RequestError("no run visits a state: there are no transitions to count")
        return seen
    named = np.unique(symbol_sequence(states))
    strange = np.setdiff1d(seen, named)
    if len(strange) or not len(named) or named[0] < 0:
        raise RequestError(f"states must be numbers from 0 that hold every symbol; missing: {strange.tolist()}")
    return named


def _cautions(states: NDArray[np.int64], counts: NDArray[np.int64], lost: int, pairs: int) -> tuple[str, ...]:
    never_left = states[(counts.sum(axis=1) == 0) & (counts.sum(axis=0) > 0)]
    cautions = []
    if lost:
        cautions.append(f"{lost} of {pairs} transitions are lost to steps without a state")
    if len(never_left):
        cautions.append(f"seen only at the end of runs: {_listed('state', never_left)}")
    if counts.sum() < 5 * len(states):
        cautions.append(f"only {counts.sum()} transitions for {len(states)} states")
    return tuple(cautions)


def _listed(noun: str, numbers: NDArray[np.int64]) -> str:
    return f"{noun}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
