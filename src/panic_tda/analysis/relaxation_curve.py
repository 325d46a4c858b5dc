"""The curve d(t) = d∞ − (d∞ − d0) · exp(−t / τ), and its least-squares fit for given τ.

For given τ it is a straight line in exp(−t / τ), so only τ has to be sought, and it is sought on a grid even in log τ.
At the ends of the grid the curve has become something else: a jump within the first step, written τ = 0, and a straight
line, written τ = ∞.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.r_squared import r_squared
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

POOR_FIT = 0.5
_SHORTEST, _LONGEST, _GRID = 0.1, 100.0, 240


class RelaxationCurve(NamedTuple):
    """``start`` d0, ``end`` d∞ (NaN where τ is ∞), ``residuals`` (T,) and the share of the variance explained."""

    start: float
    end: float
    residuals: Floats
    r_squared: float


def finite_curve(values: ArrayLike) -> Floats:
    """``values`` as a (T,) float64 array; ``RequestError`` when it has another shape or is not finite."""
    curve = np.asarray(values, dtype=np.float64)
    if curve.ndim != 1 or not np.isfinite(curve).all():
        raise RequestError(f"distances must be a finite array (steps,), got shape {curve.shape} or infinite values")
    return curve


def log_tau_grid(steps: int) -> Floats:
    """The log τ to try for a curve of ``steps``.

    At τ = 0.1 a curve is within 5e-5 of its end after one step, at 100 times its length it is a straight line.
    """
    return np.linspace(np.log(_SHORTEST), np.log(_LONGEST * steps), _GRID)


def taus_at(log_taus: Floats, grid: Floats) -> Floats:
    """τ for ``log_taus``; 0 and ∞ at the ends of the ``grid`` they were sought on."""
    taus = np.exp(log_taus)
    taus[log_taus <= grid[0]] = 0.0
    taus[log_taus >= grid[-1]] = np.inf
    return taus


def squared_errors(curves: Floats, log_taus: Floats) -> Floats:
    """The least squared error of each of ``curves`` (B, T) for each of ``log_taus`` (G,): (B, G)."""
    shapes = np.exp(-np.arange(curves.shape[1]) / np.exp(log_taus)[:, None])
    shapes -= shapes.mean(axis=1, keepdims=True)
    centred = curves - curves.mean(axis=1, keepdims=True)
    explained = (centred @ shapes.T) ** 2 / np.einsum("gt,gt->g", shapes, shapes)
    errors: Floats = np.maximum(np.einsum("bt,bt->b", centred, centred)[:, None] - explained, 0.0)
    return errors


def fit_at(curve: Floats, tau: float) -> RelaxationCurve:
    """The best curve with this ``tau``, 0 and ∞ included, for ``curve`` (T,)."""
    steps = np.arange(len(curve), dtype=np.float64)
    shape = -steps if tau == np.inf else np.exp(-steps / max(tau, _SHORTEST))
    (end, rise), *_ = np.linalg.lstsq(np.column_stack([np.ones_like(shape), shape]), curve, rcond=None)
    residuals = curve - end - rise * shape
    start, end = (end, np.nan) if tau == np.inf else (end + rise, end)
    return RelaxationCurve(float(start), float(end), residuals, r_squared(curve, residuals))


def fit_cautions(tau: Interval, explained: float, steps: int) -> tuple[str, ...]:
    """When a relaxation time does not mean what it seems to."""
    said = {
        f"τ is longer than the curve ({steps} steps), which does not level off": tau.estimate >= steps,
        "the curve does not bound τ from above": tau.high == np.inf,
        "τ is shorter than a step": tau.estimate < 1.0,
        f"R² {explained:.2f}: little of the curve is relaxation": explained < POOR_FIT,
    }
    return tuple(caution for caution, holds in said.items() if holds)
