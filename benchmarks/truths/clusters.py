"""What states are visited: planted clusters, noise that is sparse and noise that is not, clouds without clusters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.cluster_stability import adjusted_rand, subsampling_stability
from panic_tda.analysis.clustering import Algorithm, Sizes, cluster
from panic_tda.analysis.medoids import medoids
from panic_tda.analysis.outlier_diagnosis import outlier_diagnosis
from truths.truth import Effort, Recovered, Share, Truth

CLUSTERS, NOISE, DIMENSIONS = 60, 0.1, 768


class Cloud(NamedTuple):
    """Unit vectors (n, d) float32 and the cluster of each, −1 for noise."""

    points: NDArray[np.float32]
    labels: NDArray[np.int64]


def zipf_cloud(rng: np.random.Generator, count: int, dimensions: int = DIMENSIONS) -> Cloud:
    """Clusters whose k-th has a share of 1 / k, and a tenth of noise.

    Members lie around random directions, off by 0.4 to 1 times a random vector of length about 1 (each cluster has a
    spread of its own), noise in random directions.
    """
    weights = 1 / np.arange(1, CLUSTERS + 1)
    members = round(count * (1 - NOISE))
    sizes = np.floor(members * weights / weights.sum()).astype(np.int64)
    sizes[0] += members - sizes.sum()
    labels = rng.permutation(np.concatenate((np.repeat(np.arange(CLUSTERS), sizes), np.full(count - members, -1))))
    return cloud(rng, labels, dimensions, rng.uniform(0.4, 1.0, CLUSTERS))


def cloud(rng: np.random.Generator, labels: NDArray[np.int64], dimensions: int, spread: NDArray[np.float64]) -> Cloud:
    """Unit vectors with these labels; ``spread`` (clusters,) is how far members stray from the centre of theirs."""
    centres = unit(rng.normal(size=(len(spread), dimensions)))
    rows = rng.normal(size=(len(labels), dimensions)) / np.sqrt(dimensions)
    member = labels >= 0
    rows[member] = centres[labels[member]] + spread[labels[member], None] * rows[member]
    return Cloud(unit(rows).astype(np.float32), labels)


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows at length 1."""
    scaled: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def _planted(algorithm: Algorithm, effort: Effort) -> Recovered:
    rng = np.random.default_rng(21)
    points, labels = zipf_cloud(rng, 2_000 if effort.fast else 10_000)
    best = cluster(points, rng, algorithm=algorithm).best
    agreement = adjusted_rand(labels, best.labels)
    value = f"ARI {agreement:.3f}, {best.clusters} clusters, {100 * best.outlier_share:.1f} % outliers"
    return Recovered(value, agreement >= 0.9)


def _medoid(effort: Effort) -> Recovered:
    rng, trials, hits = np.random.default_rng(22), effort.trials(500), 0
    for _ in range(trials):
        centres = 4.0 * rng.normal(size=(3, 16))
        labels = rng.permutation(np.repeat(np.arange(3), 30))
        points = centres[labels] + rng.normal(size=(90, 16))
        planted = np.array([rng.choice(np.flatnonzero(labels == number)) for number in range(3)])
        points[planted] = centres
        hits += bool((medoids(points, labels).rows == planted).all())
    share = Share(hits, trials)
    return Recovered(f"{hits} of {trials}", share.within(0.99, 1.0, full=500))


def _stability(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(23), effort.trials(200)
    labels = np.repeat([0, 1, 2, 3, -1], [60, 40, 30, 20, 20])
    firm = [_unstable(cloud(rng, labels, 64, rng.uniform(0.3, 0.7, 4)).points, rng) for _ in range(trials)]
    loose = [_unstable(unit(rng.normal(size=(170, 64))), rng) for _ in range(trials)]
    false_alarms, power = Share(sum(firm), trials), Share(sum(loose), trials)
    holds = false_alarms.within(0.0, 0.05, full=200) and power.within(0.95, 1.0, full=200)
    return Recovered("told apart", holds, None, false_alarms, power)


def _unstable(points: NDArray[np.floating], rng: np.random.Generator) -> bool:
    stability = subsampling_stability(points, cluster(points, rng), rng, subsamples=10)
    return any(caution.startswith("unstable") for caution in stability.cautions)


def _outliers(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(24), effort.trials(200)
    sparse = np.repeat([0, 1, 2, -1], [50, 40, 30, 120])
    small = np.repeat(np.arange(30), 12)
    real = [_verdict(cloud(rng, sparse, 64, rng.uniform(0.3, 0.7, 3)).points, 5, rng) for _ in range(trials)]
    made = [_verdict(cloud(rng, small, 128, np.full(30, 0.4)).points, 20, rng) for _ in range(trials)]
    false_alarms = Share(sum(verdict == "artefact" for verdict in real), trials)
    power = Share(sum(verdict == "artefact" for verdict in made), trials)
    holds = false_alarms.within(0.0, 0.05, full=200) and power.within(0.95, 1.0, full=200)
    found = Share(sum(verdict == "sparse" for verdict in real), trials)
    return Recovered(f"sparse in {100 * found.value:.0f} % of the noise", holds, None, false_alarms, power)


def _verdict(points: NDArray[np.float32], size: int, rng: np.random.Generator) -> str:
    return outlier_diagnosis(points, cluster(points, rng, sizes=Sizes(size, 5)), rng).verdict


_CLOUD = "60 clusters of Zipf sizes, 10 % noise, 768-d, 10,000 points"

TRUTHS = [
    Truth("clustering (HDBSCAN)", _CLOUD, "ARI ≥ 0.9", lambda effort: _planted("hdbscan", effort)),
    Truth("clustering (OPTICS)", _CLOUD, "ARI ≥ 0.9", lambda effort: _planted("optics", effort)),
    Truth("medoids", "the centre of each of 3 clusters is a member", "found in ≥ 99 %", _medoid),
    Truth(
        "cluster stability",
        "4 clusters with noise; a cloud without clusters",
        "called unstable in ≤ 5 % and in ≥ 95 %",
        _stability,
    ),
    Truth(
        "outlier diagnosis",
        "real noise; clusters of 12 where 20 are asked",
        "called an artefact in ≤ 5 % and in ≥ 95 %",
        _outliers,
    ),
]
