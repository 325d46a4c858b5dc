"""Rank correlation over runs, plain and partial: what one number of a run says about another, others held fixed.

Ranks instead of values, so any rising relation counts, and no single run decides. Partial: both are first freed of
what the ranks of the given numbers predict linearly.

Spearman, "The proof and measurement of association between two things", Am. J. Psychol. 15 (1904); Conover & Iman,
"Rank transformations as a bridge between parametric and nonparametric statistics", Am. Stat. 35 (1981).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval, bootstrap_interval
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

_ROUNDING = 1e-12


class UnexplainedRanks(NamedTuple):
    """``explained``: share of the ranks' variance that the given numbers predict; ``ranks`` (n,): what is left."""

    explained: float
    ranks: Floats


def rank_correlation(
    one: ArrayLike,
    other: ArrayLike,
    rng: np.random.Generator,
    *,
    given: ArrayLike | None = None,
    resamples: int = 2000,
) -> Interval:
    """Spearman's correlation of ``one`` and ``other`` (n,), one number for each run, with its bootstrap interval.

    With ``given`` (n,) or (n, k) the partial correlation. NaN where one of both does not vary, or has no variation
    left. Raises ``RequestError`` for arrays of different lengths, of no runs, or with values that are not finite.
    """
    columns = _columns(one, other, given)

    def statistic(rows: Floats) -> float:
        ranks = _ranks(rows)
        first, second = _residuals(ranks[:, :2], ranks[:, 2:]).T
        spread = float(np.sqrt((first @ first) * (second @ second)))
        return float(first @ second) / spread if spread > 0.0 else np.nan

    return bootstrap_interval(columns, statistic, rng, resamples=resamples)


def unexplained_ranks(values: ArrayLike, given: ArrayLike) -> UnexplainedRanks:
    """Frees the ranks of ``values`` (n,) of what the ranks of ``given`` (n,) or (n, k) predict linearly.

    ``explained`` is R² adjusted for the number of predictors that vary, at least 0; NaN where the values do not vary
    or the runs are no more than the predictors and 1. Raises ``RequestError`` as ``rank_correlation`` does.
    """
    ranks = _ranks(_columns(values, values, given)[:, 1:])
    left = _residuals(ranks[:, :1], ranks[:, 1:])[:, 0]
    total, predictors = float(ranks[:, 0] @ ranks[:, 0]), int(ranks[:, 1:].any(axis=0).sum())
    freedom = len(ranks) - 1 - predictors
    if total == 0.0 or freedom < 1:
        return UnexplainedRanks(np.nan, left)
    return UnexplainedRanks(max(0.0, 1.0 - float(left @ left) / total * (len(ranks) - 1) / freedom), left)


def _columns(one: ArrayLike, other: ArrayLike, given: ArrayLike | None) -> Floats:
    arrays = [np.asarray(each, dtype=np.float64) for each in (one, other)]
    if given is not None:
        arrays.append(np.asarray(given, dtype=np.float64))
    if arrays[0].ndim != 1 or arrays[1].ndim != 1 or len({len(each) for each in arrays}) != 1 or arrays[-1].ndim > 2:
        raise RequestError(f"each run needs one number of each kind, got shapes {[each.shape for each in arrays]}")
    columns = np.column_stack(arrays)
    if not len(columns) or not np.isfinite(columns).all():
        raise RequestError("a rank correlation needs at least one run, and finite numbers")
    return columns


def _ranks(columns: Floats) -> Floats:
    """Ranks from the middle in each column, 0 on average; ties share theirs."""
    ranks = np.empty_like(columns)
    for values, rank in zip(columns.T, ranks.T, strict=True):
        ordered = np.sort(values)
        rank[:] = (np.searchsorted(ordered, values) + np.searchsorted(ordered, values, "right") - len(values)) / 2
    return ranks


def _residuals(ranks: Floats, given: Floats) -> Floats:
    """What linear regression on ``given`` (n, k) leaves of each column; columns it leaves only rounding of are 0."""
    if not given.shape[1]:
        return ranks
    left: Floats = ranks - given @ np.linalg.lstsq(given, ranks, rcond=None)[0]
    left[:, (left**2).sum(axis=0) <= _ROUNDING * (ranks**2).sum(axis=0)] = 0.0
    return left
