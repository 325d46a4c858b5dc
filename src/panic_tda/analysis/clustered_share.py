"""The interval of a share when several things belong to one run, such as its twins.

Things of one run resemble each other, so that many of them tell less than as many independent ones: Wilson's score
interval is taken at the effective number of them. Korn & Graubard, "Confidence intervals for proportions with small
expected number of positive counts estimated from survey data", Survey Methodology 24 (1998).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.grouped_bootstrap import group_codes
from panic_tda.analysis.shares import share_interval


def clustered_share(happened: Sequence[bool], runs: Sequence[Hashable], *, level: float = 0.95) -> Interval:
    """The share of true values in ``happened``, of which ``runs`` names the run of each; ``n`` is their number.

    With one value for each run this is :func:`~panic_tda.analysis.shares.share_interval`. Where none or all are true
    nothing is known of how alike the values of a run are, and a run counts as one. Raises ``RequestError`` when there
    is not one run for each value or ``level`` is outside (0, 1).
    """
    if not happened and not runs:
        return share_interval(0, 0, level=level)
    hits, codes = np.asarray(happened, dtype=np.float64), group_codes(runs, len(happened))
    plain = share_interval(int(hits.sum()), len(hits), level=level)
    count = int(codes.max()) + 1
    if count == len(hits):
        return plain
    return _wilson(plain, _effective(hits, codes, count, level))


def _effective(hits: NDArray[np.float64], codes: NDArray[np.int64], runs: int, level: float) -> float:
    """The number of independent values that tell as much, at most as many as there are."""
    from scipy.special import stdtrit

    share = float(hits.mean())
    if runs < 2 or share in (0.0, 1.0):
        return float(runs)
    excess = np.bincount(codes, hits - share, minlength=runs)
    variance = float(excess @ excess) / len(hits) ** 2 * runs / (runs - 1)
    if variance == 0.0:
        return float(len(hits))
    quantile = (1.0 + level) / 2.0
    fewer = (stdtrit(math.inf, quantile) / stdtrit(runs - 1, quantile)) ** 2
    return min(float(len(hits)), share * (1.0 - share) / variance * float(fewer))


def _wilson(plain: Interval, number: float) -> Interval:
    """The interval that the share has at an effective ``number`` of values."""
    z = NormalDist().inv_cdf((1.0 + plain.level) / 2.0)
    share, weight = plain.estimate, z * z / number
    centre = (share + weight / 2.0) / (1.0 + weight)
    half = z * math.sqrt(share * (1.0 - share) / number + weight / (4.0 * number)) / (1.0 + weight)
    return plain._replace(low=max(0.0, centre - half), high=min(1.0, centre + half))
