"""Loops of known shape and size, groups that are planted or not, and cycles among random walks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.diagram_distances import distance_matrix, wasserstein_distance
from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.group_test import group_test
from panic_tda.analysis.homology import persistence_diagram
from panic_tda.analysis.persistent_entropy import persistent_entropy
from panic_tda.analysis.rank_correlation import rank_correlation
from panic_tda.analysis.sliced_wasserstein import sliced_wasserstein_matrix
from panic_tda.analysis.sliding_window import window_periodicity
from truths.truth import Effort, Recovered, Share, Truth

Floats = NDArray[np.float64]

CENTRES = 2.0 * np.random.default_rng(3).normal(size=(4, 5))
"""Of four normal clouds of unit variance."""


def _regular_polygons(effort: Effort) -> Recovered:
    """The loop is born with the side and dies with the chord of a third (Adamaszek & Adams 2017)."""
    worst, sizes = 0.0, range(4, 60)
    for count in sizes:
        bars = persistence_diagram(_circle(np.arange(count) / count)).bars[1]
        known = [2 * math.sin(math.pi * steps / count) for steps in (1, math.ceil(count / 3))]
        worst = max(worst, float(np.abs(bars - known).max())) if len(bars) == 1 else math.inf
    return Recovered(f"one loop each, ends within {worst:.0e}", worst < 1e-6)


def _cross_polytopes(effort: Effort) -> Recovered:
    """The hollow octahedron and its kin: one void from √2 to 2, and no other feature above dimension 0."""
    worst = 0.0
    for dimension in (2, 3, 4):
        bars = persistence_diagram(np.vstack((np.eye(dimension), -np.eye(dimension))), max_dim=3).bars
        alone = [len(each) for each in bars[1:]] == [int(k == dimension - 1) for k in (1, 2, 3)]
        worst = max(worst, float(np.abs(bars[dimension - 1] - [math.sqrt(2), 2]).max())) if alone else math.inf
    return Recovered(f"one feature each, ends within {worst:.0e}", worst < 1e-6)


def _two_engines(effort: Effort) -> Recovered:
    clouds, agreed = effort.trials(50), 0
    for seed in range(clouds):
        points = np.random.default_rng(seed).normal(size=(40, 2 + seed % 9))
        one, other = (persistence_diagram(points, engine=engine).bars for engine in ("redzed", "gudhi"))
        agreed += all(
            mine.shape == theirs.shape and np.allclose(mine, theirs, rtol=0.0, atol=1e-6, equal_nan=True)
            for mine, theirs in zip(one, other, strict=True)
        )
    return Recovered(f"{agreed} of {clouds} clouds with the same bars", agreed == clouds)


def _even_bars(effort: Effort) -> Recovered:
    error = max(
        abs(persistent_entropy([(0.0, 0.7)] * count).plain - math.log(count)) for count in (1, 2, 10, 100, 1000)
    )
    return Recovered(f"log n within {error:.0e}", error < 1e-9)


def _sliced_bound(effort: Effort) -> Recovered:
    """Diagrams of two random clouds of 20 to 60 points, H0 and H1."""
    pairs, ratios = effort.trials(500), []
    for seed in range(pairs):
        rng = np.random.default_rng(seed)
        one, other = (persistence_diagram(rng.normal(size=(rng.integers(20, 60), 3)), max_dim=1).bars for _ in range(2))
        dimension = seed % 2
        exact = wasserstein_distance(one[dimension], other[dimension], ground=math.inf)
        ratios.append(sliced_wasserstein_matrix([one[dimension], other[dimension]])[0, 1] / exact)
    within = Share(sum(ratio <= 2 * math.sqrt(2) for ratio in ratios), pairs)
    return Recovered(f"{min(ratios):.2f} to {max(ratios):.2f} times", within.value == 1.0, within)


def _no_groups(effort: Effort) -> Recovered:
    trials = effort.trials(500)
    false = Share(sum(_p_value(seed, 0.0, blocked=False) <= 0.05 for seed in range(trials)), trials)
    return Recovered("three groups of 8 alike", false.within(0.03, 0.07, full=500), false_alarms=false)


def _no_groups_in_blocks(effort: Effort) -> Recovered:
    trials = effort.trials(500)
    false = Share(sum(_p_value(seed, 0.0, blocked=True) <= 0.05 for seed in range(trials)), trials)
    return Recovered("blocks far apart, groups uneven in them", false.within(0.03, 0.07, full=500), false_alarms=false)


def _planted_groups(effort: Effort) -> Recovered:
    trials = effort.trials(500)
    power = Share(sum(_p_value(seed, 1.0, blocked=False) <= 0.05 for seed in range(trials)), trials)
    return Recovered("three groups of 8, centres 1 sd apart", power.within(0.8, 1.0, full=500), power=power)


def _p_value(seed: int, shift: float, *, blocked: bool) -> float:
    """24 runs in three groups along a line; in blocks 8 apart, of which the groups have uneven shares."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([0, 1, 2], 8)
    blocks = np.tile([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1], 1)
    points = rng.normal(size=(24, 2)) + np.outer(groups, [shift, 0.0]) + np.outer(blocks * blocked, [0.0, 8.0])
    strata = blocks.tolist() if blocked else None
    distances = euclidean_distances(points)
    return group_test(distances, groups.tolist(), rng, blocks=strata, permutations=199, resamples=1).p_value


