"""Would it have ended elsewhere: maps of known exponent, curves that relax, prompts forgotten at a known pace."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.divergence import divergence_curve, prompt_divergence
from panic_tda.analysis.lyapunov import LyapunovExponent, lyapunov_exponent
from panic_tda.analysis.pooled_relaxation import pooled_relaxation_time
from panic_tda.analysis.recoverability import prompt_recoverability
from panic_tda.analysis.relaxation import relaxation_time
from panic_tda.analysis.rosenstein import nearest_neighbour_exponent
from truths.truth import Effort, Recovered, Share, Truth

Floats = NDArray[np.float64]
LOG_TWO = math.log(2.0)
HENON, LORENZ = 0.419, 0.906
SPREAD = 0.3
"""Standard deviation of the logarithm of how far a run is from the centre."""


def _band(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(1), effort.trials(1_000)
    truth = _mean_distance(8)
    found = [divergence_curve(list(_scattered(rng, 20, 8)[:, None]), rng) for _ in range(trials)]
    covered = Share(sum(bool(each.low[0] <= truth <= each.high[0]) for each in found), trials)
    mean = float(np.mean([each.mean[0] for each in found]))
    return Recovered(f"{mean:.3f}, truly {truth:.3f}", covered.within(0.90, 0.98, full=1_000), covered)


def _scattered(rng: np.random.Generator, runs: int, dims: int) -> Floats:
    scattered: Floats = np.exp(SPREAD * rng.normal(size=(runs, 1))) * rng.normal(size=(runs, dims))
    return scattered


def _mean_distance(dims: int) -> float:
    """E √(s² + s'²) · E χ, by Gauss–Hermite quadrature over the two scales."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    squares = np.exp(2.0 * SPREAD * nodes)
    scale = weights @ np.sqrt(squares[:, None] + squares) @ weights / (2.0 * math.pi)
    return float(scale) * math.sqrt(2.0) * math.exp(math.lgamma((dims + 1) / 2) - math.lgamma(dims / 2))


def _prompts(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(2), effort.trials(500)
    prompts = np.repeat(np.arange(6), 6)

    def shows(strength: float) -> bool:
        runs = (strength * rng.normal(size=(6, 16)))[prompts] + rng.normal(size=(36, 16))
        return bool(prompt_divergence(list(runs[:, None]), prompts.tolist(), rng, resamples=400).excess.low[0] > 0.0)

    false = Share(sum(shows(0.0) for _ in range(trials)), trials)
    power = Share(sum(shows(0.5) for _ in range(trials)), trials)
    return Recovered("", false.value <= 0.05 and power.value >= 0.8, None, false, power)


def _separating(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(3), effort.trials(500)
    line = np.exp(0.05 * np.arange(60))[:, None]
    made = ([line * axis + 0.01 * rng.normal(size=(60, 8)) for axis in np.eye(8)] for _ in range(trials))
    found = [_exponent(runs, rng) for runs in made]
    worst = max(abs(each.exponent.estimate - 0.05) for each in found)
    least = min(each.r_squared for each in found)
    false = Share(sum(each.saturation is not None for each in found), trials)
    held = worst < 0.005 and least > 0.999 and false.value <= 0.05
    return Recovered(f"off by at most {worst:.5f}, R² at least {least:.5f}", held, None, false)


def _exponent(runs: list[Floats], rng: np.random.Generator, resamples: int = 50) -> LyapunovExponent:
    return lyapunov_exponent(runs, rng, resamples=resamples)


def _logistic(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(4), effort.trials(200)
    found = [_exponent(_logistic_runs(rng), rng) for _ in range(trials)]
    early = np.array([each.early.estimate for each in found]) / LOG_TWO
    near = int((np.abs(early - 1.0) < 0.05).sum())
    flagged = Share(sum(each.saturation is not None for each in found), trials)
    said = f"{early.mean():.3f} of ln 2 on average, {100 * near / trials:.0f} % within 5 %"
    return Recovered(said, abs(early.mean() - 1.0) < 0.05 and near >= 0.9 * trials, None, None, flagged)


def _logistic_runs(rng: np.random.Generator) -> list[Floats]:
    places = [rng.uniform(0.1, 0.9) + 1e-13 * rng.normal(size=12)]
    for _ in range(79):
        places.append(4.0 * places[-1] * (1.0 - places[-1]))
    return list(np.array(places).T[:, :, None])


def _saturating(effort: Effort) -> Recovered:
    """Mean log distances that level off or do not, with noise that is white or wanders, in six runs of 60 steps."""
    rng, trials = np.random.default_rng(5), effort.trials(500)
    steps = np.arange(60.0)

    def flagged(scale: Floats, wander: float) -> bool:
        wandering = np.cumsum(wander * rng.normal(size=(6, 60)), axis=1) + 0.03 * rng.normal(size=(6, 60))
        runs = [np.outer(scale * np.exp(noise), axis) for noise, axis in zip(wandering, np.eye(6), strict=True)]
        return _exponent(runs, rng, 1).saturation is not None

    growing, levelling = np.exp(0.05 * steps), 1.0 - 0.95 * np.exp(-steps / 8.0)
    false = Share(sum(flagged(growing, 0.05 * (trial % 2)) for trial in range(trials)), trials)
    power = Share(sum(flagged(levelling, 0.03 * (trial % 2)) for trial in range(trials)), trials)
    return Recovered("", false.value <= 0.07 and power.value >= 0.8, None, false, power)


def _paces(effort: Effort) -> Recovered:
    """Runs with paces of their own, 0.1 ± 0.02, along different axes: 0.10346 is the mean over 400,000 pairs."""
    rng, trials, truth = np.random.default_rng(6), effort.trials(500), 0.10346
    steps, covered = np.arange(20.0), 0
    for _ in range(trials):
        paces = 0.1 + 0.02 * rng.normal(size=20)
        runs = [np.outer(np.exp(pace * steps), axis) for pace, axis in zip(paces, np.eye(20), strict=True)]
        found = _exponent(runs, rng, 1_000).exponent
        covered += found.low <= truth <= found.high
    share = Share(covered, trials)
    return Recovered("", share.within(0.90, 0.98, full=500), share)


def _relaxing(tau: float, steps: int, noise: float, seed: int) -> Callable[[Effort], Recovered]:
    def check(effort: Effort) -> Recovered:
        rng, trials = np.random.default_rng(seed), effort.trials(1_000)
        curve = 1.0 - 0.7 * np.exp(-np.arange(steps) / tau)
        fits = [relaxation_time(curve + noise * rng.normal(size=steps)) for _ in range(trials)]
        covered = Share(sum(fit.tau.low <= tau <= fit.tau.high for fit in fits), trials)
        median = float(np.median([fit.tau.estimate for fit in fits]))
        return Recovered(f"{median:.2f} (median)", covered.within(0.93, 0.97, full=1_000), covered)

    return check


def _pooled(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(10), effort.trials(500)
    curve, covered = 1.0 - 0.7 * np.exp(-np.arange(60) / 10.0), 0
    for _ in range(trials):
        noise = np.zeros((20, 60))
        for step in range(1, 60):
            noise[:, step] = 0.8 * noise[:, step - 1] + 0.05 * rng.normal(size=20)
        curves = list(curve + 0.1 * rng.normal(size=(20, 1)) + noise)
        found = pooled_relaxation_time(curves, rng, resamples=400).tau
        covered += found.low <= 10.0 <= found.high
    share = Share(covered, trials)
    return Recovered("", share.within(0.92, 0.99, full=500), share)


def _forgotten(effort: Effort) -> Recovered:
    rng, trials, half_life = np.random.default_rng(11), effort.trials(100), 30.0
    prompts = np.repeat(np.arange(9), 40)
    found, covered = [], 0
    for _ in range(trials):
        kept = rng.random((360, 200)) < 2.0 ** (-np.arange(200) / half_life)
        places = np.where(kept, prompts[:, None], rng.integers(9, size=kept.shape))
        vectors = (6.0 * rng.normal(size=(9, 8)))[places] + rng.normal(size=(360, 200, 8))
        life = prompt_recoverability(list(vectors), prompts.tolist(), rng).half_life
        found.append(life.estimate / half_life - 1.0)
        covered += life.low <= half_life <= life.high
    near = int((np.abs(found) < 0.15).sum())
    said = f"off by {100 * float(np.median(np.abs(found))):.0f} % (median), {100 * near / trials:.0f} % within 15 %"
    return Recovered(said, near >= 0.9 * trials, Share(covered, trials))


def _no_prompts(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(12), effort.trials(500)
    prompts = np.repeat(np.arange(4), 6).tolist()
    made = (list(rng.normal(size=(24, 1, 64))) for _ in range(trials))
    found = [prompt_recoverability(runs, prompts, rng, resamples=1) for runs in made]
    accuracy = float(np.mean([each.accuracy[0] for each in found]))
    fair = abs(accuracy - 0.25) < 0.4 / math.sqrt(trials)  # four standard errors
    false = Share(sum(bool(each.low[0] > each.chance[0]) for each in found), trials)
    return Recovered(f"{accuracy:.3f} of 0.250", fair and false.value <= 0.07, None, false)


def _neighbours(effort: Effort) -> Recovered:
    logistic = nearest_neighbour_exponent(_orbit(_logistic_step, (0.3,), 2_000), theiler=5, horizon=20).exponent
    henon = nearest_neighbour_exponent(_orbit(_henon_step, (0.1, 0.1), 2_000), theiler=10, horizon=30).exponent
    flow = _orbit(_lorenz_step, (1.0, 1.0, 1.0), 4_000)
    lorenz = nearest_neighbour_exponent(flow, theiler=50, horizon=400).exponent / 0.02
    maps = abs(logistic / LOG_TWO - 1.0) < 0.05 and abs(henon / HENON - 1.0) < 0.05
    return Recovered(f"{logistic:.3f}, {henon:.3f}, {lorenz:.3f}", maps and abs(lorenz / LORENZ - 1.0) < 0.2)


def _orbit(step: Callable[[Any], Any], start: tuple[float, ...], steps: int) -> Floats:
    places = [np.array(start)]
    for _ in range(steps + 499):
        places.append(np.array(step(places[-1])))
    return np.array(places[500:])


def _logistic_step(place: Any) -> Any:
    return 4.0 * place * (1.0 - place)


def _henon_step(place: Any) -> Any:
    return 1.0 - 1.4 * place[0] ** 2 + place[1], 0.3 * place[0]


def _lorenz_step(place: Any) -> Any:
    """One Runge–Kutta step of 0.02."""

    def velocity(p: Any) -> Any:
        return np.array([10.0 * (p[1] - p[0]), p[0] * (28.0 - p[2]) - p[1], p[0] * p[1] - 8.0 / 3.0 * p[2]])

    one = velocity(place)
    two = velocity(place + 0.01 * one)
    three = velocity(place + 0.01 * two)
    four = velocity(place + 0.02 * three)
    return place + 0.02 / 6.0 * (one + 2.0 * two + 2.0 * three + four)


def _tau_row(tau: float, steps: int, noise: float, seed: int) -> Truth:
    planted = f"τ = {tau:g}, {steps} steps, noise {noise:g}"
    return Truth("relaxation time", planted, "interval holds τ in 93–97 %", _relaxing(tau, steps, noise, seed))


TRUTHS = [
    Truth("divergence curve", "20 runs of uneven spread", "band holds the mean in 90–98 %", _band),
    Truth("prompt divergence", "none, or half the noise", "false alarms ≤ 5 %, power ≥ 80 %", _prompts),
    Truth("Lyapunov exponent", "8 runs, e^{0.05 t}, noise 0.01", "0.05 ± 0.005, R² > 0.999", _separating),
    Truth("Lyapunov exponent, early", "logistic map, ln 2", "within 5 %", _logistic),
    Truth("saturation", "growing or levelling off", "false alarms ≤ 7 %, power ≥ 80 %", _saturating),
    Truth("Lyapunov exponent, interval", "20 runs of uneven pace", "holds the exponent in 90–98 %", _paces),
    _tau_row(10.0, 60, 0.05, 7),
    _tau_row(40.0, 60, 0.05, 8),
    _tau_row(3.0, 30, 0.2, 9),
    Truth("relaxation time, pooled", "τ = 10, 20 runs, wandering noise", "interval holds τ in 92–99 %", _pooled),
    Truth("prompt recoverability", "half-life 30, 9 × 40 runs", "within 15 %", _forgotten),
    Truth("prompt recoverability", "no difference", "chance, false alarms ≤ 7 %", _no_prompts),
    Truth("nearest-neighbour exponent", "0.693, 0.419, 0.906", "5 %, 5 %, 20 %", _neighbours),
]
