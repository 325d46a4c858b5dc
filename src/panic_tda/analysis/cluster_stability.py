"""Would other data have given the same clusters? Clusterings of subsamples against that of all.

Hubert & Arabie, "Comparing partitions", J. Classif. 2 (1985); Hennig, "Cluster-wise assessment of cluster stability",
Comput. Stat. Data Anal. 52 (2007).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.clustering import Clustering, Layer, cluster
from panic_tda.analysis.distances import finite_points, merge_repeats
from panic_tda.errors import RequestError

FAIRLY_STABLE = 0.75
"""Mean adjusted Rand index below which a clustering is called unstable."""


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    """How like the clustering of all points those of ``subsamples`` are.

    ``adjusted_rand`` and ``outlier_share`` (subsamples,) float64 hold one value for each; ``mean`` is the mean adjusted
    Rand index, and between ``low`` and ``high`` lie the middle 95 % of its values. That is the spread between
    subsamples, which share most of their points: no interval for what new runs would give.
    """

    mean: float
    low: float
    high: float
    adjusted_rand: NDArray[np.float64]
    outlier_share: NDArray[np.float64]
    cautions: tuple[str, ...]


def adjusted_rand(first: ArrayLike, second: ArrayLike) -> float:
    """Agreement of two divisions of the same points: 1 for equal ones, about 0 for unrelated ones.

    ``first`` and ``second`` (n,) integers, the name of each point's class; outliers, of one negative name, are a class
    like any other. With n_ij points in class i of the first and j of the second, a = Σ_ij C(n_ij, 2),
    b = Σ_i C(n_i, 2), c = Σ_j C(n_j, 2), e = b·c / C(n, 2), it is (a − e) / ((b + c) / 2 − e). That is 0 / 0 for two
    divisions into a single class, or two into single points: they are equal, and it is 1. Raises ``RequestError`` for
    fewer than 2 points or arrays of different lengths.
    """
    rows, columns = np.asarray(first), np.asarray(second)
    if rows.ndim != 1 or rows.shape != columns.shape or len(rows) < 2:
        raise RequestError(f"two divisions of the same points, at least 2, are compared: {rows.shape}, {columns.shape}")
    cells = np.unique(np.column_stack((rows, columns)), axis=0, return_counts=True)[1]
    together, of_first, of_second = (_pairs(n) for n in (cells, _sizes(rows), _sizes(columns)))
    expected = of_first * of_second / _pairs(np.array([len(rows)]))
    most = (of_first + of_second) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def subsampling_stability(
    points: ArrayLike,
    clustering: Clustering,
    rng: np.random.Generator,
    *,
    multiplicity: ArrayLike | None = None,
    runs: ArrayLike | None = None,
    share: float = 0.8,
    subsamples: int = 20,
) -> Stability:
    """Clusters subsamples of ``points`` (n, d) and ``multiplicity`` as ``clustering`` was made from all of them.

    Each holds ``share`` of the runs, drawn without replacement, where ``runs`` (n,) names the run of each row, else of
    the distinct points. The most persistent layers are compared, on the rows of the subsample. The sizes stay as they
    are, so a cluster just large enough may be lost to a smaller sample: that too is instability.

    Raises ``RequestError`` when the arrays do not fit each other, ``share`` is outside (0, 1), there are fewer than 2
    runs or distinct points, or ``subsamples`` < 2.
    """
    rows = finite_points(points, np.float32)
    units = merge_repeats(rows).index if runs is None else np.unique(np.asarray(runs), return_inverse=True)[1]
    labels = clustering.best.labels
    if not len(rows) == len(units) == len(labels):
        raise RequestError(f"{len(rows)} points, {len(units)} runs of rows and {len(labels)} labels do not fit")
    count = int(units.max(initial=-1)) + 1
    if not 0.0 < share < 1.0 or subsamples < 2 or count < 2:
        raise RequestError(f"cannot draw {subsamples} subsamples of a share of {share} of {count} runs or points")
    times = np.ones(len(rows)) if multiplicity is None else np.asarray(multiplicity)
    drawn = [np.flatnonzero(_drawn(units, count, share, rng)) for _ in range(subsamples)]
    made = [_like(clustering, rows[each], times[each], rng) for each in drawn]
    indices = np.array([adjusted_rand(labels[each], best.labels) for each, best in zip(drawn, made, strict=True)])
    outliers = np.array([best.outlier_share for best in made])
    low, high = np.quantile(indices, [0.025, 0.975])
    mean = float(indices.mean())
    return Stability(mean, float(low), float(high), indices, outliers, _cautions(mean, clustering, subsamples))


def _like(made: Clustering, rows: NDArray[np.float32], times: NDArray[np.float64], rng: np.random.Generator) -> Layer:
    return cluster(rows, rng, algorithm=made.algorithm, sizes=made.sizes, multiplicity=times).best


def _drawn(units: NDArray[np.int64], count: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    kept = min(count - 1, max(1, round(share * count)))
    chosen = np.zeros(count, np.bool_)
    chosen[rng.choice(count, kept, replace=False)] = True
    return chosen[units]


def _pairs(sizes: NDArray[np.int64]) -> float:
    wide = sizes.astype(np.float64)
    return float((wide * (wide - 1)).sum() / 2)


def _sizes(names: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(names, return_counts=True)[1]


def _cautions(mean: float, clustering: Clustering, subsamples: int) -> tuple[str, ...]:
    cautions = []
    if mean < FAIRLY_STABLE:
        cautions.append(f"unstable: subsamples agree with the whole by {mean:.2f} of 1")
    if not clustering.best.clusters:
        cautions.append("there are no clusters, so agreement says little")
    if subsamples < 10:
        cautions.append(f"only {subsamples} subsamples")
    return tuple(cautions)
