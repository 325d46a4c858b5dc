"""Is it stuck, has it been here before: planted cycles, sines, noise, Markov chains, and their own null systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.recurrence import Absorption, exact_absorption, recurrence_matrix
from panic_tda.analysis.recurrence_quantification import recurrence_quantification, recurrence_test
from panic_tda.analysis.return_times import Returns, first_returns, return_times, symbol_returns
from panic_tda.analysis.surrogates import (
    Surrogate,
    SurrogateTest,
    markov_order,
    markov_surrogate,
    phase_surrogate,
    shuffled_order,
    shuffled_surrogate,
    surrogate_test,
)
from truths.truth import Effort, Recovered, Share, Truth

SURROGATES = 119

Process = Callable[[np.random.Generator], NDArray[Any]]
Statistic = Callable[[NDArray[Any]], float]
Test = Callable[[NDArray[Any], np.random.Generator], SurrogateTest]


def _absorption(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(1), effort.trials(500)
    found = missed = invented = 0
    for _ in range(trials):
        start, period = int(rng.integers(0, 80)), int(rng.integers(1, 25))
        length = start + int(period * rng.uniform(2, 5)) + 1
        names = rng.permutation(10_000)[: start + period].tolist()
        keys = names[:start] + [names[start + step % period] for step in range(length - start)]
        found += exact_absorption(keys) == Absorption(start, period)
        missed += exact_absorption(keys) is None
        invented += exact_absorption(rng.permutation(10_000)[:length].tolist()) is not None
    held = found == trials and not invented
    return Recovered(f"{found} of {trials}, {missed} missed", held, Share(found, trials), Share(invented, trials))


def _sine(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(2), effort.trials(500)
    lowest = 1.0
    for _ in range(trials):
        phase = 2 * np.pi * np.arange(200) / rng.uniform(12, 40) + rng.uniform(0, 2 * np.pi)
        quarter_apart = np.column_stack((np.sin(phase), np.sin(phase + np.pi / 2)))
        measures = recurrence_quantification(euclidean_distances(quarter_apart)).measures
        lowest = min(lowest, measures.determinism)
    return Recovered(f"at least {lowest:.3f}", lowest > 0.95)


def _white_noise(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(3), effort.trials(500)
    above, within = dict.fromkeys(("determinism", "laminarity"), 0), 0
    for _ in range(trials):
        distances = euclidean_distances(rng.normal(size=(100, 3)))
        tests = recurrence_test(distances, [shuffled_order(100, rng) for _ in range(39)], rng)
        for name in above:
            above[name] += tests[name].greater <= 0.05
        within += tests["determinism"].observed <= tests["determinism"].high
    share = Share(above["determinism"], trials)
    held = share.within(0.03, 0.07, full=500) and Share(above["laminarity"], trials).within(0.03, 0.07, full=500)
    return Recovered(f"not above its band in {within / trials:.1%}", held, false_alarms=share)


def _chain(rng: np.random.Generator, states: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A random transition matrix, and its stationary distribution."""
    transitions = rng.dirichlet(np.ones(states), size=states) * 0.9 + 0.1 / states
    return transitions, np.linalg.matrix_power(transitions, 400)[0]


def _walk(
    rng: np.random.Generator, transitions: NDArray[np.float64], start: NDArray[np.float64], steps: int
) -> NDArray[np.int64]:
    bounds, draws = np.cumsum(transitions, axis=1), rng.random(steps)
    path = [int(rng.choice(len(start), p=start))]
    for draw in draws[1:]:
        path.append(min(int(np.searchsorted(bounds[path[-1]], draw)), len(start) - 1))
    return np.array(path)


