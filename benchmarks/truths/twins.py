"""Twin runs: linear maps whose growth rate is known, chaos that saturates, and shares of merged pairs.

The growth rate of a linear map is the log of its spectral radius, whatever perturbation one begins with. For coverage
the gain of every step is random with mean log 0, the same for a run and its twins, so that runs differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.clustered_share import clustered_share
from panic_tda.analysis.size_exponent import size_exponent
from panic_tda.analysis.twins import twin_growth
from truths.truth import Effort, Recovered, Share, Truth

Floats = NDArray[np.float64]
Generator = np.random.Generator

_SKIP, _STEPS = 50, 400


def _map(rng: Generator, size: int, radius: float) -> Floats:
    matrix: Floats = rng.standard_normal((size, size))
    return matrix * (radius / float(np.abs(np.linalg.eigvals(matrix)).max()))


def _linear(rng: Generator, matrix: Floats, runs: int, sizes: Floats, steps: int, gain: float) -> Floats:
    """Separations (runs · twins, steps) of runs of x → A x and twins whose start is off by ``sizes`` (twins,)."""
    start = rng.standard_normal((runs, 1, len(matrix)))
    off = sizes[:, None] * rng.standard_normal((runs, len(sizes), len(matrix)))
    run, twin = np.broadcast_to(start, off.shape), start + off
    found = []
    for _ in range(steps):
        found.append(np.linalg.norm(run - twin, axis=-1).ravel())
        step = np.exp(gain * rng.standard_normal((runs, 1, 1)))
        run, twin = step * (run @ matrix.T), step * (twin @ matrix.T)
    return np.array(found).T


def _logistic(rng: Generator, runs: int, sizes: Floats, steps: int) -> Floats:
    """The same of x → 4 x (1 − x)."""
    start = rng.uniform(0.1, 0.9, (runs, 1))
    run, twin = np.broadcast_to(start, (runs, len(sizes))), start + sizes * rng.choice([-1.0, 1.0], (runs, len(sizes)))
    found = []
    for _ in range(steps):
        found.append(np.abs(run - twin).ravel())
        run, twin = 4.0 * run * (1.0 - run), 4.0 * twin * (1.0 - twin)
    return np.array(found).T


def _twice(runs: int, twins: int) -> list[int]:
    return [run for run in range(runs) for _ in range(twins)]


def _radius(effort: Effort) -> Recovered:
    worst = 0.0
    for trial in range(effort.trials(200)):
        rng = np.random.default_rng([7301, trial])
        rate = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 0.7))
        pairs = _linear(rng, _map(rng, 8, np.exp(rate)), 20, np.array([1e-6]), _STEPS, 0.0)
        found = twin_growth(pairs, range(20), rng, skip=_SKIP, resamples=20)
        worst = max(worst, abs(found.rate.estimate / rate - 1.0))
    return Recovered(f"worst error {100 * worst:.1f} %", worst <= 0.05)


def _coverage(effort: Effort) -> Recovered:
    trials, hits = effort.trials(500), 0
    for trial in range(trials):
        rng = np.random.default_rng([7302, trial])
        rate, runs = float(rng.uniform(-0.5, 0.5)), int(rng.integers(4, 21))
        pairs = _linear(rng, _map(rng, 4, np.exp(rate)), runs, np.array([1e-6, 1e-3]), 100, 0.3)
        found = twin_growth(pairs, _twice(runs, 2), rng, skip=20, resamples=400).rate
        hits += found.low <= rate <= found.high
    return _covered(hits, trials, 500)


def _chaos(effort: Effort) -> Recovered:
    trials, flagged, errors = effort.trials(200), 0, []
    for trial in range(trials):
        rng = np.random.default_rng([7303, trial])
        found = twin_growth(_logistic(rng, 20, np.array([1e-12, 1e-10]), 80), _twice(20, 2), rng, resamples=20)
        flagged += found.saturation is not None and any("saturated" in caution for caution in found.cautions)
        errors.append(abs(found.rate.estimate / np.log(2.0) - 1.0))
    value = f"worst error {100 * max(errors):.1f} %, {flagged} of {trials} flagged"
    return Recovered(value, max(errors) <= 0.05 and flagged == trials)


def _sizes(effort: Effort, trial_of: Any, exponent: float) -> Recovered:
    trials, hits = effort.trials(500), 0
    for trial in range(trials):
        rng = np.random.default_rng([7304, round(exponent), trial])
        runs = int(rng.integers(5, 21))
        pairs = trial_of(rng, runs, 10.0 ** rng.uniform(-8, -4, 3))
        found = size_exponent(pairs[:, 0], pairs[:, -1], _twice(runs, 3), rng, resamples=400).exponent
        hits += found.low <= exponent <= found.high
    return _covered(hits, trials, 500)


def _sizes_linear(effort: Effort) -> Recovered:
    def pairs(rng: Generator, runs: int, sizes: Floats) -> Floats:
        return _linear(rng, _map(rng, 4, 1.1), runs, sizes, 40, 0.1)

    return _sizes(effort, pairs, 1.0)


def _sizes_forgotten(effort: Effort) -> Recovered:
    return _sizes(effort, lambda rng, runs, sizes: _logistic(rng, runs, sizes, 80), 0.0)


def _merged(effort: Effort) -> Recovered:
    trials, hits, share = effort.trials(1000), 0, 0.3
    for trial in range(trials):
        rng = np.random.default_rng([7305, trial])
        of_run = rng.beta(2.0 * share, 2.0 * (1.0 - share), 20)
        merged = rng.random((20, 3)) < of_run[:, None]
        found = clustered_share(merged.ravel().tolist(), _twice(20, 3))
        hits += found.low <= share <= found.high
    return _covered(hits, trials, 1000)


def _covered(hits: int, trials: int, full: int) -> Recovered:
    share = Share(hits, trials)
    return Recovered("interval", share.within(0.93, 0.97, full=full), coverage=share)


TRUTHS: list[Truth] = [
    Truth("twin growth rate", "random linear maps, spectral radius 0.5 to 2", "its log within 5 %", _radius),
    Truth("twin growth rate", "random linear maps, random gains, 4 to 20 runs", "log radius in 93–97 %", _coverage),
    Truth("twin growth rate", "logistic map r = 4, until it saturates", "ln 2 within 5 %, flagged", _chaos),
    Truth("size exponent", "random linear maps: size never matters", "1 in 93–97 %", _sizes_linear),
    Truth("size exponent", "logistic map r = 4, saturated: size forgotten", "0 in 93–97 %", _sizes_forgotten),
    Truth("share of merged twins", "20 runs with shares of their own, 3 twins each", "0.3 in 93–97 %", _merged),
]
