"""The numbers published work reports, on walks, contractions, decays and alternations whose numbers are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.attractor_regression import attractor_regression
from panic_tda.analysis.distance_to_round_zero import distance_to_round_zero
from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.drift import distance_to_previous, distance_to_start
from panic_tda.analysis.edit_distance import edit_distance, normalised_edit_distance
from panic_tda.analysis.generations import first_against_last
from panic_tda.analysis.mean_cumulative_drift import mean_cumulative_drift, semantic_drift_rate
from panic_tda.analysis.motifs import motif_table
from panic_tda.analysis.periodicity import periodicity
from panic_tda.analysis.trajectory_dispersion import dispersion
from truths.truth import Effort, Recovered, Share, Truth

Floats = NDArray[np.float64]


def _round_zero(effort: Effort) -> Recovered:
    """Gaussian walks in d dimensions: after t steps the mean distance is √(2t) Γ((d + 1) / 2) / Γ(d / 2)."""
    rng, trials, dimension, steps = np.random.default_rng(21), effort.trials(500), 8, 20
    known = math.sqrt(2 * steps) * math.gamma((dimension + 1) / 2) / math.gamma(dimension / 2)
    held, estimates = 0, []
    for _ in range(trials):
        walks = np.cumsum(rng.normal(size=(20, steps + 1, dimension)), axis=1)
        found = distance_to_round_zero(list(walks), rng, resamples=500)
        held += found.low[-1] <= known <= found.high[-1]
        estimates.append(found.mean[-1])
    share = Share(held, trials)
    return Recovered(f"{np.mean(estimates):.3f} for {known:.3f}", share.within(0.93, 0.97, full=500), coverage=share)


def _planted_motifs(rng: np.random.Generator, strength: float, runs: int) -> tuple[list[int], list[int], list[int]]:
    """Motifs, models and prompts of runs: with probability ``strength`` the motif is the model's own, of four.

    Half of the rest follows the prompt. Cramér's V of the whole population is ``strength``.
    """
    models, prompts = np.arange(runs) % 4, np.arange(runs) // 4 % 10
    free = np.where(rng.random(runs) < 0.5, prompts % 4, rng.integers(4, size=runs))
    return np.where(rng.random(runs) < strength, models, free).tolist(), models.tolist(), prompts.tolist()


def _motifs(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(22), effort.trials(500)
    alarms = power = 0
    for _ in range(trials):
        for strength in (0.0, 0.3):
            motifs, models, prompts = _planted_motifs(rng, strength, 120)
            found = motif_table(motifs, models, rng, strata=prompts, permutations=199).p_chi_square <= 0.05
            alarms, power = alarms + (found and not strength), power + (found and strength > 0)
    large = motif_table(*_planted_motifs(rng, 0.3, 40_000)[:2], rng, permutations=9)
    false_alarms, powers = Share(alarms, trials), Share(power, trials)
    held = false_alarms.within(0.03, 0.07, full=500) and powers.value >= 0.8 and abs(large.cramers_v - 0.3) < 0.02
    return Recovered(f"V = {large.cramers_v:.3f} in 40,000 runs", held, false_alarms=false_alarms, power=powers)


def _chains(rng: np.random.Generator, runs: int, slope: float, initial: Floats, generations: int) -> Floats:
    """x' = 2 + slope · x + noise: (generations + 1, runs); the fixed point is 2 / (1 − slope)."""
    chains = [initial]
    for _ in range(generations):
        chains.append(2.0 + slope * chains[-1] + rng.normal(size=runs))
    return np.stack(chains)