def _groups_of_diagrams(effort: Effort) -> Recovered:
    """Noisy figures of eight against noisy circles of the same length: told apart by their loops alone."""
    trials, found = effort.trials(100), 0
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        bars = [_loops(rng, eight) for eight in [False] * 6 + [True] * 6]
        distances = distance_matrix(bars, wasserstein_distance)
        found += group_test(distances, [0] * 6 + [1] * 6, rng, permutations=199, resamples=1).p_value <= 0.05
    power = Share(found, trials)
    return Recovered("6 against 6 runs by the H1 Wasserstein distance", power.within(0.8, 1.0, full=100), power=power)


def _effect_interval(effort: Effort) -> Recovered:
    """1 − within / between of four normal clouds whose centres are drawn once."""
    trials, held = effort.trials(500), 0
    truth = _true_effect(np.random.default_rng(1), 200_000)
    for seed in range(trials):
        _, low, high = _effect(np.random.default_rng([2, seed]), 15, resamples=400)
        held += low <= truth <= high
    coverage = Share(held, trials)
    return Recovered(f"effect {truth:.2f} of 4 groups of 15", coverage.within(0.93, 1.0, full=500), coverage)


def _true_effect(rng: np.random.Generator, draws: int) -> float:
    """From the mean distance of two normal points, of one cloud and of each pair of clouds."""
    apart = math.sqrt(2) * rng.normal(size=(draws, 5))
    between = [np.linalg.norm(apart + CENTRES[i] - CENTRES[j], axis=1).mean() for i in range(4) for j in range(i)]
    return float(1.0 - np.linalg.norm(apart, axis=1).mean() / np.mean(between))


def _effect(rng: np.random.Generator, size: int, resamples: int) -> tuple[float, float, float]:
    groups = np.repeat(np.arange(4), size)
    distances = euclidean_distances(CENTRES[groups] + rng.normal(size=(len(groups), 5)))
    effect = group_test(distances, groups.tolist(), rng, permutations=1, resamples=resamples).effect
    return effect.estimate, effect.low, effect.high


def _loops(rng: np.random.Generator, eight: bool) -> Floats:
    points = _circle(rng.random(40)) if not eight else _circle(rng.random(40)) / 2 + rng.choice([-0.5, 0.5], (40, 1))
    return persistence_diagram(points + rng.normal(scale=0.05, size=points.shape), max_dim=1).bars[1]


def _rank_interval(effort: Effort) -> Recovered:
    """Two numbers of 30 runs that share a cause and something of their own; the cause is given."""
    trials, held = effort.trials(500), 0
    own, through_cause = (6 / math.pi * math.asin(correlation / 2) for correlation in (0.75, math.sqrt(0.5)))
    truth = (own - through_cause**2) / (1 - through_cause**2)
    for seed in range(trials):
        rng = np.random.default_rng([9, seed])
        cause, shared = rng.normal(size=(2, 30))
        one, other = cause + (shared + rng.normal(size=(2, 30))) / math.sqrt(2)
        found = rank_correlation(one, other, rng, given=cause, resamples=200)
        held += found.low <= truth <= found.high
    coverage = Share(held, trials)
    return Recovered(f"{truth:.2f} left of {own:.2f}", coverage.within(0.93, 0.97, full=500), coverage)


def _cycles_among_walks(effort: Effort) -> Recovered:
    """Half cycles, half random walks on the sphere, of 40 to 120 steps in 3 to 768 dimensions."""
    each = effort.trials(400) // 2
    cycles = [window_periodicity(_noisy_cycle(np.random.default_rng([4, seed]))).score for seed in range(each)]
    walks = [window_periodicity(_walk(np.random.default_rng([5, seed]))).score for seed in range(each)]
    return _separated(cycles, walks)


