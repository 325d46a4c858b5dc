"""Relaxation time of the mean distance curve of several runs, with an interval over runs.

Within a run the noise hangs together from step to step, so a fit to one run knows its relaxation time less well than it
says. Runs are independent: they are drawn anew, whole, and the mean curve of each resample is fitted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.pair_bootstrap import percentile_band, run_weights, tail_probability
from panic_tda.analysis.relaxation import FEWEST_STEPS
from panic_tda.analysis.relaxation_curve import (
    finite_curve,
    fit_at,
    fit_cautions,
    log_tau_grid,
    squared_errors,
    taus_at,
)
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEW_RUNS = 5


class PooledRelaxation(NamedTuple):
    """``tau`` in steps, ``start`` d0 and ``end`` d∞ of the mean ``curve`` (T,); ``n`` is the number of runs.

    ``fitted``, ``low`` and ``high`` (T,): the relaxation, and the band of the mean curve at the same level.
    τ is 0 for a jump within the first step and ∞ for a straight line, whose ``end`` is NaN.
    """

    tau: Interval
    start: Interval
    end: Interval
    r_squared: float
    curve: Floats
    fitted: Floats
    low: Floats
    high: Floats
    cautions: tuple[str, ...]


def pooled_relaxation_time(
    curves: Sequence[ArrayLike], rng: np.random.Generator, *, level: float = 0.95, resamples: int = 1000
) -> PooledRelaxation:
    """Fits the mean of several distance ``curves``, each (T_i,), over the steps that at least half of them reach.

    Raises ``RequestError`` for fewer than two curves, fewer than ``FEWEST_STEPS`` such steps, values that are not
    finite, a ``level`` outside (0, 1) or ``resamples`` < 1.
    """
    values = [finite_curve(curve) for curve in curves]
    if len(values) < 2:
        raise RequestError(f"a pooled relaxation time needs at least 2 runs, got {len(values)}")
    steps = int(np.sort([len(value) for value in values])[len(values) // 2])
    if steps < FEWEST_STEPS:
        raise RequestError(f"a relaxation time needs at least {FEWEST_STEPS} steps, half of the runs have {steps}")
    strata = np.zeros(len(values), np.int64)
    tail = tail_probability(strata, level)
    means = _mean_curves(values, steps, run_weights(strata, rng, resamples))
    grid = log_tau_grid(steps)
    log_taus = _best_on_grid(squared_errors(means, grid), grid)
    taus = taus_at(log_taus, grid)
    fits = [fit_at(mean, tau) for mean, tau in zip(means, taus, strict=True)]
    sampled = np.column_stack([log_taus, [fit.start for fit in fits], [fit.end for fit in fits]])
    low, high = percentile_band(sampled[1:], tail)
    low[0], high[0] = taus_at(np.array([low[0], high[0]]), grid)
    estimates = (taus[0], fits[0].start, fits[0].end)
    tau, start, end = (
        Interval(float(x), float(a), float(b), level, len(values)) for x, a, b in zip(estimates, low, high, strict=True)
    )
    short = sum(len(value) < steps for value in values)
    cautions = fit_cautions(tau, fits[0].r_squared, steps) + _cautions(len(values), short)
    fitted = means[0] - fits[0].residuals
    return PooledRelaxation(
        tau, start, end, fits[0].r_squared, means[0], fitted, *percentile_band(means[1:], tail), cautions
    )


def _mean_curves(curves: Sequence[Floats], steps: int, weights: Floats) -> Floats:
    """The mean curve (B, steps) for each row of ``weights`` (B, n); resamples that miss a step are left out."""
    padded = np.zeros((len(curves), steps))
    there = np.zeros((len(curves), steps))
    for row, curve in enumerate(curves):
        padded[row, : len(curve)] = curve[:steps]
        there[row, : len(curve)] = 1.0
    counts = weights @ there
    whole = counts.min(axis=1) > 0.0
    means: Floats = (weights @ padded)[whole] / counts[whole]
    return means


def _best_on_grid(errors: Floats, grid: Floats) -> Floats:
    """The log τ of least error for each row of ``errors`` (B, G), by a parabola through the three lowest values."""
    best = errors.argmin(axis=1)
    inner = np.clip(best, 1, len(grid) - 2)
    rows = np.arange(len(errors))
    left, middle, right = (errors[rows, inner + offset] for offset in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    shift = np.divide(left - right, 2.0 * bend, out=np.zeros_like(bend), where=bend > 0.0)
    found: Floats = grid[inner] + np.clip(shift, -1.0, 1.0) * (grid[1] - grid[0])
    return np.where(best == inner, found, grid[best])


def _cautions(runs: int, short: int) -> tuple[str, ...]:
    few = f"only {runs} runs: " + ("the intervals are rough" if runs > 2 else "there are no intervals")
    ended = f"{short} runs end before the curve does"
    return tuple(caution for caution, holds in ((few, runs < FEW_RUNS), (ended, short > 0)) if holds)
