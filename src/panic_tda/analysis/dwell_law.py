"""Does a run forget how long it has been in a state? The law of its stays there.

Three laws are compared on whole steps, each by its survival function S(d), the chance to stay longer than d steps:
exponential (geometric) e^(−d/τ); Weibull e^(−(d/τ)^a), Nakagawa & Osaki, "The discrete Weibull distribution", IEEE
Trans. Reliab. 24 (1975); Lomax, a power law, (1 + ξd/τ)^(−1/ξ). A completed stay of d steps has the likelihood
S(d − 1) − S(d), a censored one S(d − 1). The other two contain the exponential, and are believed only when the
Bayesian information criterion says so: Schwarz, "Estimating the dimension of a model", Ann. Statist. 6 (1978).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.errors import RequestError

Verdict = Literal["exponential", "heavy tail", "regular", "too few"]

FEWEST = 20
"""Completed stays below which nothing is said about their law."""

_LogSurvival = Callable[[NDArray[np.float64], float, float], NDArray[np.float64]]


class DwellLaw(NamedTuple):
    """The law that BIC prefers, and its ``gain``: BIC of the exponential law minus that of the best other one.

    "exponential": the chance of leaving is the same at each step. "heavy tail": the longer it has stayed, the less
    likely it leaves. "regular": the more likely. "too few": fewer than 20 completed stays, or stays that all last
    equally long; ``gain`` is then NaN.
    """

    verdict: Verdict
    gain: float


def dwell_law(steps: ArrayLike, completed: ArrayLike) -> DwellLaw:
    """The law of stays of ``steps`` (n,) integers ≥ 1; those not ``completed`` (n,) bool last at least so long.

    Raises ``RequestError`` for arrays of unequal length or stays shorter than one step.
    """
    lengths, ended = np.asarray(steps, dtype=np.int64), np.asarray(completed, dtype=np.bool_)
    if lengths.shape != ended.shape or lengths.ndim != 1 or (lengths < 1).any():
        raise RequestError("stays need a number of steps ≥ 1 and whether they were completed, one each")
    n = int(ended.sum())
    if n < FEWEST or len(np.unique(lengths[ended])) < 2:
        return DwellLaw("too few", float("nan"))
    leaving = n / (lengths - ~ended).sum()
    scale = -float(np.log(-np.log1p(-leaving)))
    kinds, counts = np.unique(np.stack((lengths, ended)), axis=1, return_counts=True)
    plain = _log_likelihood(_weibull, kinds, counts, scale, 0.0)
    weibull, log_shape = _fitted(_weibull, kinds, counts, scale, bounds=(-3.0, 3.0))
    lomax, _ = _fitted(_lomax, kinds, counts, scale, bounds=(0.0, 20.0))
    gain = 2.0 * (max(weibull, lomax) - plain) - float(np.log(n))
    if gain <= 0.0:
        return DwellLaw("exponential", gain)
    return DwellLaw("heavy tail" if lomax >= weibull or log_shape < 0.0 else "regular", gain)


def _fitted(
    law: _LogSurvival, kinds: NDArray[np.int64], counts: NDArray[np.int64], scale: float, bounds: tuple[float, float]
) -> tuple[float, float]:
    """The greatest log likelihood and the shape it is reached at, from the exponential law of that ``scale``."""
    from scipy.optimize import minimize

    found = minimize(
        lambda place: -_log_likelihood(law, kinds, counts, *place),
        (scale, 0.0),
        method="L-BFGS-B",
        bounds=((scale - 10.0, scale + 10.0), bounds),
    )
    return -float(found.fun), float(found.x[1])


def _log_likelihood(
    law: _LogSurvival, kinds: NDArray[np.int64], counts: NDArray[np.int64], log_scale: float, shape: float
) -> float:
    days, ended = kinds[0].astype(np.float64), kinds[1] == 1
    before = law(days - 1.0, log_scale, shape)
    leaving = np.maximum(-np.expm1(law(days, log_scale, shape) - before), np.finfo(float).tiny)
    return float((counts * np.where(ended, before + np.log(leaving), before)).sum())


def _weibull(days: NDArray[np.float64], log_scale: float, log_shape: float) -> NDArray[np.float64]:
    log_survival: NDArray[np.float64] = -((days * np.exp(-log_scale)) ** np.exp(log_shape))
    return log_survival


def _lomax(days: NDArray[np.float64], log_scale: float, xi: float) -> NDArray[np.float64]:
    ratio = days * np.exp(-log_scale)
    log_survival: NDArray[np.float64] = -ratio if xi < 1e-8 else -np.log1p(xi * ratio) / xi
    return log_survival
