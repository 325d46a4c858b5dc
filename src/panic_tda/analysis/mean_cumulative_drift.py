"""How much of the beginning is kept over the generations: mean cumulative drift, and the rate of semantic drift.

Mollah, Gupta, Swetha, Liu, Munir & Shah, "The telephone game: evaluating semantic drift in unified models", arXiv
2509.04438, and the code they published. Both rest on the cosine similarity of each later generation to generation 0.
Their mean cumulative drift (MCD) is the mean *similarity*, so a high number means little drift. Their semantic drift
rate (SDR) is b in the curve a · exp(−b · generation) + c fitted to the mean similarity by generation, from generation
1 on. They average four such numbers, text or image first, compared with text or image; here one embedder gives one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.distances import finite_points
from panic_tda.analysis.pair_bootstrap import percentile_band, run_weights, tail_probability
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEW_RUNS = 5
SLOWEST, FASTEST = 0.02, 8.0
"""Rates are sought between the one that bends a curve by 2 % over its length and exp(−8) per generation."""

_RATES = 600


class DriftRate(NamedTuple):
    """The curve ``amplitude`` · exp(−``rate`` · generation) + ``plateau``; ``rate`` is per generation.

    ``rmse`` is the root mean square distance of the mean similarities from it.
    """

    rate: Interval
    amplitude: float
    plateau: float
    rmse: float
    cautions: tuple[str, ...]


def similarity_to_start(points: ArrayLike) -> Floats:
    """Cosine similarity of each later row of ``points`` (T, d) to the first; (max(T − 1, 0),) float64 in [−1, 1].

    Raises ``RequestError`` when the points are not finite or not two-dimensional, or a row has length 0.
    """
    rows = finite_points(points, np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    if not lengths.all():
        raise RequestError(f"row {int(np.argmin(lengths))} has length 0: its cosine similarity is not defined")
    return np.clip((rows[1:] @ rows[0]) / (lengths[1:] * lengths[0]), -1.0, 1.0) if len(rows) else np.empty(0)


def mean_cumulative_drift(
    similarities: ArrayLike, rng: np.random.Generator, *, level: float = 0.95, resamples: int = 2000
) -> Interval:
    """Mean of ``similarities`` (runs, generations 1 … G) over generations and runs, with its interval over runs.

    The bootstrap percentiles are widened for few runs, as :mod:`.pair_bootstrap` says. Raises ``RequestError`` for an
    empty or ragged table, similarities that are not finite, a ``level`` outside (0, 1) or ``resamples`` < 1.
    """
    table = _checked(similarities)
    weights = run_weights(np.zeros(len(table), np.int64), rng, resamples)
    means = weights @ table.mean(axis=1) / len(table)
    low, high = percentile_band(means[1:, None], tail_probability(np.zeros(len(table), np.int64), level))
    return Interval(float(means[0]), float(low[0]), float(high[0]), level, len(table))


def semantic_drift_rate(similarities: ArrayLike, *, level: float = 0.95) -> DriftRate:
    """The fitted decay of ``similarities`` (runs, generations 1 … G), G ≥ 4, with the interval of its rate over runs.

    For each rate the best amplitude and plateau are known in closed form, so the least-squares rate is found on a line
    of ``SLOWEST`` / G … ``FASTEST`` without starting values. The interval is the jackknife over runs with Student's t,
    on the logarithm of the rate. Raises ``RequestError`` as :func:`mean_cumulative_drift` does, and for G < 4.
    """
    table = _checked(similarities)
    runs, generations = table.shape
    if generations < 4:
        raise RequestError(f"a curve with three parameters needs at least 4 generations, got {generations}")
    rates = np.geomspace(SLOWEST / generations, FASTEST, _RATES)
    mean = table.mean(axis=0)
    left_out = (table.sum(axis=0) - table) / max(runs - 1, 1)
    logarithms = _log_rates(np.vstack((mean, left_out)), rates)
    rate = float(np.exp(logarithms[0]))
    basis = np.stack((np.exp(-rate * np.arange(1, generations + 1)), np.ones(generations)), axis=1)
    (amplitude, plateau), *_ = np.linalg.lstsq(basis, mean)
    rmse = float(np.sqrt(((mean - basis @ (amplitude, plateau)) ** 2).mean()))
    half = _half_width(logarithms[1:], level)
    low, high = (float(np.exp(logarithms[0] + sign * half)) for sign in (-1.0, 1.0))
    return DriftRate(
        Interval(rate, low, high, level, runs), float(amplitude), float(plateau), rmse,
        _cautions(runs, rate, rates, float(amplitude), (low, high)),
    )  # fmt: skip


def _checked(similarities: ArrayLike) -> Floats:
    try:
        table = np.asarray(similarities, dtype=np.float64)
    except ValueError as ragged:
        raise RequestError("every run needs a similarity for every generation") from ragged
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise RequestError(f"similarities must be a finite table (runs, generations), got shape {table.shape}")
    return table


def _log_rates(curves: Floats, rates: Floats) -> Floats:
    """The logarithm of the least-squares rate of each of ``curves`` (k, G), refined between the ``rates``: (k,)."""
    generations = np.arange(1, curves.shape[1] + 1)
    centred = curves - curves.mean(axis=1, keepdims=True)
    decays = np.exp(-np.outer(rates, generations - 1.0))
    decays -= decays.mean(axis=1, keepdims=True)
    decays /= np.linalg.norm(decays, axis=1, keepdims=True)
    explained = (centred @ decays.T) ** 2
    best = explained.argmax(axis=1)
    inner = np.clip(best, 1, len(rates) - 2)
    before, here, after = (explained[np.arange(len(curves)), inner + shift] for shift in (-1, 0, 1))
    bend = before - 2.0 * here + after
    shift = np.divide(0.5 * (before - after), bend, out=np.zeros(len(curves)), where=bend < 0.0)
    logarithms = np.log(rates)
    refined = logarithms[inner] + np.clip(shift, -1.0, 1.0) * (logarithms[1] - logarithms[0])
    found: Floats = np.where(best == inner, refined, logarithms[best])
    return found


def _half_width(left_out: Floats, level: float) -> float:
    from scipy.special import stdtrit

    if not 0.0 < level < 1.0:
        raise RequestError(f"level must lie between 0 and 1, got {level}")
    runs = len(left_out)
    if runs < 2:
        return float("nan")
    variance = (runs - 1) / runs * float(((left_out - left_out.mean()) ** 2).sum())
    return float(stdtrit(runs - 1, (1.0 + level) / 2.0)) * float(np.sqrt(variance))


def _cautions(runs: int, rate: float, rates: Floats, amplitude: float, ends: tuple[float, float]) -> tuple[str, ...]:
    cautions = [f"only {runs} runs"] if runs < FEW_RUNS else []
    if amplitude <= 0.0:
        cautions.append("similarity does not fall: the rate is not one of drift")
    elif rate <= rates[1]:
        cautions.append("similarity falls as a straight line: no plateau is in sight, and the rate is not settled")
    elif rate >= rates[-2]:
        cautions.append("similarity has fallen at once: the rate is only bounded from below")
    elif ends[1] > 10.0 * ends[0]:
        cautions.append("the rate is not known to within a factor of ten")
    return tuple(cautions)
