"""Centred kernel alignment: have two clouds of vectors of the same outputs the same geometry?

With k(x, x′) = ⟨x, x′⟩ of the first vectors, l of the second, and 1 … 4 four independent runs,
HSIC(k, l) = E k₁₂ l₁₂ + E k₁₂ · E l₃₄ − 2 E k₁₂ l₁₃, and CKA = HSIC(k, l) / √(HSIC(k, k) · HSIC(l, l)). It is 1 for
clouds that a rotation, a shift and a factor turn into one another, and 0 for independent ones. The plain estimate is
far above 0 for independent clouds of more dimensions than points; this one is not: each expectation is a mean over
different runs only. Where every output is a run of its own it is that of Song et al.

Kornblith, Norouzi, Lee & Hinton, "Similarity of neural network representations revisited", ICML 2019; Song, Smola,
Gretton, Bedo & Borgwardt, "Feature selection via dependence maximization", J. Mach. Learn. Res. 13 (2012).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval, clipped
from panic_tda.analysis.distances import paired_points
from panic_tda.analysis.grouped_bootstrap import group_codes, student_interval
from panic_tda.analysis.pair_bootstrap import run_weights

Floats = NDArray[np.float64]

FEWEST_RUNS = 4
"""Of independent runs: a mean over fours of them needs as many."""

_ROUNDING = 1e-12


class _Kernel(NamedTuple):
    """``values`` (n, n); means over the outputs of a run: of each row ``rows`` (n, R), of both ``blocks`` (R, R).

    Nothing of a run with itself is kept: those entries are 0.
    """

    values: Floats
    rows: Floats
    blocks: Floats


def linear_cka(
    one: ArrayLike,
    other: ArrayLike,
    rng: np.random.Generator,
    *,
    runs: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
) -> Interval:
    """Unbiased linear CKA of ``one`` (n, d) and ``other`` (n, e), in [−1, 1], with its bootstrap interval over runs.

    ``runs`` (n labels) names the run of each output, all of which count alike; without it each output is a run. NaN
    for fewer than 4 runs, and where one cloud has no extent. Time about n² · (d + e) + n · runs · ``resamples``.
    Raises ``RequestError`` for arrays of different lengths or with values that are not finite.
    """
    rows = paired_points(one, other)
    codes = group_codes(range(len(rows[0])) if runs is None else runs, len(rows[0]))
    count = int(codes.max()) + 1
    member = np.zeros((count, len(codes)))
    member[codes, np.arange(len(codes))] = 1.0 / np.bincount(codes)[codes]
    first, second = (_kernel(each, codes, member) for each in rows)
    weights = run_weights(np.zeros(count, np.int64), rng, resamples)
    alike = _hsic(first, second, member, weights)
    own = _hsic(first, first, member, weights) * _hsic(second, second, member, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(own > 0.0, alike / np.sqrt(np.maximum(own, 0.0)), np.nan)
    return clipped(student_interval(found, count, level), -1.0, 1.0)


def _kernel(points: Floats, codes: NDArray[np.int64], member: Floats) -> _Kernel:
    centred = points - points.mean(axis=0)
    largest = float(np.abs(centred).max(initial=0.0))
    # Scaled, so that no product overflows; what is rounding beside the points is no extent.
    scaled = centred / largest if largest > _ROUNDING * float(np.abs(points).max()) else np.zeros_like(centred)
    values = scaled @ scaled.T
    rows = values @ member.T
    rows[np.arange(len(codes)), codes] = 0.0
    return _Kernel(values, rows, member @ rows)


def _hsic(first: _Kernel, second: _Kernel, member: Floats, weights: Floats) -> Floats:
    """The estimate for each row of ``weights`` (B, R), how often each run counts: (B,); NaN for fewer than 4 runs."""
    squared = weights**2
    one, two, three, four = ((weights**power).sum(axis=1) for power in (1, 2, 3, 4))
    both = member @ (first.values * second.values) @ member.T
    np.fill_diagonal(both, 0.0)
    pairs = _form(weights, both)
    of_each = (weights * (weights @ first.blocks) * (weights @ second.blocks) * weights).sum(axis=1)
    fours = _form(weights, first.blocks) * _form(weights, second.blocks)
    fours += 2.0 * _form(squared, first.blocks * second.blocks) - 4.0 * of_each
    beside = (first.rows @ weights.T) * (second.rows @ weights.T) - (first.rows * second.rows) @ squared.T
    threes = (weights * (member @ beside).T).sum(axis=1)
    distinct = one**4 - 6 * one**2 * two + 3 * two**2 + 8 * one * three - 6 * four
    enough = (weights > 0.0).sum(axis=1) >= FEWEST_RUNS
    with np.errstate(divide="ignore", invalid="ignore"):
        found = pairs / (one**2 - two) + fours / distinct - 2.0 * threes / (one**3 - 3 * one * two + 2 * three)
    return np.where(enough, found, np.nan)


def _form(weights: Floats, matrix: Floats) -> Floats:
    """wᵀ M w for each row w."""
    values: Floats = ((weights @ matrix) * weights).sum(axis=1)
    return values
