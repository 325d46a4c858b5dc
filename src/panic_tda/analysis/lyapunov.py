"""Finite-time Lyapunov exponent of a group of runs: how fast nearby runs move apart.

For runs i, j at distance d_ij(t) the log divergence is the mean of ln d_ij(t) over pairs: the mean of the logs, because
the log of the mean is ruled by the few pairs that are far apart. The exponent is its least-squares slope in nats per
step (Lapeyre, "Characterization of finite-time Lyapunov exponents and vectors in two-dimensional turbulence", Chaos 12
(2002)). Distances in a bounded space cannot grow for ever, so the slope is also fitted up to the saturation step alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.divergence import checked_runs, distances_at_each_step, prompt_codes
from panic_tda.analysis.pair_bootstrap import percentile_band, run_weights, tail_probability, weighted_pair_means
from panic_tda.analysis.r_squared import r_squared
from panic_tda.analysis.saturation import saturation

Floats = NDArray[np.float64]

FEWEST_PAIRS = 10
FEWEST_STEPS = 10
POOR_FIT = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class LyapunovExponent:
    """Slopes of the log divergence in nats per step, with intervals over runs (``n`` is the number of runs).

    ``exponent``: fitted to all steps; ``early``: up to ``saturation``, the first step of the flat part, and equal to
    ``exponent`` when that is None. ``standard_error`` and ``r_squared`` belong to ``exponent``, the ``early_`` ones to
    ``early``; NaN where there is nothing to fit. ``log_divergence`` (T,) float64 with its band ``log_low`` and
    ``log_high``, NaN where no two runs lie apart; ``mean_distance`` (T,) float64. ``pairs``: pairs of runs that ever
    lie apart; ``merged``: those of them that coincide at some later step; ``steps``: T.
    """

    exponent: Interval
    standard_error: float
    r_squared: float
    early: Interval
    early_standard_error: float
    early_r_squared: float
    saturation: int | None
    log_divergence: Floats
    log_low: Floats
    log_high: Floats
    mean_distance: Floats
    pairs: int
    merged: int
    steps: int
    cautions: tuple[str, ...]


def lyapunov_exponent(
    trajectories: Sequence[ArrayLike],
    rng: np.random.Generator,
    *,
    prompts: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
) -> LyapunovExponent:
    """The exponent of the pairs of ``trajectories``, each (T_i, d), over the steps that two of them reach.

    With ``prompts``, one for each run, only pairs of the same prompt count, and runs are drawn anew within prompts. A
    pair that coincides at a step (distance 0) has no logarithm there: it is left out of that step and, when it lay
    apart before, counted as ``merged``. Intervals resample runs and keep the saturation step. They speak of other runs
    of this group: what all its pairs share, such as the path they leave together, does not vary. Raises
    ``RequestError`` as :func:`~panic_tda.analysis.divergence.divergence_curve` does.
    """
    runs = checked_runs(trajectories)
    strata = np.zeros(len(runs), np.int64) if prompts is None else prompt_codes(prompts, len(runs))
    tail = tail_probability(strata, level)
    logs = _log_divergence(runs, strata, run_weights(strata, rng, resamples))
    flat_from = saturation(logs.curves[0]).step
    whole = _fitted(logs.curves, strata, level, tail)
    early = whole if flat_from is None else _fitted(logs.curves[:, : flat_from + 1], strata, level, tail)
    low, high = percentile_band(logs.curves[1:], tail)
    return LyapunovExponent(
        exponent=whole.slope,
        standard_error=whole.standard_error,
        r_squared=whole.r_squared,
        early=early.slope,
        early_standard_error=early.standard_error,
        early_r_squared=early.r_squared,
        saturation=flat_from,
        log_divergence=logs.curves[0],
        log_low=low,
        log_high=high,
        mean_distance=logs.mean_distance,
        pairs=logs.pairs,
        merged=logs.merged,
        steps=logs.curves.shape[1],
        cautions=_cautions(logs, whole, early, flat_from),
    )


class _Logs(NamedTuple):
    """``curves`` (1 + B, T): mean log distance of the group and of each resample; ``pairs_apart`` (T,)."""

    curves: Floats
    mean_distance: Floats
    pairs_apart: NDArray[np.int64]
    pairs: int
    merged: int


class _Fit(NamedTuple):
    slope: Interval
    standard_error: float
    r_squared: float
    steps: int


def _log_divergence(runs: Sequence[Floats], strata: NDArray[np.int64], weights: Floats) -> _Logs:
    ever_apart = np.zeros((len(runs), len(runs)), dtype=bool)
    merged = ever_apart.copy()
    compared = (strata[:, None] == strata) & ~np.eye(len(runs), dtype=bool)
    curves, means, counts = [np.empty((len(weights), 0))], [], []
    for there, distances in distances_at_each_step(runs):
        block = np.ix_(there, there)
        apart = compared[block] & (distances > 0.0)
        merged[block] |= ever_apart[block] & ~apart
        ever_apart[block] |= apart
        logs = np.log(distances, where=apart, out=np.zeros_like(distances))
        curves.append(weighted_pair_means(logs, apart, weights[:, there])[:, None])
        means.append(distances[compared[block]].mean() if compared[block].any() else np.nan)
        counts.append(int(apart.sum()) // 2)
    pairs, lost = int(ever_apart.sum()) // 2, int(merged.sum()) // 2
    return _Logs(np.hstack(curves), np.array(means), np.array(counts, dtype=np.int64), pairs, lost)


def _fitted(curves: Floats, strata: NDArray[np.int64], level: float, tail: float) -> _Fit:
    runs, freedom = len(strata), len(strata) - len(np.unique(strata))
    steps = np.flatnonzero(~np.isnan(curves[0]))
    if len(steps) < 2:
        return _Fit(Interval(np.nan, np.nan, np.nan, level, runs), np.nan, np.nan, len(steps))
    heights, centred = curves[:, steps], steps - steps.mean()
    slopes = heights @ centred / (centred @ centred)
    residuals = heights[0] - heights[0].mean() - slopes[0] * centred
    low, high = percentile_band(slopes[1:, None], tail)
    known = slopes[1:][~np.isnan(slopes[1:])]
    spread = float(known.std() * np.sqrt(runs / freedom)) if len(known) and not np.isnan(tail) else np.nan
    return _Fit(
        slope=Interval(float(slopes[0]), float(low[0]), float(high[0]), level, runs),
        standard_error=spread,
        r_squared=r_squared(heights[0], residuals),
        steps=len(steps),
    )


def _cautions(logs: _Logs, whole: _Fit, early: _Fit, flat_from: int | None) -> tuple[str, ...]:
    steps, apart = whole.steps, logs.pairs_apart
    said = {
        "no two runs lie apart at two steps": steps < 2,
        f"only {logs.pairs} {'pair' if logs.pairs == 1 else 'pairs'}": steps >= 2 and logs.pairs < FEWEST_PAIRS,
        f"only {steps} steps": 2 <= steps < FEWEST_STEPS,
        f"{logs.merged} of {logs.pairs} pairs merge: they count only where they lie apart": logs.merged > 0,
        "the pairs that count change from step to step": bool(apart.size) and apart.min() < apart.max(),
        f"saturated: the curve is flat from step {flat_from}": flat_from is not None,
        f"the early slope rests on {early.steps} steps": flat_from is not None and early.steps < FEWEST_STEPS,
        f"R² {whole.r_squared:.2f} over all steps: no exponent describes this curve; see the relaxation time": (
            whole.r_squared < POOR_FIT
        ),
        f"R² {early.r_squared:.2f} before saturation: the early slope does not describe it either": (
            flat_from is not None and early.r_squared < POOR_FIT
        ),
        "neither growth nor decay: the interval holds 0": whole.slope.low <= 0.0 <= whole.slope.high,
    }
    return tuple(caution for caution, holds in said.items() if holds)
