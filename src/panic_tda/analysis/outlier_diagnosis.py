"""Are outliers really astray, or only made so by the method? Their density, and how their share hangs on a parameter.

Outliers among planted noise lie farther from their neighbours than members do. Outliers of a cluster size chosen too
large lie as close as members, in groups of their own, and fewer of them are left when smaller clusters are allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.clustering import OUTLIER, Clustering, Sizes, cluster
from panic_tda.analysis.distances import finite_points, merge_repeats
from panic_tda.analysis.unit_vectors import RESOLUTION, unit_vectors
from panic_tda.errors import RequestError

Verdict = Literal["sparse", "artefact", "unclear", "no outliers", "no members"]

CLEARLY_REMOTE, HARDLY_REMOTE = 1.25, 1.1
"""Remoteness from which on outliers are sparse, and below which they are no less dense than members.

A rank statistic would not tell: HDBSCAN leaves out the loosest points of any data, so that even in a cloud without
clusters nine in ten outliers are farther from their neighbours than a member is, by a few per cent.
"""

STEADY = 0.2
"""The share of outliers is steady when smaller clusters lower it by no more than this."""

_QUERIES, _ROWS_AT_ONCE = 4_000, 512


@dataclass(frozen=True, slots=True, eq=False)
class OutlierDiagnosis:
    """What speaks for outliers being real.

    ``outlier_share`` in [0, 1]. ``remoteness``: how many times as far from its k-th neighbour the median outlier is as
    the median member (1: no difference), NaN without either. ``sweep``: for each ``min_cluster_size`` tried the share
    of outliers. ``longer``: probability that an outlier is longer than a member (0.5: no difference), None where
    lengths were not given. ``verdict``: ``sparse`` when outliers are clearly remote and smaller clusters would not take
    them in, ``artefact`` when they are hardly remote or smaller clusters would.
    """

    outlier_share: float
    remoteness: float
    sweep: dict[int, float]
    longer: float | None
    verdict: Verdict
    cautions: tuple[str, ...]


class _Again(NamedTuple):
    """A clustering, and what it takes to make it again with another size."""

    rows: NDArray[np.float32]
    made: Clustering
    multiplicity: ArrayLike | None
    rng: np.random.Generator

    def outlier_share(self, size: int) -> float:
        sizes = Sizes(size, self.made.sizes.min_samples)
        algorithm, multiplicity = self.made.algorithm, self.multiplicity
        return cluster(
            self.rows, self.rng, algorithm=algorithm, sizes=sizes, multiplicity=multiplicity
        ).best.outlier_share


def outlier_diagnosis(
    points: ArrayLike,
    clustering: Clustering,
    rng: np.random.Generator,
    *,
    multiplicity: ArrayLike | None = None,
    sizes: Sequence[int] | None = None,
    lengths: ArrayLike | None = None,
) -> OutlierDiagnosis:
    """Looks into the outliers of the best layer of ``clustering``, made from ``points`` (n, d) and ``multiplicity``.

    Distinct points are judged, each once; the k of their neighbours is the clustering's ``min_samples``. At most
    4,000 of them, drawn from ``rng``, are compared with all others. ``sizes``: values of ``min_cluster_size`` to try
    beside the clustering's own, a quarter, half and twice of it unless given; each costs a clustering. ``lengths``
    (n,): of the captions, say. Raises ``RequestError`` when the arrays do not fit each other, and as ``cluster`` does.
    """
    rows = finite_points(points, np.float32)
    measured = None if lengths is None else np.asarray(lengths, dtype=np.float64)
    if len(clustering.best.labels) != len(rows) or (measured is not None and measured.shape != (len(rows),)):
        raise RequestError(f"{len(rows)} points, {len(clustering.best.labels)} labels and the lengths do not fit")
    distinct = merge_repeats(rows)
    first = np.unique(distinct.index, return_index=True)[1]
    outlier = clustering.best.labels[first] == OUTLIER
    remoteness = _remoteness(unit_vectors(distinct.points), outlier, clustering.sizes.min_samples, rng)
    again = _Again(rows, clustering, multiplicity, rng)
    sweep = _sweep(again, sizes)
    longer = None if measured is None else exceeds(measured[first][outlier], measured[first][~outlier])
    verdict = _verdict(remoteness, sweep, clustering.sizes.min_cluster_size, outlier)
    cautions = _cautions(sweep, outlier, verdict)
    return OutlierDiagnosis(clustering.best.outlier_share, remoteness, sweep, longer, verdict, cautions)


def exceeds(these: NDArray[np.float64], those: NDArray[np.float64]) -> float:
    """Probability that one of ``these`` (m,) is larger than one of ``those`` (n,), ties half; NaN when one is empty.

    The Mann–Whitney statistic divided by m·n.
    """
    if not len(these) or not len(those):
        return float("nan")
    ordered = np.sort(those)
    below, up_to = np.searchsorted(ordered, these, "left"), np.searchsorted(ordered, these, "right")
    return float((below + up_to).mean() / (2 * len(those)))


def _sweep(again: _Again, sizes: Sequence[int] | None) -> dict[int, float]:
    """The share of outliers at each size, from small to large."""
    own = again.made.sizes.min_cluster_size
    others = {max(2, own // 4), max(2, own // 2), 2 * own} if sizes is None else set(sizes)
    shares = {size: again.outlier_share(size) for size in others - {own}}
    return dict(sorted((shares | {own: again.made.best.outlier_share}).items()))


def _remoteness(
    units: NDArray[np.float64], outlier: NDArray[np.bool_], neighbours: int, rng: np.random.Generator
) -> float:
    asked = np.sort(rng.permutation(len(units))[:_QUERIES])
    if outlier[asked].all() or not outlier[asked].any():
        return float("nan")
    kth = min(neighbours, len(units) - 1)
    pieces = (asked[start : start + _ROWS_AT_ONCE] for start in range(0, len(asked), _ROWS_AT_ONCE))
    reach = np.concatenate([_reach(units, piece, kth) for piece in pieces])
    return float(np.median(reach[outlier[asked]]) / np.median(reach[~outlier[asked]]))


def _reach(units: NDArray[np.float64], asked: NDArray[np.int64], kth: int) -> NDArray[np.float64]:
    """Chord distance of some rows to their ``kth`` neighbour, themselves left out."""
    similar = units[asked] @ units.T
    similar[np.arange(len(asked)), asked] = -np.inf
    nearest = -np.partition(-similar, kth - 1, axis=1)[:, kth - 1]
    reach: NDArray[np.float64] = np.sqrt(np.maximum(2.0 - 2.0 * nearest, RESOLUTION**2))
    return reach


def _verdict(remoteness: float, sweep: dict[int, float], own: int, outlier: NDArray[np.bool_]) -> Verdict:
    if outlier.all() or not outlier.any():
        return "no members" if outlier.any() else "no outliers"
    least = min(share for size, share in sweep.items() if size <= own)
    steady = sweep[own] - least <= STEADY
    if remoteness >= CLEARLY_REMOTE and steady:
        return "sparse"
    return "artefact" if remoteness < HARDLY_REMOTE or not steady else "unclear"


def _cautions(sweep: dict[int, float], outlier: NDArray[np.bool_], verdict: Verdict) -> tuple[str, ...]:
    cautions = []
    if verdict == "artefact":
        shares = ", ".join(f"{100 * share:.0f} % at {size}" for size, share in sweep.items())
        cautions.append(f"outliers are an artefact at least in part: by min_cluster_size they are {shares}")
    fewer = int(min(outlier.sum(), (~outlier).sum()))
    if 0 < fewer < 10:
        cautions.append(f"only {fewer} {'outlier' if outlier.sum() == fewer else 'member'}{'s' if fewer > 1 else ''}")
    return tuple(cautions)
