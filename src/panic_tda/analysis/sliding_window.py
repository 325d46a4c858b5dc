"""Is the trajectory periodic? The loop that its sliding windows trace, measured by persistent homology.

A window holds the trajectory at equally spaced times over one period. As it slides along a periodic trajectory it
comes back to itself, so the windows trace a closed curve, however the trajectory itself crosses its own way; H1 sees
that curve as one long bar. Each window is centred on its own mean, which takes out where the trajectory is and how it
drifts, and scaled to norm 1; the curve of a sine is then a circle of radius 1, whose bar has length √3.

Between two steps the trajectory is taken to go straight, so that a period of few steps is a closed curve as well.

Perea & Harer, "Sliding windows and persistence: an application of topological methods to signal analysis", Found.
Comput. Math. 15 (2015); for many dimensions Tralie & Perea, "(Quasi)periodicity quantification in video data, using
topology", SIAM J. Imaging Sci. 11 (2018).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import euclidean_distances, finite_points
from panic_tda.analysis.homology import persistence_diagram
from panic_tda.errors import RequestError

FEWEST_PASSES = 3
"""A period is looked for only where the trajectory has room for so many: two alike stretches may be chance."""

STILL = 1e-6
"""Windows with a norm below this share of the largest hold no movement, only rounding."""

_SAMPLES = (8, 32)
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class WindowPeriodicity(NamedTuple):
    """``score`` in [0, 1]: length of the longest H1 bar of the windows over √3; 0 when no period was found.

    ``period`` in steps, NaN when none was found; ``passes``, how often it fits into the trajectory; ``bar``, birth and
    death of the longest bar, both 0 without one; ``windows``, how many were compared.
    """

    score: float
    period: float
    passes: float
    bar: tuple[float, float]
    windows: int
    cautions: tuple[str, ...]


def return_profile(points: ArrayLike) -> NDArray[np.float64]:
    """Mean squared distance between steps ``lag`` apart, for lags 0 … T // 3 + 1 of ``points`` (T, d).

    Raises ``RequestError`` as ``finite_points`` does. Memory 32·T² bytes.
    """
    squared = euclidean_distances(points) ** 2
    longest = min(len(squared) // FEWEST_PASSES + 1, len(squared) - 1)
    return np.array([float(np.diagonal(squared, lag).mean()) for lag in range(longest + 1)])


def candidate_period(profile: ArrayLike) -> int | None:
    """The lag ≥ 2 at which the trajectory comes back best; ``None`` when ``profile`` has no dip.

    A dip is a local minimum; its depth is 1 − its height over the lower of the highest values before and after it.
    Multiples of a period are dips too, so the first one with 0.9 of the greatest depth is taken. ``profile`` (n,) as
    ``return_profile`` gives it. Raises ``RequestError`` when it is not a series of numbers ≥ 0.
    """
    heights = np.asarray(profile, dtype=np.float64)
    if heights.ndim != 1 or not (heights >= 0.0).all():
        raise RequestError("a return profile is a series of mean squared distances, all at least 0")
    lags = [lag for lag in range(2, len(heights) - 1) if _is_dip(heights, lag)]
    depths = [1.0 - heights[lag] / min(heights[1:lag].max(), heights[lag + 1 :].max()) for lag in lags]
    return next((lag for lag, depth in zip(lags, depths, strict=True) if depth >= 0.9 * max(depths)), None)


def window_periodicity(points: ArrayLike, *, period: float | None = None, windows: int = 300) -> WindowPeriodicity:
    """How close the sliding windows of ``points`` (T, d) come to tracing a circle.

    A perfect cycle scores near 1 when it moves evenly, near 0.8 when it hops between many states that are all equally
    far apart; noise lowers the score. ``period`` in steps fixes the window, otherwise ``candidate_period`` chooses it.
    Each window holds 8 to 32 samples, one per step where that fits; ``windows`` of them are spread over the
    trajectory and over the phases of the period. Nothing is random. Time about ``windows``³.

    Raises ``RequestError`` as ``finite_points`` does, for ``windows`` < 3, or a ``period`` outside [2, T / 2].
    """
    rows = finite_points(points, np.float64)
    if period is not None or windows < 3:
        _check_windows(len(rows), math.nan if period is None else period, windows)
    if (rows == rows[:1]).all():
        return _no_period(f"the trajectory stands still on all its {len(rows)} steps")
    if period is None:
        period = candidate_period(return_profile(rows))
    if period is None:
        return _no_period(f"no lag from 2 to {len(rows) // FEWEST_PASSES} steps brings the trajectory back")
    return _periodicity(rows, float(period), windows)


def sliding_windows(points: ArrayLike, period: float, count: int) -> NDArray[np.float64]:
    """Windows over one ``period`` of ``points`` (T, d), centred and of norm 1: (≤ ``count``, samples · d) float64.

    Those that hold no movement are left out. Raises ``RequestError`` as ``window_periodicity`` does.
    """
    rows = finite_points(points, np.float64)
    _check_windows(len(rows), period, count)
    samples = min(max(math.ceil(period), _SAMPLES[0]), _SAMPLES[1])
    delays = period * np.arange(samples) / samples
    at = _starts(len(rows) - 1 - float(delays[-1]), period, count)[:, None] + delays
    before = np.minimum(at.astype(np.int64), len(rows) - 2)
    share = (at - before)[:, :, None]
    held = (1.0 - share) * rows[before] + share * rows[before + 1]
    held -= held.mean(axis=1, keepdims=True)
    flat: NDArray[np.float64] = held.reshape(len(held), -1)
    norms = np.linalg.norm(flat, axis=1)
    moving = norms > STILL * norms.max()
    kept: NDArray[np.float64] = flat[moving] / norms[moving, None]
    return kept


def _check_windows(steps: int, period: float, count: int) -> None:
    if count < 3 or not 2.0 <= period <= steps / 2:
        raise RequestError(
            f"at least 3 windows and a period between 2 steps and half of {steps} are needed, got {count} and {period}"
        )


def _is_dip(heights: NDArray[np.float64], lag: int) -> bool:
    """Whether the profile falls to ``lag`` and rises after it, be it after a flat stretch."""
    after = heights[lag + 1 :][heights[lag + 1 :] != heights[lag]]
    return bool(heights[lag] < heights[lag - 1] and len(after) and after[0] > heights[lag])


def _starts(span: float, period: float, count: int) -> NDArray[np.float64]:
    """``count`` times in [0, ``span``], spread evenly over it and, by the golden ratio, over the phases."""
    phase = np.arange(count) * _GOLDEN % 1.0
    starts: NDArray[np.float64] = period * (np.rint(np.arange(count) * span / count / period - phase) + phase)
    starts += period * (starts < 0.0)
    starts -= period * (starts > span)
    return starts.clip(0.0, span)


def _periodicity(rows: NDArray[np.float64], period: float, count: int) -> WindowPeriodicity:
    windows = sliding_windows(_rotated(rows), period, count)
    bars = persistence_diagram(windows, max_dim=1).bars[1]
    lengths = bars[:, 1] - bars[:, 0]
    birth, death = bars[int(lengths.argmax())] if len(bars) else (0.0, 0.0)
    passes = len(rows) / period
    return WindowPeriodicity(
        score=min(1.0, float(death - birth) / math.sqrt(3.0)),
        period=period,
        passes=passes,
        bar=(float(birth), float(death)),
        windows=len(windows),
        cautions=_cautions(passes, len(windows), count),
    )


def _rotated(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same distances in no more dimensions than there are steps."""
    if len(rows) >= rows.shape[1]:
        return rows
    rotated: NDArray[np.float64] = np.asarray(np.linalg.qr(rows.T, mode="r")).T
    return rotated


def _cautions(passes: float, moving: int, count: int) -> tuple[str, ...]:
    few = f"the period fits only {passes:.1f} times into the trajectory"
    still = f"{count - moving} of {count} windows stand still and were left out: the score is that of the rest"
    return tuple(text for text, applies in ((few, passes < FEWEST_PASSES), (still, moving < count)) if applies)


def _no_period(caution: str) -> WindowPeriodicity:
    return WindowPeriodicity(0.0, math.nan, 0.0, (0.0, 0.0), 0, (caution,))
