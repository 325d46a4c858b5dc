"""Bootstrap intervals over runs.

Steps of a run depend on each other, runs do not: what is drawn anew is always whole runs. Efron, "Bootstrap methods:
another look at the jackknife", Ann. Statist. 7 (1979); Efron, "Better bootstrap confidence intervals", J. Am. Stat.
Assoc. 82 (1987).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.errors import RequestError

Statistic = Callable[[NDArray[np.float64]], float]


class Interval(NamedTuple):
    """An ``estimate`` and the ends of its interval at ``level``; ``n`` is the number of runs (or pairs) behind it."""

    estimate: float
    low: float
    high: float
    level: float
    n: int


def bootstrap_interval(
    values: ArrayLike,
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """Percentile interval of ``statistic`` over the first axis of ``values`` (runs, …): runs drawn with replacement.

    ``statistic`` takes an array like ``values`` and returns a number; resamples where it is NaN are left out. With
    fewer than 2 runs nothing is known about the spread: both ends are NaN. Raises ``RequestError`` for no runs, a
    ``level`` outside (0, 1) or ``resamples`` < 1.
    """
    rows = np.asarray(values, dtype=np.float64)
    if not rows.ndim or not len(rows):
        raise RequestError("an interval over runs needs at least one run")
    if not 0.0 < level < 1.0 or resamples < 1:
        raise RequestError(f"level must lie between 0 and 1 and resamples be at least 1, got {level} and {resamples}")
    estimate = float(statistic(rows))
    if len(rows) < 2:
        return Interval(estimate, np.nan, np.nan, level, len(rows))
    drawn = (rows[rng.integers(len(rows), size=len(rows))] for _ in range(resamples))
    low, high = _percentiles([float(statistic(each)) for each in drawn], level)
    return Interval(estimate, low, high, level, len(rows))


def clipped(interval: Interval, least: float, most: float) -> Interval:
    """The interval with its estimate and ends brought into [``least``, ``most``]; NaN stays NaN."""
    estimate, low, high = (float(np.clip(each, least, most)) for each in interval[:3])
    return interval._replace(estimate=estimate, low=low, high=high)


def _percentiles(values: list[float], level: float) -> tuple[float, float]:
    known = np.asarray(values)[~np.isnan(values)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