def _kac(effort: Effort) -> Recovered:
    rng, trials = np.random.default_rng(4), effort.trials(200)
    ratios, naive = [], []
    for _ in range(trials):
        transitions, stationary = _chain(rng, int(rng.integers(3, 7)))
        runs = [_walk(rng, transitions, stationary, 60) for _ in range(40)]
        state = int(rng.integers(len(stationary)))
        seen = [symbol_returns(run.tolist(), of=state) for run in runs]
        ratios.append(return_times(seen).mean * stationary[state])
        steps, returned = (np.concatenate([each[part] for each in seen]) for part in (0, 1))
        naive.append(steps[returned].mean() * stationary[state])
    ratio, error = float(np.mean(ratios)), float(np.std(ratios) / np.sqrt(trials))
    value = f"{ratio:.3f} ± {error:.3f} of 1/π (completed returns alone: {np.mean(naive):.3f})"
    return Recovered(value, abs(ratio - 1.0) <= 0.02 + 3.0 * error * (trials < 200))


def _balls(effort: Effort) -> Recovered:
    """States that are far apart, with a little noise: the mean return time over all steps is the number of states."""
    rng, trials = np.random.default_rng(5), effort.trials(200)
    ratios = []
    for _ in range(trials):
        transitions, stationary = _chain(rng, int(rng.integers(3, 7)))
        runs: list[Returns] = []
        for _ in range(10):
            path = _walk(rng, transitions, stationary, 120)
            points = np.eye(len(stationary))[path] + rng.uniform(-0.05, 0.05, (120, len(stationary)))
            runs.append(first_returns(recurrence_matrix(euclidean_distances(points), 0.5)))
        ratios.append(return_times(runs).mean / len(stationary))
    ratio, error = float(np.mean(ratios)), float(np.std(ratios) / np.sqrt(trials))
    held = abs(ratio - 1.0) <= 0.02 + 3.0 * error * (trials < 200)
    return Recovered(f"{ratio:.3f} ± {error:.3f} of the number of states", held)


