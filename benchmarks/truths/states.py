"""What states does it visit: Markov chains that are known, a diffusion between two wells, and planted changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.change_points import change_points
from panic_tda.analysis.closed_classes import closed_classes
from panic_tda.analysis.core_sets import core_set_sequences
from panic_tda.analysis.dwell_law import dwell_law
from panic_tda.analysis.dwell_times import dwell_time, stays
from panic_tda.analysis.entropy_rate import entropy_rate
from panic_tda.analysis.irreversibility import entropy_production, irreversibility
from panic_tda.analysis.markov_chain import MarkovChain, markov_chain
from panic_tda.analysis.markov_checks import MarkovChecks, markov_checks
from panic_tda.analysis.mixing_time import mixing_time, spectral_gap
from panic_tda.analysis.stationary import stationary_distribution
from panic_tda.analysis.transition_matrix import transition_counts
from truths.truth import Effort, Recovered, Share, Truth

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
STATES = 4


class _Quantity:
    """A function of a transition matrix and the interval a fitted chain gives it."""

    def __init__(self, name: str, truth: Callable[[Floats], float], interval: Callable[[MarkovChain], Interval]):
        self.name, self.truth, self.interval = name, truth, interval

    def covered(self, matrix: Floats, chain: MarkovChain) -> bool:
        found = self.interval(chain)
        return found.low <= self.truth(matrix) <= found.high


QUANTITIES = (
    _Quantity(
        "transition probability",
        lambda matrix: float(matrix[0, 1]),
        lambda chain: Interval(0.0, float(chain.low[0, 1]), float(chain.high[0, 1]), 0.95, 0),
    ),
    _Quantity(
        "stationary distribution",
        lambda matrix: float(stationary_distribution(matrix)[0]),
        lambda chain: chain.stationary[0],
    ),
    _Quantity("spectral gap", lambda matrix: float(spectral_gap(matrix)), lambda chain: chain.spectral_gap),
    _Quantity("mixing time", lambda matrix: float(mixing_time(matrix)), lambda chain: chain.mixing_time),
    _Quantity("entropy rate", lambda matrix: float(entropy_rate(matrix)), lambda chain: chain.entropy_rate),
    _Quantity("irreversibility", lambda matrix: float(irreversibility(matrix)), lambda chain: chain.irreversibility),
    _Quantity(
        "entropy production", lambda matrix: float(entropy_production(matrix)), lambda chain: chain.entropy_production
    ),
)


def _runs(matrix: Floats, runs: int, steps: int, rng: np.random.Generator) -> list[Integers]:
    """Runs of a chain, the first states evenly spread."""
    ladder, path = np.cumsum(matrix, axis=1)[:, :-1], [np.arange(runs) % len(matrix)]
    for _ in range(steps - 1):
        path.append((rng.random(runs)[:, None] >= ladder[path[-1]]).sum(axis=1))
    return list(np.array(path, np.int64).T)


@cache
def _coverage(trials: int, weight: float, steps: int) -> dict[str, Share]:
    """How often each quantity of chains with Dirichlet(``weight``) rows lies in its interval."""
    rng, hits = np.random.default_rng(1), dict.fromkeys((each.name for each in QUANTITIES), 0)
    for _ in range(trials):
        matrix = np.maximum(rng.dirichlet(np.full(STATES, weight), size=STATES), 1e-300)
        # Every state is among the starts, so that the fitted chain knows them all.
        chain = markov_chain(_runs(matrix, 2 * STATES, steps, rng), rng, samples=400, permutations=1)
        for each in QUANTITIES:
            hits[each.name] += each.covered(matrix, chain)
    return {name: Share(count, trials) for name, count in hits.items()}


def _calibrated(name: str) -> Callable[[Effort], Recovered]:
    def check(effort: Effort) -> Recovered:
        share = _coverage(effort.trials(2_000), 1.0 / STATES, 13)[name]
        return Recovered("", share.within(0.93, 0.97, full=2_000), share)

    return check


def _unlike_the_prior(effort: Effort) -> Recovered:
    shares = _coverage(effort.trials(1_000), 1.0, 251)
    worst = max(shares, key=lambda name: abs(shares[name].value - 0.95))
    held = all(share.within(0.93, 0.97, full=1_000) for share in shares.values())
    return Recovered(f"farthest from 95 %: {worst}", held, shares[worst])


@cache
def _checks(trials: int, kind: str) -> list[MarkovChecks]:
    rng, found = np.random.default_rng(2), []
    for _ in range(trials):
        weights = rng.gamma(1.0, size=(STATES, STATES))
        weights = weights + weights.T if kind == "reversible" else weights
        matrix = weights / weights.sum(axis=1, keepdims=True)
        runs = _runs(matrix, 12, 40, rng)
        if kind == "memory":  # three of ten steps repeat the state before the last
            runs = [_echo(run, rng) for run in runs]
        if kind == "two matrices":
            runs[6:] = _runs(rng.dirichlet(np.ones(STATES), size=STATES), 6, 40, rng)
        found.append(markov_checks(runs, rng, groups=[run // 3 for run in range(12)], permutations=99))
    return found


def _echo(run: Integers, rng: np.random.Generator) -> Integers:
    echoed = run.copy()
    for step in np.flatnonzero(rng.random(len(run)) < 0.3):
        if step > 1:
            echoed[step] = echoed[step - 2]
    return echoed


def _test(field: str, null: str, planted: str) -> Callable[[Effort], Recovered]:
    def check(effort: Effort) -> Recovered:
        trials = effort.trials(1_000)
        false, power = (
            Share(sum(getattr(each, field) <= 0.05 for each in _checks(trials, kind)), trials)
            for kind in (null, planted)
        )
        held = false.within(0.03, 0.07, full=1_000) and power.value >= 0.8
        return Recovered("", held, None, false, power)

    return check


def _borders(effort: Effort) -> Recovered:
    del effort
    a, b, c, d, outlier = 0, 1, 2, 3, -1
    separate = transition_counts([[a] * 5 + [b] * 5, [c] * 5 + [d] * 5])
    broken = transition_counts([[a, a, outlier, b, b]])
    trapped = closed_classes(transition_counts([[a, b, c, d, c, d, c], [b, a, b, c, d]]))
    held = (
        separate.counts.tolist() == [[4, 1, 0, 0], [0, 4, 0, 0], [0, 0, 4, 1], [0, 0, 0, 4]]
        and (broken.counts.tolist(), broken.lost) == ([[1, 0], [0, 1]], 2)
        and [each.states for each in trapped] == [(c, d)]
    )
    return Recovered("exactly" if held else "not", held)


def _two_wells(effort: Effort) -> Recovered:
    height, core, step, every = 3.0, 0.8, 5e-4, 20
    rng, runs = np.random.default_rng(3), 60 if effort.fast else 600
    place, path = np.full(runs, -1.0), []
    for count in range(80_000):
        place = place - 4.0 * height * place * (place**2 - 1.0) * step + np.sqrt(2.0 * step) * rng.normal(size=runs)
        if count % every == 0:
            path.append(place)
    places = np.array(path).T
    cores = core_set_sequences(list(np.where(places <= -core, 0, np.where(places >= core, 1, -1))))
    found = stays(cores.sequences, skip=cores.before_first)
    truth = _passage(height, core) / (step * every)
    means = [dwell_time(found, state, rng).mean.estimate for state in (0, 1)]
    worst = max(abs(mean / truth - 1.0) for mean in means)
    flicker = dwell_time(stays(list((places > 0.0).astype(np.int64))), 0, rng).mean.estimate
    said = f"{means[0]:.0f} and {means[1]:.0f}, truly {truth:.0f}; cut at the top of the barrier {flicker:.0f}"
    return Recovered(said, worst <= (0.2 if effort.fast else 0.1))


def _passage(height: float, core: float) -> float:
    """Mean first passage time from −core to core in height·(x² − 1)² at unit temperature: the exact double integral."""
    below, above = np.linspace(-3.0, core, 20_001), np.linspace(-core, core, 4_001)
    well = np.exp(-height * (below**2 - 1.0) ** 2)
    inner = np.concatenate(([0.0], np.cumsum((well[1:] + well[:-1]) / 2.0) * (below[1] - below[0])))
    barrier = np.exp(height * (above**2 - 1.0) ** 2)
    return float(np.trapezoid(barrier * np.interp(above, below, inner), above))


def _laws(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(4), effort.trials(500)

    def verdicts(draw: Callable[[], Integers], wanted: str) -> int:
        return sum(_law_of(draw(), rng) == wanted for _ in range(trials))

    same = verdicts(lambda: rng.geometric(0.1, 100), "exponential")
    heavy = verdicts(lambda: np.ceil(5.0 * rng.pareto(1.5, 100) + 1e-9).astype(np.int64), "heavy tail")
    steady = verdicts(lambda: np.ceil(rng.gamma(4.0, 2.5, 100)).astype(np.int64), "regular")
    false, power = Share(trials - same, trials), Share(min(heavy, steady), trials)
    return Recovered("", false.value <= 0.07 and power.value >= 0.8, None, false, power)


def _law_of(steps: Integers, rng: np.random.Generator) -> str:
    """A fifth of the stays are cut off."""
    end = np.where(rng.random(len(steps)) < 0.2, np.ceil(rng.random(len(steps)) * steps).astype(np.int64), steps)
    return dwell_law(end, end == steps).verdict


def _planted_changes(effort: Effort) -> Recovered:
    rng, trials, spectrum = np.random.default_rng(5), effort.trials(500), np.arange(1, 769) ** -0.5
    hits, length = 0, float(np.linalg.norm(spectrum))
    for _ in range(trials):
        means = rng.normal(size=(3, 768)) * spectrum
        means *= length / np.linalg.norm(means, axis=1, keepdims=True)
        found = change_points(rng.normal(size=(100, 768)) * spectrum + means[np.repeat([0, 1, 2], [30, 40, 30])]).steps
        hits += len(found) == 2 and bool((np.abs(found - [30, 70]) <= 2).all())
    power = Share(hits, trials)
    return Recovered("", power.value >= 0.95, None, None, power)


def _no_changes(dimensions: int, memory: float) -> Callable[[Effort], Recovered]:
    def check(effort: Effort) -> Recovered:
        rng, trials, alarms = np.random.default_rng(6), effort.trials(500), 0
        spectrum = np.arange(1, dimensions + 1) ** (-0.5 if dimensions > 10 else 0.0)
        for _ in range(trials):
            rows = rng.normal(size=(100, dimensions)) * spectrum
            rows[1:] *= np.sqrt(1.0 - memory**2)
            for step in range(1, 100):
                rows[step] += memory * rows[step - 1]
            alarms += len(change_points(rows).steps) > 0
        false = Share(alarms, trials)
        return Recovered("", false.within(0.0, 0.05, full=500), None, false)

    return check


TRUTHS = [
    Truth("transitions", "borders of runs, outliers, a closed class", "exactly", _borders),
    *(
        Truth(f"Markov chain: {each.name}", "4 states, rows from the prior", "93–97 % in", _calibrated(each.name))
        for each in QUANTITIES
    ),
    Truth("Markov chain: every quantity", "4 states, rows uniform", "93–97 % in", _unlike_the_prior),
    Truth(
        "Markov checks: memory",
        "three steps of ten echo the last but one",
        "3–7 %, power ≥ 0.8",
        _test("memory", "free", "memory"),
    ),
    Truth("Markov checks: one matrix", "two matrices", "3–7 %, power ≥ 0.8", _test("shared", "free", "two matrices")),
    Truth(
        "Markov checks: arrow of time", "random chains", "3–7 %, power ≥ 0.8", _test("reversible", "reversible", "free")
    ),
    Truth("core-set dwell time", "diffusion between two wells", "within 10 %", _two_wells),
    Truth("law of dwell times", "geometric; Pareto and gamma", "false ≤ 7 %, power ≥ 0.8", _laws),
    Truth("change points", "at 30 and 70 of 100, 768 coordinates", "±2 steps in 95 %", _planted_changes),
    Truth("change points", "noise, 5 coordinates", "false ≤ 5 %", _no_changes(5, 0.0)),
    Truth("change points", "noise with memory 0.5, 5 coordinates", "false ≤ 5 %", _no_changes(5, 0.5)),
    Truth("change points", "noise with memory 0.8, 768 coordinates", "false ≤ 5 %", _no_changes(768, 0.8)),
]
