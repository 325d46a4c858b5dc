"""What changes with the embedder: copies that a rotation undoes, planted noise, and measurements of nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.distance_agreement import distance_agreement
from panic_tda.analysis.linear_cka import linear_cka
from panic_tda.analysis.mutual_information import adjusted_mutual_information
from panic_tda.analysis.neighbour_overlap import neighbour_overlap
from panic_tda.analysis.procrustes_distance import procrustes_distance
from truths.truth import Effort, Recovered, Share, Truth

Floats = NDArray[np.float64]

RUNS, STEPS, DIMENSIONS = 20, 6, 5
LABELS = np.repeat(np.arange(RUNS), STEPS).tolist()
NOISE = 0.5
PLANTED = 1 / (1 + NOISE**2)
"""CKA of unit variance in all directions with the same plus noise."""


def _walks(rng: np.random.Generator) -> Floats:
    """Runs of small steps about a place of their own, of unit variance in all: autocorrelated, and apart."""
    points = np.empty((RUNS, STEPS, DIMENSIONS))
    points[:, 0] = rng.normal(size=(RUNS, DIMENSIONS))
    for step in range(1, STEPS):
        points[:, step] = 0.8 * points[:, step - 1] + 0.6 * rng.normal(size=(RUNS, DIMENSIONS))
    return points.reshape(-1, DIMENSIONS)


def _noisy(rng: np.random.Generator) -> tuple[Floats, Floats]:
    one = _walks(rng)
    return one, one + NOISE * rng.normal(size=one.shape)


def _copy(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(1), effort.trials(500)
    worst = [0.0, 0.0, 0.0]
    for _ in range(trials):
        one = _walks(rng)
        rotation = np.linalg.qr(rng.normal(size=(DIMENSIONS, DIMENSIONS)))[0]
        other = rng.uniform(0.1, 10.0) * one @ rotation + rng.normal(size=DIMENSIONS)
        cka = linear_cka(one, other, rng, runs=LABELS, resamples=1).estimate
        laid = procrustes_distance(one, other, rng, runs=LABELS, resamples=1, permutations=1).distance.estimate
        shared = neighbour_overlap(one, other, rng, runs=LABELS).overlap.estimate
        worst = [max(was, now) for was, now in zip(worst, (1.0 - cka, laid, 1.0 - shared), strict=True)]
    return Recovered(f"off by at most {max(worst):.0e}", max(worst) < 1e-6)


def _cka(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(2), effort.trials(500)
    found = [linear_cka(*_noisy(rng), rng, runs=LABELS, resamples=300) for _ in range(trials)]
    covered = Share(sum(each.low <= PLANTED <= each.high for each in found), trials)
    null = [linear_cka(_walks(rng), _walks(rng), rng, runs=LABELS, resamples=1).estimate for _ in range(trials)]
    mean, error = float(np.mean(null)), float(np.std(null) / np.sqrt(trials))
    held = covered.within(0.91, 0.98, full=500) and abs(mean) <= 0.01 + 3.0 * error
    return Recovered(f"{np.mean([each.estimate for each in found]):.3f}; unrelated {mean:.3f}", held, covered)


def _ranks(effort: Effort) -> Recovered:
    rng, trials, others = np.random.default_rng(3), effort.trials(1_000), effort.trials(200)
    false = sum(_p_value(_walks(rng), _walks(rng), rng) <= 0.05 for _ in range(trials))
    seen = sum(_p_value(*_noisy(rng), rng) <= 0.05 for _ in range(others))
    alarms, power = Share(false, trials), Share(seen, others)
    return Recovered("", alarms.within(0.03, 0.07, full=1_000) and power.value >= 0.8, None, alarms, power)


def _p_value(one: Floats, other: Floats, rng: np.random.Generator) -> float:
    return distance_agreement(one, other, rng, runs=LABELS, resamples=1, permutations=99).p_value


def _neighbours(effort: Effort) -> Recovered:
    """Unrelated outputs: the interval over runs holds what chance gives."""
    rng, trials = np.random.default_rng(4), effort.trials(500)
    size = (RUNS * STEPS, DIMENSIONS)
    found = [neighbour_overlap(rng.normal(size=size), rng.normal(size=size), rng, runs=LABELS) for _ in range(trials)]
    covered = Share(sum(each.overlap.low <= each.chance <= each.overlap.high for each in found), trials)
    mean = float(np.mean([each.overlap.estimate for each in found]))
    return Recovered(f"{mean:.3f}, chance {found[0].chance:.3f}", covered.within(0.91, 0.98, full=500), covered)


def _classes(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(5), effort.trials(500)
    size = RUNS * STEPS
    found = [
        adjusted_mutual_information(rng.integers(6, size=size), rng.integers(6, size=size), rng, resamples=1).estimate
        for _ in range(trials)
    ]
    mean, error = float(np.mean(found)), float(np.std(found) / np.sqrt(trials))
    return Recovered(f"{mean:.4f} ± {error:.4f}", abs(mean) <= 0.002 + 3.0 * error)


_WALKS = f"{RUNS} autocorrelated runs of {STEPS} outputs"

TRUTHS = [
    Truth("instruments: CKA, Procrustes distance, neighbours", "rotated, shifted, scaled copies", "1, 0, 1", _copy),
    Truth("instruments: linear CKA", f"{_WALKS} with noise, {PLANTED:.2f}; unrelated, 0", "91–98 % in", _cka),
    Truth("instruments: ranks of distances", f"{_WALKS}, unrelated; with noise", "3–7 %, power ≥ 0.8", _ranks),
    Truth("instruments: shared neighbours", "unrelated outputs, chance", "91–98 % in", _neighbours),
    Truth("instruments: adjusted mutual information", "unrelated classes", "0 on average", _classes),
]
