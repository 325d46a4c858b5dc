"""Where do runs drift to, and how strongly? The final property of an output regressed on the initial one.

Perez, Kovač, Léger, Colas, Molinaro, Derex, Oudeyer & Moulin-Frier, "When LLMs play the telephone game: cultural
attractors as conceptual tools to evaluate LLMs in multi-turn settings", arXiv 2407.04503 (ICLR 2025). A property is any
number of an output: the length of a text, a score, a projection of its vector. With final = intercept + slope · initial
the attractor's position is the fixed point intercept / (1 − slope) and its strength 1 − slope: 0 when the beginning is
kept, 1 when the end does not depend on it.

Intervals. The covariance of intercept and slope is the delete-one jackknife over runs, or over groups of runs (those
of one prompt) where these belong together: it asks for no constant spread. The position is a ratio, whose bootstrap
percentiles cover too seldom; its interval is Fieller's, "Some problems in interval estimation", J. R. Stat. Soc. B 16
(1954): all positions c at which the line intercept + (slope − 1) · c may pass through 0.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.divergence import prompt_codes
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEW_GROUPS = 10


class Attractor(NamedTuple):
    """``position`` in the unit of the property, ``strength`` without unit; ``r_squared`` of the regression.

    The ends of ``position`` are infinite when no attractor can be told from none at all.
    """

    position: Interval
    strength: Interval
    intercept: float
    slope: float
    r_squared: float
    cautions: tuple[str, ...]


def attractor_regression(
    initial: ArrayLike, final: ArrayLike, *, groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> Attractor:
    """Least squares of ``final`` (n,) on ``initial`` (n,), one number for each run; ``groups`` (n,) names its prompt.

    Raises ``RequestError`` for lists of unequal length, numbers that are not finite, fewer than 4 runs (or groups), an
    initial property that is the same without one group, or a level outside (0, 1).
    """
    x, y = (np.asarray(each, dtype=np.float64) for each in (initial, final))
    codes = prompt_codes(range(x.size) if groups is None else groups, x.size)
    _check(x, y, codes, level)
    centre = float(x.mean())
    sums = _sums(x - centre, y, codes)
    offset, slope = (float(each) for each in _fit(sums.sum(axis=0, keepdims=True))[0])
    count = len(sums)
    left = _fit(sums.sum(axis=0) - sums) - (offset, slope)
    covariance = (count - 1) / count * left.T @ left
    reach = _reach(count, level)
    low, high = _fieller(offset - centre, slope - 1.0, centre, covariance, reach)
    intercept, strength, half = offset - slope * centre, 1.0 - slope, reach * float(np.sqrt(covariance[1, 1]))
    return Attractor(
        Interval(intercept / strength if strength else np.nan, low, high, level, len(x)),
        Interval(strength, strength - half, strength + half, level, len(x)),
        intercept, slope, _r_squared(x, y, intercept, slope), _cautions(count, len(x), slope, half),
    )  # fmt: skip


def _check(x: Floats, y: Floats, codes: NDArray[np.int64], level: float) -> None:
    if x.ndim != 1 or x.shape != y.shape:
        raise RequestError(f"every run has one initial and one final number; got shapes {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or not 0.0 < level < 1.0:
        raise RequestError("the properties must be finite, and the level between 0 and 1")
    if codes.max(initial=-1) < 3:
        raise RequestError(
            f"a regression over runs needs at least 4 of them (or groups), got {codes.max(initial=-1) + 1}"
        )
    if any(not np.ptp(x[codes != code]) for code in range(codes.max() + 1)):
        raise RequestError("the initial property hardly differs between runs: nothing can be regressed on it")


def _sums(x: Floats, y: Floats, codes: NDArray[np.int64]) -> Floats:
    """For each group n, Σx, Σy, Σxx and Σxy: (groups, 5)."""
    return np.stack([np.bincount(codes, weights=each) for each in (np.ones_like(x), x, y, x * x, x * y)], axis=1)


def _fit(sums: Floats) -> Floats:
    """Intercept and slope from each row of ``sums`` (k, 5): (k, 2)."""
    n, x, y, xx, xy = sums.T
    slope = (n * xy - x * y) / (n * xx - x * x)
    return np.stack([(y - slope * x) / n, slope], axis=1)


def _reach(groups: int, level: float) -> float:
    """How many standard errors an interval reaches to each side: Student's t, two parameters being estimated."""
    from scipy.special import stdtrit

    return float(stdtrit(groups - 2, (1.0 + level) / 2.0))


def _fieller(offset: float, tilt: float, centre: float, covariance: Floats, reach: float) -> tuple[float, float]:
    """All c, counted from ``centre``, at which offset + tilt · c may be 0; the whole line when they have no end."""
    square = tilt**2 - reach**2 * covariance[1, 1]
    half = offset * tilt - reach**2 * covariance[0, 1]
    constant = offset**2 - reach**2 * covariance[0, 0]
    if square <= 0.0:
        return -np.inf, np.inf
    root = np.sqrt(max(half**2 - square * constant, 0.0))
    return centre + float((-half - root) / square), centre + float((-half + root) / square)


def _r_squared(x: Floats, y: Floats, intercept: float, slope: float) -> float:
    spread = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(((y - intercept - slope * x) ** 2).sum()) / spread if spread else float("nan")


def _cautions(groups: int, runs: int, slope: float, half: float) -> tuple[str, ...]:
    cautions = []
    if groups < FEW_GROUPS:
        cautions.append(f"only {groups} {'runs' if groups == runs else 'prompts'}")
    if slope + half >= 1.0:
        cautions.append("the slope cannot be told from 1: there may be no attractor, and its position means nothing")
    elif slope - half <= -1.0:
        cautions.append("the slope may be −1 or less: runs overshoot instead of settling")
    return tuple(cautions)
