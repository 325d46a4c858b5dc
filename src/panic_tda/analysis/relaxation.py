"""Relaxation time of one distance curve, d(t) = d∞ − (d∞ − d0) · exp(−t / τ).

In a bounded space distances level off, so how fast they do so says more than an exponent. The squared error is profiled
over log τ, and the interval of τ holds what an F test does not reject (Bates & Watts, "Nonlinear regression analysis",
Wiley 1988, chapter 6): it is not symmetric, and it is open where the curve does not bound τ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.relaxation_curve import (
    RelaxationCurve,
    finite_curve,
    fit_at,
    fit_cautions,
    log_tau_grid,
    squared_errors,
    taus_at,
)
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEWEST_STEPS = 5
LARGE_CORRELATION = 0.3
_ZOOMS = 5
_ROUNDING = 1e-20
_NOISE_FREE = 1e-12


class RelaxationFit(NamedTuple):
    """``tau`` in steps, ``start`` d0 and ``end`` d∞ in the unit of the distances; ``n`` is the number of steps.

    τ is 0 for a jump within the first step and ∞ for a straight line, where ``end`` is NaN. ``standard_error`` is that
    of ``tau``, from the curvature at the estimate, NaN where τ is 0 or ∞. ``noise``: standard deviation of the
    residuals; ``correlation``: theirs from step to step.
    """

    tau: Interval
    start: Interval
    end: Interval
    standard_error: float
    r_squared: float
    noise: float
    correlation: float
    cautions: tuple[str, ...]


def relaxation_time(distances: ArrayLike, *, level: float = 0.95) -> RelaxationFit:
    """Fits ``distances`` (T,), one for each step from 0 on.

    The intervals are right for noise that is independent from step to step; a caution says when it is not. Raises
    ``RequestError`` for fewer than ``FEWEST_STEPS`` steps, values that are not finite, or a ``level`` outside (0, 1).
    """
    from scipy.special import stdtrit

    curve = finite_curve(distances)
    if len(curve) < FEWEST_STEPS:
        raise RequestError(f"a relaxation time needs at least {FEWEST_STEPS} steps, got {len(curve)}")
    if not 0.0 < level < 1.0:
        raise RequestError(f"level must lie between 0 and 1, got {level}")
    freedom = len(curve) - 3
    tau, start, end = _profile(curve, 1.0 + float(stdtrit(freedom, (1.0 + level) / 2.0)) ** 2 / freedom, level)
    fit = fit_at(curve, tau.estimate)
    noise = float(np.sqrt(fit.residuals @ fit.residuals / freedom))
    correlation = _lag_one(fit.residuals)
    return RelaxationFit(
        tau=tau,
        start=start._replace(estimate=fit.start),
        end=end._replace(estimate=fit.end),
        standard_error=noise * _unit_error(len(curve), tau.estimate, fit.end - fit.start),
        r_squared=fit.r_squared,
        noise=noise,
        correlation=correlation,
        cautions=_cautions(curve, fit, correlation, level) + fit_cautions(tau, fit.r_squared, len(curve)),
    )


def _profile(curve: Floats, factor: float, level: float) -> tuple[Interval, Interval, Interval]:
    """τ, d0 and d∞ with the ends of all values whose squared error is at most ``factor`` times the least."""
    grid = whole = log_tau_grid(len(curve))
    for _ in range(_ZOOMS):
        errors = squared_errors(curve[None], grid)[0]
        bound = factor * errors.min() + _ROUNDING * float(curve @ curve)
        inside = np.flatnonzero(errors <= bound)
        log_taus, room = grid[inside], bound - errors[inside]
        best = grid[errors.argmin()]
        grid = np.linspace(grid[max(inside[0] - 1, 0)], grid[min(inside[-1] + 1, len(grid) - 1)], len(whole))
    tau, low, high = taus_at(np.array([best, log_taus[0], log_taus[-1]]), whole)
    start, end = (_ends(curve, log_taus, room, at_zero) for at_zero in (True, False))
    if high == np.inf:
        # The longer τ, the farther off the end: where τ is not bounded, neither is d∞.
        end = (end[0], np.inf) if abs(end[1] - start[1]) > abs(end[0] - start[0]) else (-np.inf, end[1])
    ends = [(float(tau), float(low), float(high)), (np.nan, *start), (np.nan, *end)]
    made = [Interval(*values, level, len(curve)) for values in ends]
    return made[0], made[1], made[2]


def _ends(curve: Floats, log_taus: Floats, room: Floats, at_zero: bool) -> tuple[float, float]:
    """The least and greatest d0 (``at_zero``) or d∞ that cost at most ``room`` (G,) of squared error at some τ."""
    shapes = np.exp(-np.arange(len(curve)) / np.exp(log_taus)[:, None])
    if at_zero:
        shapes = shapes - 1.0
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    spread = np.einsum("gt,gt->g", centred, centred)
    level = curve.mean() - shapes.mean(axis=1) * (centred @ curve) / spread
    half = np.sqrt(room * (1.0 / len(curve) + shapes.mean(axis=1) ** 2 / spread))
    return float((level - half).min()), float((level + half).max())


def _unit_error(steps: int, tau: float, rise: float) -> float:
    """The standard error of τ where that of the noise is 1: what of its effect d0 and d∞ cannot imitate."""
    if not 0.0 < tau < np.inf or rise == 0.0:
        return np.nan
    times = np.arange(steps, dtype=np.float64)
    shape = np.exp(-times / tau)
    effect = fit_at(rise * shape * times / tau**2, tau).residuals
    return float(1.0 / np.linalg.norm(effect))


def _lag_one(residuals: Floats) -> float:
    power = float(residuals @ residuals)
    return float(residuals[1:] @ residuals[:-1]) / power if power > 0.0 else np.nan


def _cautions(curve: Floats, fit: RelaxationCurve, correlation: float, level: float) -> tuple[str, ...]:
    from scipy.special import fdtri

    freedom = len(curve) - 3
    error = float(fit.residuals @ fit.residuals)
    explained = float(((curve - curve.mean()) ** 2).sum()) - error
    said = {
        "flat: no relaxation can be told from the noise": (
            explained <= 2.0 * float(fdtri(2, freedom, level)) * error / freedom
        ),
        f"the residuals hang together (correlation {correlation:.2f} from step to step): the interval is too narrow": (
            correlation > max(LARGE_CORRELATION, 2.6 / np.sqrt(len(curve))) and error > _NOISE_FREE * explained
        ),
    }
    return tuple(caution for caution, holds in said.items() if holds)