def _attractor(runs_of_prompt: int, seed: int) -> Callable[[Effort], Recovered]:
    """Ten generations of the contraction; runs of a prompt begin alike, and end with something in common."""

    def check(effort: Effort) -> Recovered:
        rng, trials, position, strength = np.random.default_rng(seed), effort.trials(500), 2 / (1 - 0.9), 1 - 0.9**10
        at_position = of_strength = 0
        for _ in range(trials):
            initial = np.repeat(position + rng.normal(0.0, 6.0, 20), runs_of_prompt)
            groups = np.repeat(np.arange(20), runs_of_prompt).tolist()
            final = _chains(rng, len(initial), 0.9, initial, 10)[-1]
            final += np.repeat(rng.normal(0.0, 0.5, 20), runs_of_prompt) * (runs_of_prompt > 1)
            found = attractor_regression(initial, final, groups=groups)
            at_position += found.position.low <= position <= found.position.high
            of_strength += found.strength.low <= strength <= found.strength.high
        shares = Share(at_position, trials), Share(of_strength, trials)
        held = all(share.within(0.93, 0.97, full=500) for share in shares)
        return Recovered(f"position {shares[0].value:.1%}, strength {shares[1].value:.1%}", held, coverage=shares[0])

    return check


def _generations(effort: Effort) -> Recovered:
    """Chains begun in their stationary state: last and first generation are alike; or begun off it, for the power."""
    rng, trials = np.random.default_rng(25), effort.trials(500)
    alarms = power = 0
    for _ in range(trials):
        for offset in (0.0, 1.5):
            initial = 4.0 + offset + rng.normal(size=60) / math.sqrt(1 - 0.25)
            chains = _chains(rng, 60, 0.5, initial, 6)
            found = first_against_last(chains[1], chains[-1], rng, permutations=199)
            alarms, power = alarms + (found.p_value <= 0.05 and not offset), power + (found.p_value <= 0.05 < offset)
    false_alarms, powers = Share(alarms, trials), Share(power, trials)
    held = false_alarms.within(0.03, 0.07, full=500)
    return Recovered(f"{alarms} of {trials}", held, false_alarms=false_alarms, power=powers)


def _similarities(rng: np.random.Generator, runs: int) -> Floats:
    """0.5 · exp(−0.3 · generation) + 0.35, with amplitude, plateau and every value varying between runs."""
    decay = np.exp(-0.3 * np.arange(1, 21))
    amplitude, plateau = rng.normal(0.5, 0.1, (runs, 1)), rng.normal(0.35, 0.1, (runs, 1))
    similarities: Floats = amplitude * decay + plateau + rng.normal(0.0, 0.05, (runs, 20))
    return similarities


