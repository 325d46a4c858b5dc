"""Do two measurements of the same outputs rank their distances alike?

Spearman's correlation over all pairs of outputs between the distances in one cloud of vectors and those in the other:
1 when what is nearer in one is nearer in the other. Pairs share outputs, and outputs share runs, so the p-value is
Mantel's with whole runs dealt anew, and the interval draws runs, not pairs. ``chance`` is the mean correlation when
runs are dealt anew: what all runs do alike, moving in small steps say, agrees in any two measurements.

Mantel, "The detection of disease clustering and a generalized regression approach", Cancer Res. 27 (1967);
Kriegeskorte, Mur & Bandettini, "Representational similarity analysis", Front. Syst. Neurosci. 2 (2008).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval, clipped
from panic_tda.analysis.distances import euclidean_distances, paired_points
from panic_tda.analysis.grouped_bootstrap import group_codes, student_interval
from panic_tda.analysis.pair_bootstrap import run_weights
from panic_tda.analysis.run_permutations import run_orders, ways_to_order
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEW_ORDERS = 40
"""Ways to deal the runs below which the p-value can not be small."""

_TIE = 1e-12
_DIGITS = 9


class DistanceAgreement(NamedTuple):
    """The ``correlation`` with its interval over runs, its mean by ``chance``, and the permutation ``p_value``."""

    correlation: Interval
    chance: float
    p_value: float
    permutations: int
    cautions: tuple[str, ...]


def distance_agreement(
    one: ArrayLike,
    other: ArrayLike,
    rng: np.random.Generator,
    *,
    runs: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    permutations: int = 499,
) -> DistanceAgreement:
    """Compares the distances in ``one`` (n, d) with those in ``other`` (n, e).

    ``runs`` (n labels) names the run of each output; without it each output is a run. Runs are dealt among those of
    equally many outputs; p = (b + 1) / (``permutations`` + 1), b of them at least as alike. NaN where all distances of
    a cloud are equal. Time about n² · (d + e + ``permutations``). Raises ``RequestError`` as ``linear_cka`` does, for
    fewer than 3 outputs and for ``permutations`` < 1.
    """
    points = paired_points(one, other)
    if len(points[0]) < 3 or permutations < 1:
        raise RequestError(f"{len(points[0])} outputs and {permutations} permutations: at least 3 and 1 are needed")
    labels = list(range(len(points[0])) if runs is None else runs)
    first, second = (_ranks(euclidean_distances(each)) for each in points)
    codes = group_codes(labels, len(labels))
    count = int(codes.max()) + 1
    weights = run_weights(np.zeros(count, np.int64), rng, resamples)
    found = clipped(student_interval(_weighted(first, second, codes, weights), count, level), -1.0, 1.0)
    size = float(np.sqrt((first * first).sum() * (second * second).sum()))
    dealt = np.array([_dealt(first, second, order) for order in run_orders(labels, permutations, rng)])
    observed = float((first * second).sum())
    p_value = (1 + int((dealt >= observed - _TIE * size).sum())) / (1 + permutations) if size > 0.0 else np.nan
    chance = float(dealt.mean() / size) if size > 0.0 else np.nan
    return DistanceAgreement(found, chance, p_value, permutations, tuple(_cautions(ways_to_order(labels))))


def _ranks(distances: Floats) -> Floats:
    """The rank of each distance among those of different outputs, 0 on average; (n, n) with 0 on the diagonal.

    Distances that rounding alone tells apart share theirs.
    """
    from scipy.stats import rankdata

    upper = np.triu_indices(len(distances), 1)
    ranks = np.zeros_like(distances)
    ranks[upper] = rankdata(np.round(distances[upper] / max(distances.max(), 1e-300), _DIGITS))
    ranks[upper] -= ranks[upper].mean()
    return ranks + ranks.T


def _dealt(first: Floats, second: Floats, order: NDArray[np.int64]) -> float:
    return float((first * second[np.ix_(order, order)]).sum())


def _weighted(first: Floats, second: Floats, codes: NDArray[np.int64], weights: Floats) -> Floats:
    """The correlation of the ranks for each row of ``weights`` (B, R); a pair of a run with its copy is left out."""
    member = np.zeros((weights.shape[1], len(codes)))
    member[codes, np.arange(len(codes))] = 1.0
    apart = 1.0 - np.eye(len(codes))
    sums = [_total(member @ each @ member.T, weights) for each in (apart, first, second)]
    squares = [_total(member @ each @ member.T, weights) for each in (first**2, second**2, first * second)]
    pairs, mean, other_mean = sums[0], sums[1], sums[2]
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (squares[0] - mean**2 / pairs) * (squares[1] - other_mean**2 / pairs)
        found = (squares[2] - mean * other_mean / pairs) / np.sqrt(np.maximum(spread, 0.0))
    return np.where(spread > 0.0, found, np.nan)


def _total(blocks: Floats, weights: Floats) -> Floats:
    """The sum over pairs of outputs, those of two runs as often as both are drawn, those of one as often as it is."""
    own = np.diagonal(blocks).copy()
    total: Floats = ((weights @ (blocks - np.diag(own))) * weights).sum(axis=1) + weights @ own
    return total


def _cautions(ways: float) -> Iterator[str]:
    if ways < FEW_ORDERS:
        yield f"only {ways:.0f} ways to deal the runs, so p is at least {1.0 / ways:.2g}"
