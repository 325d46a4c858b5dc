"""How far runs have moved from where they began, round by round.

Hintze et al., "Autonomous language-image generation loops converge to generic visual motifs",
Patterns 7(1):101451 (2026). What is computed here is the Euclidean distance between vectors, the chord √(2 − 2c) at
cosine similarity c where they have length 1; round 0 is the first output that the embedder measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.drift import distance_to_start
from panic_tda.analysis.pair_bootstrap import percentile_band, run_weights, tail_probability
from panic_tda.errors import RequestError

FEW_RUNS = 5


class DriftByRound(NamedTuple):
    """Mean distance to round 0 at rounds 0 … T − 1, its band at ``level``, and the ``runs`` left: (T,) each."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    runs: NDArray[np.int64]
    level: float
    cautions: tuple[str, ...]


def distance_to_round_zero(
    runs: Sequence[ArrayLike], rng: np.random.Generator, *, level: float = 0.95, resamples: int = 2000
) -> DriftByRound:
    """Mean over ``runs``, each (T_i, d), of the distance of every round to round 0, with a bootstrap band over runs.

    A run counts as long as it lasts. The percentiles are widened for few runs, as :mod:`.pair_bootstrap` says; the
    band is NaN below 3 runs. Raises ``RequestError`` for no runs, runs without rounds, vectors that are not finite, a
    ``level`` outside (0, 1) or ``resamples`` < 1.
    """
    curves = [distance_to_start(run) for run in runs]
    if not curves or not min(map(len, curves)):
        raise RequestError("the distance to round 0 needs at least one run, and a round of each")
    means, counts = mean_by_round(curves, run_weights(np.zeros(len(curves), np.int64), rng, resamples))
    low, high = percentile_band(means[1:], tail_probability(np.zeros(len(curves), np.int64), level))
    return DriftByRound(means[0], low, high, counts, level, round_cautions(counts))


def mean_by_round(
    curves: Sequence[NDArray[np.float64]], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The mean of ``curves``, each (T_i,), weighted by ``weights`` (B, n), at every round: (B, T), and the runs left.

    NaN where no run with weight is left.
    """
    width = max(map(len, curves))
    values, present = np.zeros((len(curves), width)), np.zeros((len(curves), width))
    for run, curve in enumerate(curves):
        values[run, : len(curve)], present[run, : len(curve)] = curve, 1.0
    weight = weights @ present
    means = np.divide(weights @ values, weight, out=np.full(weight.shape, np.nan), where=weight > 0.0)
    return means, present.sum(axis=0).astype(np.int64)


def round_cautions(counts: NDArray[np.int64]) -> tuple[str, ...]:
    """Few runs, and runs that end before the others."""
    cautions = [f"only {counts[0]} runs"] if counts[0] < FEW_RUNS else []
    if counts[-1] < counts[0]:
        full = int(np.count_nonzero(counts == counts[0]))
        cautions.append(f"from round {full} on runs have ended: at the last {counts[-1]} of {counts[0]} are left")
    return tuple(cautions)
