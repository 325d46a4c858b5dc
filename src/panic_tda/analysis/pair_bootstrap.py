"""Bootstrap over runs of a mean over pairs of runs.

Pairs that share a run depend on each other, so what is drawn anew is runs: a resample gives every run a weight, and a
pair of two different runs the product of their weights. A pair of a run with itself is left out. The percentiles are
widened for small groups: Hesterberg, "What teachers should know about the bootstrap", Am. Stat. 69 (2015), section 4.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panic_tda.errors import RequestError

Floats = NDArray[np.float64]


def run_weights(strata: NDArray[np.int64], rng: np.random.Generator, resamples: int) -> Floats:
    """How often each run is drawn: (1 + resamples, n); row 0 is the group itself, every run once.

    Runs are drawn with replacement from those of the same entry of ``strata`` (n,), as many as there are. Raises
    ``RequestError`` for ``resamples`` < 1.
    """
    if resamples < 1:
        raise RequestError(f"resamples must be at least 1, got {resamples}")
    weights = np.ones((1 + resamples, len(strata)))
    for stratum in np.unique(strata):
        mine = np.flatnonzero(strata == stratum)
        weights[1:, mine] = rng.multinomial(len(mine), np.full(len(mine), 1 / len(mine)), size=resamples)
    return weights


def weighted_pair_means(values: Floats, pairs: NDArray[np.bool_], weights: Floats) -> Floats:
    """The mean of ``values`` (n, n) over ``pairs`` (n, n), weighted by the product of the runs' weights (B, n): (B,).

    Both matrices are symmetric, and the diagonal of ``pairs`` is False; NaN where no pair has weight.
    """
    total = np.einsum("bi,bi->b", weights @ np.where(pairs, values, 0.0), weights)
    weight = np.einsum("bi,bi->b", weights @ pairs.astype(np.float64), weights)
    means: Floats = np.divide(total, weight, out=np.full(len(weights), np.nan), where=weight > 0.0)
    return means


def tail_probability(strata: NDArray[np.int64], level: float) -> float:
    """The share of resamples to cut off at each end for an interval at ``level``; NaN when too little can vary.

    A resample of n runs in k strata varies too little, by √((n − k) / n), and its percentiles know nothing of the
    uncertainty of that spread: so the normal quantile is replaced by √(n / (n − k)) times that of Student's t with
    n − k degrees of freedom. At least 3 runs are needed, since one pair has no spread. Raises ``RequestError`` for a
    ``level`` outside (0, 1).
    """
    from scipy.special import ndtr, stdtrit

    if not 0.0 < level < 1.0:
        raise RequestError(f"level must lie between 0 and 1, got {level}")
    freedom = len(strata) - len(np.unique(strata))
    if freedom < 1 or len(strata) < 3:
        return np.nan
    return float(ndtr(stdtrit(freedom, (1 - level) / 2) * np.sqrt(len(strata) / freedom)))


def percentile_band(resampled: Floats, tail: float) -> tuple[Floats, Floats]:
    """The ``tail`` and 1 − ``tail`` quantiles of (B, T) along the first axis, NaN left out: (T,) each."""
    width = resampled.shape[1]
    known = ~np.isnan(resampled).all(axis=0)
    low, high = np.full(width, np.nan), np.full(width, np.nan)
    if not np.isnan(tail) and known.any():
        low[known], high[known] = np.nanquantile(resampled[:, known], [tail, 1.0 - tail], axis=0)
    return low, high
