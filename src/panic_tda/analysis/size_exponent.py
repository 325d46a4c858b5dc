"""Does it matter how small a change was? How the final separation of twins depends on the initial one.

The exponent β is the least-squares slope of log final on log initial separation over pairs. With β = 1 the final
separation is in proportion to the initial one, so growth does not depend on the size of the perturbation, as in a
linear system; with β = 0 the size is forgotten, as where separations have saturated.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.grouped_bootstrap import group_codes, student_interval
from panic_tda.analysis.pair_bootstrap import run_weights
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEW_RUNS = 5
NARROW = 2.0
"""Initial separations whose largest is less than so many times their smallest tell little."""


class SizeExponent(NamedTuple):
    """``exponent`` with its interval over runs (``n`` runs), from ``pairs`` that lie apart at both ends.

    ``spread``: the largest initial separation divided by the smallest.
    """

    exponent: Interval
    pairs: int
    spread: float
    cautions: tuple[str, ...]


def size_exponent(
    initial: ArrayLike,
    final: ArrayLike,
    runs: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    resamples: int = 1000,
) -> SizeExponent:
    """The exponent of ``final`` separations (P,) against ``initial`` ones (P,); ``runs`` names the run of each pair.

    Pairs at distance 0 or NaN at either end are left out. Raises ``RequestError`` when the separations are not (P,),
    negative or infinite, or there is not one run for each, ``resamples`` < 1, or ``level`` is outside (0, 1).
    """
    start, end = _checked(initial, final, runs, level)
    apart = (start > 0.0) & (end > 0.0)
    lost = int((~apart).sum())
    if not apart.any():
        nothing = Interval(np.nan, np.nan, np.nan, level, 0)
        return SizeExponent(nothing, 0, np.nan, ("no pair lies apart at both ends",))
    x, y = np.log(start[apart]), np.log(end[apart])
    codes = group_codes([run for run, kept in zip(runs, apart, strict=True) if kept], len(x))
    count = int(codes.max()) + 1
    estimates = _slopes(x - x.mean(), y - y.mean(), codes, run_weights(np.zeros(count, np.int64), rng, resamples))
    exponent = student_interval(estimates, count, level)
    spread = float(np.exp(x.max() - x.min()))
    return SizeExponent(exponent, len(x), spread, _cautions(exponent, spread, lost))


def _checked(initial: ArrayLike, final: ArrayLike, runs: Sequence[Hashable], level: float) -> tuple[Floats, Floats]:
    start, end = np.asarray(initial, dtype=np.float64), np.asarray(final, dtype=np.float64)
    if start.ndim != 1 or start.shape != end.shape or len(runs) != len(start):
        raise RequestError(
            f"every pair has an initial and a final separation and a run; got {start.shape}, {end.shape}, {len(runs)}"
        )
    both = np.concatenate([start, end])
    if np.isinf(both).any() or (both < 0.0).any():
        raise RequestError("a separation is negative or infinite")
    if not 0.0 < level < 1.0:
        raise RequestError(f"level must lie between 0 and 1, got {level}")
    return start, end


def _slopes(x: Floats, y: Floats, codes: NDArray[np.int64], weights: Floats) -> Floats:
    """The slope of ``y`` on ``x`` (P,) for each row of ``weights`` (B, n) over runs; NaN where all x are equal."""
    moments = np.zeros((weights.shape[1], 5))
    np.add.at(moments, codes, np.column_stack([np.ones_like(x), x, y, x * x, x * y]))
    size, sum_x, sum_y, sum_xx, sum_xy = (weights @ moments).T
    size = np.maximum(size, 1.0)
    variance = sum_xx - sum_x**2 / size
    covariance = sum_xy - sum_x * sum_y / size
    enough = variance > 1e-12 * np.maximum(sum_xx, np.finfo(float).tiny)
    slopes: Floats = np.divide(covariance, variance, out=np.full_like(variance, np.nan), where=enough)
    return slopes


def _cautions(exponent: Interval, spread: float, lost: int) -> tuple[str, ...]:
    said = {
        f"only {exponent.n} {'run has' if exponent.n == 1 else 'runs have'} twins": exponent.n < FEW_RUNS,
        f"{lost} {'pair is' if lost == 1 else 'pairs are'} left out: not apart at both ends": lost > 0,
        f"the initial separations differ by a factor of {spread:.1f} only": spread < NARROW,
    }
    return tuple(caution for caution, holds in said.items() if holds)