def _cycles_among_noise(effort: Effort) -> Recovered:
    """The same cycles among runs that jump about one place without memory."""
    each = effort.trials(400) // 2
    cycles = [window_periodicity(_noisy_cycle(np.random.default_rng([6, seed]))).score for seed in range(each)]
    noise = [window_periodicity(_jumps(np.random.default_rng([7, seed]))).score for seed in range(each)]
    return _separated(cycles, noise)


def _separated(high: list[float], low: list[float]) -> Recovered:
    above = np.subtract.outer(high, low)
    area = float(((above > 0) + 0.5 * (above == 0)).mean())
    medians = f"medians {np.median(high):.2f} and {np.median(low):.2f}"
    return Recovered(f"AUC {area:.3f}, {medians}, {len(high)} each", area >= 0.95)


def _found_periods(effort: Effort) -> Recovered:
    trials = effort.trials(200)
    hits = 0
    for seed in range(trials):
        rng = np.random.default_rng([8, seed])
        period = 2 + seed % 11
        hits += window_periodicity(_hopping(rng, 100, 64, period, 0.5), windows=30).period == period
    found = Share(hits, trials)
    return Recovered("period of 2 to 12 steps named exactly", found.within(0.95, 1.0, full=200), power=found)


def _noisy_cycle(rng: np.random.Generator) -> Floats:
    """2 to 10 random states one after the other, with noise of 0.1 to 0.7 of their size."""
    steps, dimension = int(rng.integers(40, 121)), int(rng.choice([3, 16, 128, 768]))
    return _hopping(rng, steps, dimension, int(rng.integers(2, 11)), rng.uniform(0.1, 0.7))


def _hopping(rng: np.random.Generator, steps: int, dimension: int, period: int, noise: float) -> Floats:
    states = _unit(rng.normal(size=(period, dimension)))
    scatter = rng.normal(size=(steps, dimension)) * noise / math.sqrt(dimension)
    return _unit(states[np.arange(steps) % period] + scatter)


def _walk(rng: np.random.Generator) -> Floats:
    steps, dimension = int(rng.integers(40, 121)), int(rng.choice([3, 16, 128, 768]))
    moves = rng.normal(size=(steps, dimension)) * rng.uniform(0.1, 1.0) / math.sqrt(dimension)
    rows = [_unit(rng.normal(size=dimension))]
    for move in moves[1:]:
        rows.append(_unit(rows[-1] + move))
    return np.array(rows)


def _jumps(rng: np.random.Generator) -> Floats:
    steps, dimension = int(rng.integers(40, 121)), int(rng.choice([3, 16, 128, 768]))
    return _unit(_unit(rng.normal(size=dimension)) + rng.normal(size=(steps, dimension)) / math.sqrt(dimension))


def _circle(turns: Floats) -> Floats:
    return np.column_stack((np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)))


def _unit(rows: Floats) -> Floats:
    scaled: Floats = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return scaled


TRUTHS = [
    Truth("persistence diagram", "regular 4- to 59-gons", "H1 from side to chord of a third", _regular_polygons),
    Truth("persistence diagram", "cross-polytopes", "one bar from √2 to 2 in dimension d − 1", _cross_polytopes),
    Truth("persistence diagram", "50 random clouds", "two engines agree within 1e-6", _two_engines),
    Truth("persistent entropy", "n bars of one length", "log n", _even_bars),
    Truth("sliced Wasserstein distance", "pairs of random clouds", "≤ 2√2 · exact W1", _sliced_bound),
    Truth("group test", "no difference", "false alarms 3–7 %", _no_groups),
    Truth("group test", "no difference but between blocks", "false alarms 3–7 %", _no_groups_in_blocks),
    Truth("group test", "centres 1 sd apart", "power ≥ 80 %", _planted_groups),
    Truth("group test", "circles against figures of eight", "power ≥ 80 %", _groups_of_diagrams),
    Truth("group effect", "four normal clouds", "inside in ≥ 93 %", _effect_interval),
    Truth("partial rank correlation", "a shared cause, given", "inside in 93–97 %", _rank_interval),
    Truth("sliding windows", "noisy cycles, random walks", "AUC ≥ 0.95", _cycles_among_walks),
    Truth("sliding windows", "noisy cycles, jumps without memory", "AUC ≥ 0.95", _cycles_among_noise),
    Truth("sliding windows", "noisy cycles of known period", "period named in ≥ 95 %", _found_periods),
]
