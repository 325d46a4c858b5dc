"""How a small change grows: runs and their twins, which differ from them in one perturbation.

The separation of a pair is the distance between run and twin at the same step after the perturbation. The growth rate
is the slope of the mean log separation in nats per step, up to where it saturates; of a linear map x → A x it is the
log of the spectral radius of A (Benettin, Galgani, Giorgilli & Strelcyn, "Lyapunov characteristic exponents for smooth
dynamical systems", Meccanica 15 (1980)). Pairs that come together again leave the mean of the logs. So that this does
not move the mean, it is chained: its step from t to t + 1 is the mean over the pairs that lie apart at both. Intervals
are over the runs that have twins, never over twins or steps.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.distances import finite_points
from panic_tda.analysis.grouped_bootstrap import group_codes, grouped_means, student_interval
from panic_tda.analysis.pair_bootstrap import percentile_band, run_weights, tail_probability
from panic_tda.analysis.saturation import saturation
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEW_RUNS = 5
FEWEST_STEPS = 5
POOR_FIT = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class TwinGrowth:
    """Growth of the separation of ``pairs`` of a run and its twin; ``n`` of ``rate`` is the number of runs.

    ``rate``, in nats per step, is fitted to steps ``first`` … ``last`` of ``log_separation`` (T,) float64, the chained
    mean, NaN where no pair lies apart. ``saturation``: the first step of the flat part, or None. ``mean``, ``low`` and
    ``high`` (T,) float64: the mean separation of all pairs, merged ones included, with its band.
    """

    rate: Interval
    r_squared: float
    first: int
    last: int
    saturation: int | None
    log_separation: Floats
    mean: Floats
    low: Floats
    high: Floats
    pairs: int
    cautions: tuple[str, ...]

    @property
    def factor(self) -> Interval:
        """What a separation is multiplied by in one step: exp(rate); of a linear map its spectral radius."""
        low, estimate, high = np.exp([self.rate.low, self.rate.estimate, self.rate.high])
        return self.rate._replace(estimate=float(estimate), low=float(low), high=float(high))


def separation(run: ArrayLike, twin: ArrayLike) -> Floats:
    """Euclidean distance of ``run`` (T, d) and ``twin`` (U, d) at each step that both reach; exactly 0 where equal.

    Raises ``RequestError`` when vectors are not finite or of different length.
    """
    one, other = finite_points(run, np.float64), finite_points(twin, np.float64)
    steps = min(len(one), len(other))
    if steps and one.shape[1] != other.shape[1]:
        raise RequestError(f"run and twin have vectors of length {one.shape[1]} and {other.shape[1]}")
    distances: Floats = np.linalg.norm(one[:steps] - other[:steps], axis=1) if steps else np.empty(0)
    return distances


def merge_step(run: Sequence[Hashable], twin: Sequence[Hashable]) -> int | None:
    """The step from which ``run`` and ``twin``, sequences of content hashes, are equal to the end of the shorter one.

    0 when they never differ; ``None`` when they differ at the last step that both reach, or there is none.
    """
    steps = min(len(run), len(twin))
    differ = [step for step in range(steps) if run[step] != twin[step]]
    merged = differ[-1] + 1 if differ else 0
    return merged if merged < steps else None


def twin_growth(
    separations: ArrayLike,
    runs: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    skip: int = 0,
    level: float = 0.95,
    resamples: int = 1000,
) -> TwinGrowth:
    """The growth of ``separations`` (P, T) of pairs at each step after the perturbation; NaN where a pair has ended.

    ``runs`` names for each pair the run that the twin repeats. ``skip`` leaves out the first steps, in which a
    perturbation turns into the direction that grows fastest. Raises ``RequestError`` when the separations are not
    (P, T), negative or infinite, when there is no pair, not one run for each or ``skip`` < 0, and as
    :func:`~panic_tda.analysis.pair_bootstrap.run_weights` and ``tail_probability`` do.
    """
    distances = _checked(separations, skip)
    codes = group_codes(runs, len(distances))
    strata = np.zeros(codes.max() + 1, np.int64)
    weights, tail = run_weights(strata, rng, resamples), tail_probability(strata, level)
    curves = _chained(_logs(distances), codes, weights)
    first, last, flat_from = _window(curves[0], skip)
    slopes, r_squared = _slopes(curves[:, first : last + 1])
    means = grouped_means(distances, codes, weights)
    low, high = percentile_band(means[1:], tail)
    rate = student_interval(slopes, len(strata), level)
    return TwinGrowth(
        rate=rate,
        r_squared=r_squared,
        first=first,
        last=last,
        saturation=flat_from,
        log_separation=curves[0],
        mean=means[0],
        low=low,
        high=high,
        pairs=len(distances),
        cautions=_cautions(distances, rate, r_squared, last - first + 1, flat_from),
    )


def _checked(separations: ArrayLike, skip: int) -> Floats:
    distances = np.asarray(separations, dtype=np.float64)
    if distances.ndim != 2 or not distances.size:
        raise RequestError(f"separations must be an array (pairs, steps) that holds some, got shape {distances.shape}")
    if np.isinf(distances).any() or (distances < 0.0).any():
        raise RequestError("a separation is negative or infinite")
    if skip < 0:
        raise RequestError(f"skip must be at least 0, got {skip}")
    return distances


def _logs(distances: Floats) -> Floats:
    logs: Floats = np.log(distances, where=distances > 0.0, out=np.full_like(distances, np.nan))
    return logs


def _chained(logs: Floats, codes: NDArray[np.int64], weights: Floats) -> Floats:
    """The chained mean of ``logs`` (P, T) for each row of ``weights`` (B, n): (B, T)."""
    begin = int((~np.isnan(logs)).any(axis=0).argmax())
    level = grouped_means(logs[:, begin : begin + 1], codes, weights)
    steps = grouped_means(np.diff(logs[:, begin:], axis=1), codes, weights)
    before = np.full((len(weights), begin), np.nan)
    return np.hstack([before, np.cumsum(np.hstack([level, steps]), axis=1)])


def _window(curve: Floats, skip: int) -> tuple[int, int, int | None]:
    """The first and the last step to fit, and the step from which the curve is flat."""
    known = np.flatnonzero(~np.isnan(curve))
    if len(known) <= skip:
        return 0, 0, None
    first, last = int(known[0]) + skip, int(known[-1])
    flat = saturation(curve[first : last + 1]).step
    return (first, last, None) if flat is None else (first, first + flat, first + flat)


def _slopes(curves: Floats) -> tuple[Floats, float]:
    """The least-squares slope of each of ``curves`` (B, T), and R² of the first."""
    steps = np.arange(curves.shape[1]) - (curves.shape[1] - 1) / 2.0
    if len(steps) < 2:
        return np.full(len(curves), np.nan), np.nan
    slopes: Floats = curves @ steps / (steps @ steps)
    rise = curves[0] - curves[0].mean()
    total = float(rise @ rise)
    return slopes, 1.0 - float(((rise - slopes[0] * steps) ** 2).sum()) / total if total > 0.0 else np.nan


def _cautions(
    distances: Floats, rate: Interval, r_squared: float, steps: int, flat_from: int | None
) -> tuple[str, ...]:
    pairs, apart = len(distances), (distances > 0.0).any(axis=1)
    never, together = int((~apart).sum()), int((apart & (_last(distances) == 0.0)).sum())
    undecided = rate.low <= 0.0 <= rate.high
    said = {
        f"only {rate.n} {'run has' if rate.n == 1 else 'runs have'} twins": rate.n < FEW_RUNS,
        "no pair lies apart at two steps in a row": steps < 2,
        f"{never} of {pairs} pairs never lie apart": never > 0,
        f"{together} of {pairs} pairs come together again and count only where they lie apart": together > 0,
        f"saturated: the separation is flat from step {flat_from}": flat_from is not None,
        f"the rate rests on {steps} steps": 2 <= steps < FEWEST_STEPS,
        f"R² {r_squared:.2f}: the separation does not grow or shrink by a constant factor": (
            r_squared < POOR_FIT and not undecided
        ),
        "neither growth nor decay: the interval of the rate holds 0": undecided,
    }
    return tuple(caution for caution, holds in said.items() if holds)


def _last(distances: Floats) -> Floats:
    """The separation of each pair at its last step; NaN for a pair without one."""
    backwards = distances[:, ::-1]
    last: Floats = backwards[np.arange(len(distances)), (~np.isnan(backwards)).argmax(axis=1)]
    return last