def _independent(rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.exponential(size=(60, 2))


def _autocorrelated(rng: np.random.Generator) -> NDArray[np.float64]:
    walk = rng.normal(size=(60, 2))
    for step in range(1, 60):
        walk[step] += 0.5 * walk[step - 1]
    return walk


def _linear_gaussian(rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise through a linear filter that mixes three coordinates, stationary on a circle of 64 steps."""
    mixed = rng.normal(size=(64, 3)) @ np.array([[1.0, 0.8, 0.0], [0.0, 1.0, 0.5], [0.3, 0.0, 1.0]])
    spectrum = np.fft.rfft(mixed, axis=0)
    filtered = spectrum / (1.0 - 0.7 * np.exp(-2j * np.pi * np.fft.rfftfreq(64)))[:, None]
    process: NDArray[np.float64] = np.fft.irfft(filtered, n=64, axis=0)
    return process


def _ratchet(rng: np.random.Generator) -> NDArray[np.float64]:
    """Rises in small steps and falls at once: its spectrum is not all there is to know."""
    saw = (np.arange(64) / 8.0 + rng.random()) % 1.0
    return np.column_stack([saw + 0.1 * rng.normal(size=64) for _ in range(3)])


def _markov(rng: np.random.Generator) -> NDArray[np.int64]:
    return _walk(rng, np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.1, 0.6]]), np.full(3, 1 / 3), 100)


def _second_order(rng: np.random.Generator) -> NDArray[np.int64]:
    """The next symbol is often the one before the last, plus one."""
    path = [0, 1]
    for _ in range(98):
        path.append((path[-2] + 1) % 3 if rng.random() < 0.6 else int(rng.integers(3)))
    return np.array(path)


def _emitted(rng: np.random.Generator) -> NDArray[np.float64]:
    """A symbol, and a point that depends on nothing else."""
    symbols = _markov(rng)
    return np.column_stack((symbols, symbols + rng.normal(size=len(symbols))))


def _emitted_slowly(rng: np.random.Generator) -> NDArray[np.float64]:
    """The same with noise that lasts for two steps."""
    symbols = _markov(rng)
    return np.column_stack((symbols, symbols + rng.normal(size=len(symbols) // 2).repeat(2)))


def _lag_one(rows: NDArray[Any]) -> float:
    return float((rows[1:, -1] * rows[:-1, -1]).mean())


def _asymmetry(rows: NDArray[Any]) -> float:
    return float((np.diff(rows.mean(axis=1)) ** 3).mean())


def _triples(symbols: NDArray[Any]) -> float:
    """Σ n log n over the counts of three symbols in a row."""
    counts = np.bincount(symbols[:-2] * 9 + symbols[1:-1] * 3 + symbols[2:], minlength=27)
    return float((counts * np.log(np.maximum(counts, 1))).sum())


def _through_symbols(rows: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    return rows[markov_order(rows[:, 0].astype(int).tolist(), rng)]


def _tested(statistic: Statistic, surrogate: Surrogate) -> Test:
    return lambda rows, rng: surrogate_test(statistic, rows, surrogate, rng, count=SURROGATES)


def _determinism_tested(rows: NDArray[Any], rng: np.random.Generator) -> SurrogateTest:
    orders = [shuffled_order(len(rows), rng) for _ in range(SURROGATES)]
    return recurrence_test(euclidean_distances(rows), orders, rng, ties="random")["determinism"]


def _uniform(null: Process, other: Process, test: Test, seed: int) -> Callable[[Effort], Recovered]:
    """p-values under the null (uniform?) and where it does not hold (power)."""

    def check(effort: Effort) -> Recovered:
        from scipy.stats import kstest

        rng, trials, others = np.random.default_rng(seed), effort.trials(1000), effort.trials(100)
        tests = [test(null(rng), rng) for _ in range(trials)]
        # Ranks are discrete: spread each evenly over the step it stands for.
        fit = float(kstest([each.greater - rng.random() / (SURROGATES + 1) for each in tests], "uniform").pvalue)
        alarms = Share(sum(each.two_sided <= 0.05 for each in tests), trials)
        power = Share(sum(test(other(rng), rng).two_sided <= 0.05 for _ in range(others)), others)
        return Recovered(f"KS p = {fit:.2f}", fit > 0.01, false_alarms=alarms, power=power)

    return check


TRUTHS = [
    Truth("exact absorption", "500 cycles with random transient and period; sequences without repeats",
          "all exactly, none invented", _absorption),
    Truth("determinism", "sine and its quarter-period delay, random period and phase", "> 0.95", _sine),
    Truth("determinism against shuffled", "white noise", "above its 95 % band in 3–7 %", _white_noise),
    Truth("return times, symbols", "random Markov chains of 3–6 states, 40 runs of 60 steps", "1/π ± 2 %", _kac),
    Truth("return times, balls", "noisy points of such chains, 10 runs of 120 steps", "states ± 2 %", _balls),
    Truth("shuffled surrogates, autocorrelation", "independent exponential steps; power: AR(1) at 0.5",
          "p uniform: KS p > 0.01", _uniform(_independent, _autocorrelated, _tested(_lag_one, shuffled_surrogate), 6)),
    Truth("shuffled surrogates, determinism", "independent exponential steps; power: AR(1) at 0.5",
          "p uniform: KS p > 0.01", _uniform(_independent, _autocorrelated, _determinism_tested, 7)),
    Truth("phase surrogates", "three mixed linear Gaussian processes; power: a noisy ratchet",
          "p uniform: KS p > 0.01", _uniform(_linear_gaussian, _ratchet, _tested(_asymmetry, phase_surrogate), 8)),
    Truth("Markov surrogates, symbols", "a chain of 3 states; power: a chain of order 2",
          "p uniform: KS p > 0.01", _uniform(_markov, _second_order, _tested(_triples, markov_surrogate), 9)),
    Truth("Markov surrogates, trajectory", "noisy points of a chain; power: noise that lasts",
          "p uniform: KS p > 0.01", _uniform(_emitted, _emitted_slowly, _tested(_lag_one, _through_symbols), 10)),
]  # fmt: skip
