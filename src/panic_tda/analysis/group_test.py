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
    """``within`` and ``between``: mean distance of two runs of the same group, and of two groups; with blocks, of pairs
    from the same two blocks, which then count alike in both means.

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

    With ``blocks`` (n labels) labels change places only within a block, and pairs within groups are compared with
    pairs between groups from the same two blocks, so what differs from block to block does not count as a difference
    between groups. p = (b + 1) / (``permutations`` + 1), b exchanges at least as good. The interval of the effect is a
    bootstrap over runs; pairs of a run with itself are left out. Time about n² · (groups · ``permutations`` +
    5 · ``resamples``).

    Raises ``RequestError`` for distances that are not a finite square symmetric matrix with diagonal 0, labels of
    another number, fewer than 2 groups, no group of at least 2, blocks that leave nothing to compare, or
    ``permutations`` < 1.
    """
    matrix = _checked(distances, len(groups))
    codes, strata = _codes(groups), _codes(blocks if blocks is not None else [0] * len(groups))
    sizes = np.bincount(codes)
    if len(strata) != len(codes) or permutations < 1:
        raise RequestError(f"each of {len(codes)} runs needs one block, and at least 1 permutation must be made")
    if len(sizes) < 2 or sizes.max() < 2:
        raise RequestError(f"a group test needs 2 groups, one of them with 2 runs; the sizes are {sizes.tolist()}")
    pairs = _comparable(matrix, codes, strata)
    within, between = pairs.means(np.ones(len(codes)))
    least_p = max(1.0 / (permutations + 1), _ways_alike(codes, strata) / _ways(codes, strata))
    p_value = _p_value(pairs.gain * matrix, codes, strata, rng, permutations)
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
    """Weights of the pairs ``within`` groups and of those ``between`` (n, n), and distances times these weights.

    ``near`` and ``far`` are such products of the distances less their mean over all pairs of the same two blocks,
    ``all_far`` of the distances between as they stand. Where the groups mean nothing both means are then 0, whichever
    runs are drawn. ``gain``: how much a distance within a group lowers the statistic; exchanges do not change it.
    """

    within: NDArray[np.float64]
    between: NDArray[np.float64]
    near: NDArray[np.float64]
    far: NDArray[np.float64]
    all_far: NDArray[np.float64]
    gain: NDArray[np.float64]

    def means(self, weights: NDArray[np.float64]) -> tuple[float, float]:
        """Within and between groups, over pairs of different runs, run i counted ``weights[i]`` times; NaN of none."""
        pairs, others = float(weights @ self.within @ weights), float(weights @ self.between @ weights)
        if not (pairs and others):
            return math.nan, math.nan
        closer = float(weights @ self.far @ weights) / others - float(weights @ self.near @ weights) / pairs
        between = float(weights @ self.all_far @ weights) / others
        return between - closer, between

    def effect(self, drawn: NDArray[np.float64]) -> float:
        """1 − within / between of the runs ``drawn``."""
        counts = np.bincount(drawn.astype(np.int64), minlength=len(self.gain)).astype(np.float64)
        within, between = self.means(counts)
        return 1.0 - within / between if between != 0.0 else 0.0


def _comparable(matrix: NDArray[np.float64], codes: NDArray[np.int64], strata: NDArray[np.int64]) -> _Pairs:
    """Of each two blocks, the pairs between groups are weighted to count as much as those within."""
    members = (strata[:, None] == np.arange(strata.max() + 1)).astype(np.float64)
    alike = (codes[:, None] == codes[None, :]).astype(np.float64)
    different = 1.0 - alike
    np.fill_diagonal(alike, 0.0)
    same, other, total = (members.T @ kind @ members for kind in (alike, different, matrix))
    both = (same > 0.0) & (other > 0.0)
    if not both.any():
        raise RequestError("no two blocks have pairs both within and between groups, so nothing can be compared")
    share, mean = (np.divide(each, count, out=np.zeros_like(total), where=both)[strata][:, strata]
                   for each, count in ((same, other), (total, same + other)))  # fmt: skip
    within, between = alike * both[strata][:, strata], different * share
    residual = matrix - mean
    gain = (1.0 + share) * both[strata][:, strata]
    return _Pairs(within, between, within * residual, between * residual, between * matrix, gain)


def _p_value(
    gains: NDArray[np.float64],
    codes: NDArray[np.int64],
    strata: NDArray[np.int64],
    rng: np.random.Generator,
    permutations: int,
) -> float:
    """All exchanges have the same numbers of pairs of any two blocks, so the sum within groups orders them."""

    def within(labels: NDArray[np.int64]) -> float:
        members = (labels[:, None] == np.arange(codes.max() + 1)).astype(np.float64)
        return float(np.einsum("ig,ig->", members, gains @ members))

    by_block = np.argsort(strata, kind="stable")
    limit = within(codes) + _TIE * float(gains.sum())
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