def _cumulative_drift(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(26), effort.trials(500)
    known = 0.5 * float(np.exp(-0.3 * np.arange(1, 21)).mean()) + 0.35
    found = [mean_cumulative_drift(_similarities(rng, 12), rng, resamples=1000) for _ in range(trials)]
    share = Share(sum(each.low <= known <= each.high for each in found), trials)
    value = f"{np.mean([each.estimate for each in found]):.3f} for {known:.3f}"
    return Recovered(value, share.within(0.93, 0.97, full=500), coverage=share)


def _drift_rate(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(27), effort.trials(500)
    found = [semantic_drift_rate(_similarities(rng, 12)).rate for _ in range(trials)]
    share = Share(sum(each.low <= 0.3 <= each.high for each in found), trials)
    value = f"median {np.median([each.estimate for each in found]):.3f} for 0.3"
    return Recovered(value, share.within(0.93, 0.97, full=500), coverage=share)


def _drifts(effort: Effort) -> Recovered:
    """Steps with E[x' | x] = c · x on the sphere: local drift √(2 − 2c), E[global drift²] = 2 − 2c^t."""
    rng, walks, steps, cosine = np.random.default_rng(28), effort.trials(4000), 12, 0.9
    position = np.tile([0.0, 0.0, 1.0], (walks, 1))
    path = [position]
    for _ in range(steps):
        sideways = np.cross(position, rng.normal(size=position.shape))
        sideways /= np.linalg.norm(sideways, axis=1, keepdims=True)
        position = cosine * position + math.sqrt(1 - cosine**2) * sideways
        path.append(position)
    trajectories = np.stack(path, axis=1)
    squared = np.mean([distance_to_start(walk)[-1] ** 2 for walk in trajectories])
    known = 2 - 2 * cosine**steps
    local = max(float(np.abs(distance_to_previous(walk) - math.sqrt(2 - 2 * cosine)).max()) for walk in trajectories)
    held = abs(squared - known) < 0.05 * math.sqrt(4000 / walks) and local < 1e-9
    return Recovered(f"global² {squared:.3f} for {known:.3f}, local exact", bool(held))


def _dispersion(effort: Effort) -> Recovered:
    angle = 2 * np.pi * np.arange(60) / 60
    circle = 0.7 * np.column_stack((np.cos(angle), np.sin(angle))) + [3.0, -1.0]
    found = dispersion(circle)
    return Recovered(f"{found:.6f}", abs(found - 0.7) < 1e-12)


def _alternation(effort: Effort) -> Recovered:
    """Texts A B A B …, some letters of each replaced: τ is 1 − the mean share of letters that two copies differ in."""
    rng, trials, letters, changed = np.random.default_rng(29), effort.trials(500), 120, 0.1
    degrees = []
    for _ in range(max(trials // 10, 10)):
        sources = ["".join(rng.choice(list("abcdefghij"), letters)) for _ in range(2)]
        texts = []
        for step in range(15):
            copy = np.array(list(sources[step % 2]))
            places = rng.choice(letters, int(changed * letters), replace=False)
            copy[places] = [f"{step}"[-1].translate(str.maketrans("0123456789", "KLMNOPQRST"))] * len(places)
            texts.append("".join(copy))
        degrees.append(1 - np.mean([normalised_edit_distance(texts[i], texts[i - 2]) for i in range(2, 15)]))
    known = (1 - changed) ** 2
    exact = edit_distance("kitten", "sitting") == 3
    held = exact and abs(np.mean(degrees) - known) < 0.01
    return Recovered(f"τ = {np.mean(degrees):.3f} for {known:.3f}", bool(held))


def _periods(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(30), effort.trials(500)
    alarms = drifting = power = right = 0
    for _ in range(trials):
        noise, period = rng.normal(size=(48, 8)), int(rng.integers(2, 7))
        cycle = rng.normal(size=(period, 8))[np.arange(48) % period] + 0.6 * noise
        found = [periodicity(euclidean_distances(points), rng, surrogates=99) for points in
                 (noise, np.cumsum(noise, axis=0), cycle)]  # fmt: skip
        alarms += found[0].p_value <= 0.05
        drifting += found[1].p_value <= 0.05
        power += found[2].p_value <= 0.05
        right += found[2].period == period
    false_alarms, powers = Share(alarms, trials), Share(power, trials)
    held = false_alarms.within(0.03, 0.07, full=500) and powers.value >= 0.8 and right >= 0.9 * trials
    value = f"period right in {right / trials:.1%}, random walks periodic in {drifting / trials:.1%}"
    return Recovered(value, held and drifting <= 0.05 * trials, false_alarms=false_alarms, power=powers)


TRUTHS = [
    Truth("distance to round 0", "Gaussian walks, 20 runs", "mean inside its band in 93–97 %", _round_zero),
    Truth("motif × model", "motifs of prompts, not of models; power and V: V = 0.3 beside it",
          "false alarms 3–7 %, power ≥ 80 %, V ± 0.02", _motifs),
    Truth("attractor position and strength", "contraction, 20 runs", "both inside in 93–97 %", _attractor(1, 23)),
    Truth("attractor position and strength", "contraction, 20 prompts × 5 seeds with effects of their own",
          "both inside in 93–97 %", _attractor(5, 24)),
    Truth("first against last generation", "stationary chains; power: begun 1.3 sd off", "false alarms 3–7 %",
          _generations),
    Truth("mean cumulative drift", "decay to a plateau, 12 runs", "inside in 93–97 %", _cumulative_drift),
    Truth("semantic drift rate", "decay to a plateau, 12 runs", "inside in 93–97 %", _drift_rate),
    Truth("local and global drift", "random walk on the sphere", "2 − 2c^t ± 0.05; √(2 − 2c)", _drifts),
    Truth("dispersion", "circle of radius 0.7", "0.7", _dispersion),
    Truth("2-periodicity degree", "two texts in turn, a tenth of the letters replaced", "0.9² ± 0.01", _alternation),
    Truth("near period", "noisy cycles of 2–6 in 48 steps; white noise; random walks",
          "false alarms 3–7 %, power ≥ 80 %, right ≥ 90 %", _periods),
]  # fmt: skip
