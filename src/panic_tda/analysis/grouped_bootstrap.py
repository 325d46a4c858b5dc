"""Bootstrap over runs of a mean over several values of each run, such as one for each of its twins.

Values of one run depend on each other, so what is drawn anew is runs: a resample gives every run a weight, and all its
values with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.pair_bootstrap import run_weights
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]


def grouped_mean(
    values: ArrayLike,
    runs: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    resamples: int = 1000,
) -> Interval:
    """The mean of ``values`` (P,), of which ``runs`` names the run of each, NaN left out; ``n`` is the number of runs.

    Runs without a value that is known do not count. Raises ``RequestError`` when the values are not (P,), there is not
    one run for each, ``resamples`` < 1 or ``level`` is outside (0, 1).
    """
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1 or len(runs) != len(column):
        raise RequestError(f"every value belongs to one run; got shape {column.shape} and {len(runs)} runs")
    if not 0.0 < level < 1.0:
        raise RequestError(f"level must lie between 0 and 1, got {level}")
    known = ~np.isnan(column)
    if not known.any():
        return Interval(np.nan, np.nan, np.nan, level, 0)
    codes = group_codes([run for run, there in zip(runs, known, strict=True) if there], int(known.sum()))
    count = int(codes.max()) + 1
    weights = run_weights(np.zeros(count, np.int64), rng, resamples)
    return student_interval(grouped_means(column[known, None], codes, weights)[:, 0], count, level)


def group_codes(runs: Sequence[Hashable], values: int) -> NDArray[np.int64]:
    """A number for each run, in order of first appearance: (P,) int64; ``RequestError`` unless there are P > 0."""
    if len(runs) != values or not values:
        raise RequestError(f"every value belongs to one run; got {values} values and {len(runs)} runs")
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(run, len(numbers)) for run in runs], dtype=np.int64)


def grouped_means(values: Floats, codes: NDArray[np.int64], weights: Floats) -> Floats:
    """The mean of ``values`` (P, T) over the first axis, NaN left out, for each row of ``weights`` (B, n): (B, T).

    ``codes`` (P,) says which of the n runs a row belongs to; NaN where nothing has weight.
    """
    known = ~np.isnan(values)
    total, count = np.zeros((2, weights.shape[1], values.shape[1]))
    np.add.at(total, codes, np.where(known, values, 0.0))
    np.add.at(count, codes, known)
    sums, counts = weights @ total, weights @ count
    means: Floats = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0.0)
    return means


def student_interval(estimates: Floats, runs: int, level: float) -> Interval:
    """Estimate ± t · bootstrap standard error, for ``estimates`` (1 + B,) of which the first is of all ``runs``.

    The error is widened by √(n / (n − 1)), and t has n − 1 degrees of freedom: of a mean over runs this is Student's
    interval, which holds for few runs, where percentiles are too narrow. NaN ends for a single run.
    """
    from scipy.special import stdtrit

    known = estimates[1:][~np.isnan(estimates[1:])]
    half = np.nan
    if runs > 1 and len(known) > 1:
        half = float(stdtrit(runs - 1, (1.0 + level) / 2.0) * known.std() * np.sqrt(runs / (runs - 1)))
    return Interval(float(estimates[0]), float(estimates[0]) - half, float(estimates[0]) + half, level, runs)
