"""Are runs of the same group closer to each other than to the runs of other groups? A permutation test on distances.

The statistic is the mean distance between groups less the mean distance within groups. If the groups mean nothing,
exchanging their labels changes nothing; the p-value is the share of random exchanges that separate the groups at
least as well. Only distances are needed, so it works for persistence diagrams as for vectors. Groups with the same
centre but different spread are told apart too: their distances within differ.

Robinson & Turner, "Hypothesis testing for topological data analysis", J. Appl. Comput. Topol. 1 (2017); Phipson &
Smyth, "Permutation p-values should never be zero", Stat. Appl. Genet. Mol. Biol. 9 (2010).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval, bootstrap_interval
from panic_tda.errors import RequestError

FEW_RUNS = 4
"""Of a group: its spread is hardly known from fewer."""

_TIE = 1e-12


class GroupTest(NamedTuple):
    """``within`` and ``between``: mean distance of two runs of the same group, and of two groups.

    ``effect`` is 1 − within / between over runs: 0 when groups mean nothing, 1 when all runs of a group coincide.
    ``p_value`` rests on ``permutations`` exchanges of labels, and cannot be below ``least_p``.
    """

    within: float
    between: float
    effect: Interval
    p_value: float
    least_p: float
    permutations: int
    groups: int
    cautions: tuple[str, ...]


def group_test(
    distances: ArrayLike,
    groups: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    blocks: Sequence[Hashable] | None = None,
    permutations: int = 999,
    resamples: int = 2000,
) -> GroupTest:
    """Tests whether ``distances`` (n, n) are smaller within ``groups`` (n labels) than between them.

    With ``blocks`` (n labels) labels change places only within a block, so what differs from block to block does not
    count as a difference between groups. p = (b + 1) / (``permutations`` + 1), b exchanges at least as good. The
    interval of the effect is a bootstrap over runs; pairs of a run with itself are left out. Time about
    n² · (groups · ``permutations`` + 2 · ``resamples``).

    Raises ``RequestError`` for distances that are not a finite square symmetric matrix with diagonal 0, labels of
    another number, fewer than 2 groups, no group of at least 2, or ``permutations`` < 1.
    """
    matrix = _checked(distances, len(groups))
    codes, strata = _codes(groups), _codes(blocks if blocks is not None else [0] * len(groups))
    sizes = np.bincount(codes)
    if len(strata) != len(codes) or permutations < 1:
        raise RequestError(f"each of {len(codes)} runs needs one block, and at least 1 permutation must be made")
    if len(sizes) < 2 or sizes.max() < 2:
        raise RequestError(f"a group test needs 2 groups, one of them with 2 runs; the sizes are {sizes.tolist()}")
    alike = codes[:, None] == codes[None, :]
    pairs = _Pairs(np.where(alike, matrix, 0.0), np.where(alike, 0.0, matrix), codes)
    within, between = pairs.means(np.ones(len(codes)))
    least_p = max(1.0 / (permutations + 1), _ways_alike(codes, strata) / _ways(codes, strata))
    p_value = _p_value(matrix, codes, strata, rng, permutations)
    effect = bootstrap_interval(np.arange(len(codes)), pairs.effect, rng, resamples=resamples)
    cautions = _cautions(sizes, least_p, between)
    return GroupTest(within, between, effect, p_value, least_p, permutations, len(sizes), cautions)


def _checked(distances: ArrayLike, count: int) -> NDArray[np.float64]:
    matrix = np.asarray(distances, dtype=np.float64)
    if matrix.shape != (count, count):
        raise RequestError(f"{count} labels need distances of shape {(count, count)}, got {matrix.shape}")
    if not np.isfinite(matrix).all() or (matrix < 0.0).any() or matrix.trace():
        raise RequestError("distances must be finite, at least 0, and 0 on the diagonal")
    if not np.allclose(matrix, matrix.T, rtol=1e-9, atol=0.0):
        raise RequestError("distances must be symmetric")
    return matrix


def _codes(labels: Sequence[Hashable]) -> NDArray[np.int64]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)


class _Pairs(NamedTuple):
    """Distances within groups, 0 elsewhere; those between groups, 0 elsewhere; and the group of each run."""

    within: NDArray[np.float64]
    between: NDArray[np.float64]
    codes: NDArray[np.int64]

    def means(self, weights: NDArray[np.float64]) -> tuple[float, float]:
        """Within and between groups, over pairs of different runs, run i counted ``weights[i]`` times; NaN of none."""
        of_groups = np.bincount(self.codes, weights)
        alike, squares = float((of_groups**2).sum()), float((weights**2).sum())
        pairs, others = alike - squares, float(weights.sum() ** 2) - alike
        if not (pairs and others):
            return math.nan, math.nan
        return float(weights @ self.within @ weights) / pairs, float(weights @ self.between @ weights) / others

    def effect(self, drawn: NDArray[np.float64]) -> float:
        """1 − within / between of the runs ``drawn``."""
        within, between = self.means(np.bincount(drawn.astype(np.int64), minlength=len(self.codes)).astype(np.float64))
        return 1.0 - within / between if between != 0.0 else 0.0


def _p_value(
    matrix: NDArray[np.float64],
    codes: NDArray[np.int64],
    strata: NDArray[np.int64],
    rng: np.random.Generator,
    permutations: int,
) -> float:
    """All exchanges have the same numbers of pairs, so the sum of distances within groups orders them."""

    def within(labels: NDArray[np.int64]) -> float:
        members = (labels[:, None] == np.arange(codes.max() + 1)).astype(np.float64)
        return float(np.einsum("ig,ig->", members, matrix @ members))

    by_block = np.argsort(strata, kind="stable")
    limit = within(codes) + _TIE * float(matrix.sum())
    reached = 0
    for _ in range(permutations):
        shuffled = np.lexsort((rng.random(len(codes)), strata))
        labels = np.empty_like(codes)
        labels[by_block] = codes[shuffled]
        reached += within(labels) <= limit
    return (reached + 1) / (permutations + 1)


def _ways(codes: NDArray[np.int64], strata: NDArray[np.int64]) -> int:
    """In how many ways the labels can be given out, in each block as many of each as there are."""
    counts = _counts(codes, strata)
    return math.prod(
        math.factorial(sum(block)) // math.prod(math.factorial(of_group) for of_group in block) for block in counts
    )


def _ways_alike(codes: NDArray[np.int64], strata: NDArray[np.int64]) -> int:
    """How many of them only rename groups that have as many runs in every block."""
    alike = Counter(zip(*_counts(codes, strata), strict=True))
    return math.prod(math.factorial(groups) for groups in alike.values())


def _counts(codes: NDArray[np.int64], strata: NDArray[np.int64]) -> list[list[int]]:
    return [np.bincount(codes[strata == block], minlength=codes.max() + 1).tolist() for block in np.unique(strata)]


def _cautions(sizes: NDArray[np.int64], least_p: float, between: float) -> tuple[str, ...]:
    single = int((sizes == 1).sum())
    said = {
        f"{single} of {len(sizes)} groups have a single run and count only between groups": single > 0,
        f"the smallest group has only {sizes.min()} runs": 1 < sizes.min() < FEW_RUNS,
        f"too few runs: no grouping can have a p-value below {least_p:.2g}": least_p > 0.05,
        "all runs coincide": between == 0.0,
    }
    return tuple(text for text, applies in said.items() if applies)
