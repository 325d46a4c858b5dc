"""How long it takes until something happens, when some were not watched long enough to see it happen.

Kaplan & Meier, "Nonparametric estimation from incomplete observations", J. Am. Stat. Assoc. 53 (1958). The band is
Greenwood's, on the scale log(−log S), which keeps it within [0, 1]: Kalbfleisch & Prentice, "The Statistical Analysis
of Failure Time Data" (1980).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.errors import RequestError


class Survival(NamedTuple):
    """The share ``surviving`` (k,) after each of the distinct ``times`` (k,) at which it happened.

    ``low`` and ``high`` (k,) are the ends of the pointwise band at ``level``; ``n`` is the number watched, ``events``
    the number of those to whom it happened. ``median`` is the first time at which at most half survive, NaN when more
    than half still do at the end.
    """

    times: NDArray[np.float64]
    surviving: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    level: float
    n: int
    events: int
    median: float


def kaplan_meier(times: ArrayLike, happened: ArrayLike, *, level: float = 0.95) -> Survival:
    """The product-limit estimate from ``times`` (n,) ≥ 0 and ``happened`` (n,) bool; False: not seen to happen by then.

    S(t) = Π over event times u ≤ t of 1 − d(u) / r(u), with d events at u among the r that were still watched. Raises
    ``RequestError`` for arrays of unequal length, times that are negative or not finite, or a level outside (0, 1).
    """
    seen, event = np.asarray(times, dtype=np.float64), np.asarray(happened, dtype=np.bool_)
    if seen.shape != event.shape or seen.ndim != 1:
        raise RequestError(f"times and happened must be two lists of one length, got {seen.shape} and {event.shape}")
    if not (np.isfinite(seen) & (seen >= 0.0)).all() or not 0.0 < level < 1.0:
        raise RequestError("times must be finite and at least 0, and the level between 0 and 1")
    moments, deaths = np.unique(seen[event], return_counts=True)
    at_risk = (seen[None, :] >= moments[:, None]).sum(axis=1)
    surviving = np.cumprod(1.0 - deaths / at_risk)
    low, high = _band(surviving, deaths, at_risk, level)
    under = np.flatnonzero(surviving <= 0.5)
    median = float(moments[under[0]]) if len(under) else np.nan
    return Survival(moments, surviving, low, high, level, len(seen), int(event.sum()), median)


def _band(
    surviving: NDArray[np.float64], deaths: NDArray[np.int64], at_risk: NDArray[np.int64], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where nobody survives, and nothing is known about the spread, the band is the estimate itself."""
    from statistics import NormalDist

    z = NormalDist().inv_cdf((1.0 + level) / 2.0)
    inside = (surviving > 0.0) & (surviving < 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.cumsum(deaths / (at_risk * (at_risk - deaths)))) / np.abs(np.log(surviving))
        ends = [surviving ** np.exp(sign * z * spread) for sign in (1.0, -1.0)]
    low, high = (np.where(inside, end, surviving) for end in ends)
    return low, high
