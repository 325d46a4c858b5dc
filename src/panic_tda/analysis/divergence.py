"""Do runs move apart? The mean distance between the runs of a group at every step.

Every pair of runs is measured at the same step, with the Euclidean distance between their vectors; for vectors of
length 1 that is the chord, at most 2. Runs may end at different steps: a pair counts as long as both last. Bands are
bootstrapped over runs, never over pairs or steps.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import euclidean_distances, finite_points
from panic_tda.analysis.pair_bootstrap import percentile_band, run_weights, tail_probability, weighted_pair_means
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEW_RUNS = 5
"""With fewer runs a band is told to be rough."""


class DivergenceCurve(NamedTuple):
    """Mean distance over pairs of runs at steps 0 … T − 1, with its band at ``level``.

    ``mean``, ``low``, ``high`` (T,) float64, NaN where there are no pairs (the band also where there are fewer than 3
    runs); ``pairs`` (T,) int64; ``runs`` the number of runs.
    """

    mean: Floats
    low: Floats
    high: Floats
    pairs: NDArray[np.int64]
    runs: int
    level: float
    cautions: tuple[str, ...]


class PromptDivergence(NamedTuple):
    """Runs of different prompts against the noise floor, runs of the same prompt with other seeds.

    ``excess`` is ``different`` minus ``same``, with a band of its own from the same resamples: where it lies above 0
    the prompt still shows. Its ``pairs`` are those of ``same``.
    """

    same: DivergenceCurve
    different: DivergenceCurve
    excess: DivergenceCurve
    cautions: tuple[str, ...]


class StepDistances(NamedTuple):
    """The ``runs`` that last to a step, (n,) positions in the group, and their ``distances`` (n, n) there."""

    runs: NDArray[np.int64]
    distances: Floats


def divergence_curve(
    trajectories: Sequence[ArrayLike], rng: np.random.Generator, *, level: float = 0.95, resamples: int = 1000
) -> DivergenceCurve:
    """Mean distance between all pairs of ``trajectories``, each (T_i, d), at every step that two of them reach.

    Raises ``RequestError`` for fewer than two runs, vectors that are not finite or of different length, a ``level``
    outside (0, 1) or ``resamples`` < 1.
    """
    runs = checked_runs(trajectories)
    weights = run_weights(np.zeros(len(runs), np.int64), rng, resamples)
    means, pairs = [], []
    for step in distances_at_each_step(runs):
        apart = ~np.eye(len(step.runs), dtype=bool)
        means.append(weighted_pair_means(step.distances, apart, weights[:, step.runs]))
        pairs.append(int(apart.sum()) // 2)
    tail = tail_probability(np.zeros(len(runs), np.int64), level)
    return _curve(np.array(means).T, pairs, len(runs), level, tail)


def prompt_divergence(
    trajectories: Sequence[ArrayLike],
    prompts: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    resamples: int = 1000,
) -> PromptDivergence:
    """Mean distance between runs of different prompts, and between runs of the same one, at every step.

    ``prompts`` names the prompt of each of the ``trajectories``. Runs are drawn anew within their prompts, so the bands
    speak of these prompts with other seeds. Raises ``RequestError`` as :func:`divergence_curve` does, and when there
    is not one prompt for each run, fewer than two prompts, or no prompt with two runs.
    """
    runs = checked_runs(trajectories)
    codes = prompt_codes(prompts, len(runs))
    if codes.max() < 1 or np.bincount(codes).max() < 2:
        raise RequestError("a noise floor needs two prompts and a prompt with two runs")
    weights = run_weights(codes, rng, resamples)
    tail = tail_probability(codes, level)
    means: tuple[list[Floats], list[Floats]] = ([], [])
    pairs: tuple[list[int], list[int]] = ([], [])
    for step in distances_at_each_step(runs):
        alike = codes[step.runs, None] == codes[None, step.runs]
        for kind, chosen in enumerate((alike & ~np.eye(len(alike), dtype=bool), ~alike)):
            means[kind].append(weighted_pair_means(step.distances, chosen, weights[:, step.runs]))
            pairs[kind].append(int(chosen.sum()) // 2)
    same, different = (np.array(each).T for each in means)
    curves = [(same, pairs[0]), (different, pairs[1]), (different - same, pairs[0])]
    made = [_curve(values, count, len(runs), level, tail) for values, count in curves]
    return PromptDivergence(made[0], made[1], made[2], _prompt_cautions(codes))


def distances_at_each_step(runs: Sequence[Floats]) -> Iterator[StepDistances]:
    """The distances between all runs that reach step 0, 1, …, as long as there are two."""
    lengths = np.array([len(run) for run in runs])
    for step in range(int(np.sort(lengths)[-2])):
        there = np.flatnonzero(lengths > step)
        rows = np.stack([run[step] for run in runs if len(run) > step])
        yield StepDistances(there, euclidean_distances(rows))


def checked_runs(trajectories: Sequence[ArrayLike]) -> list[Floats]:
    """The trajectories as float64 arrays (T_i, d); ``RequestError`` as :func:`divergence_curve` says."""
    runs = [finite_points(each, np.float64) for each in trajectories]
    if len(runs) < 2:
        raise RequestError(f"divergence is between runs and needs at least 2, got {len(runs)}")
    sizes = sorted({run.shape[1] for run in runs if len(run)})
    if len(sizes) > 1:
        raise RequestError(f"the runs have vectors of different length: {', '.join(map(str, sizes))}")
    return runs


def prompt_codes(prompts: Sequence[Hashable], runs: int) -> NDArray[np.int64]:
    """A number for each prompt, in order of first appearance: (n,) int64."""
    if len(prompts) != runs:
        raise RequestError(f"every run has one prompt; got {runs} runs and {len(prompts)} prompts")
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(prompt, len(numbers)) for prompt in prompts], dtype=np.int64)


def _curve(resampled: Floats, pairs: Sequence[int], runs: int, level: float, tail: float) -> DivergenceCurve:
    if not resampled.size:
        empty = np.empty(0)
        return DivergenceCurve(empty, empty, empty, np.empty(0, np.int64), runs, level, ("no step with two runs",))
    low, high = percentile_band(resampled[1:], tail)
    counts = np.array(pairs, dtype=np.int64)
    return DivergenceCurve(resampled[0], low, high, counts, runs, level, _curve_cautions(counts, runs))


def _curve_cautions(pairs: NDArray[np.int64], runs: int) -> tuple[str, ...]:
    cautions = []
    if runs < FEW_RUNS:
        cautions.append(f"only {runs} runs: " + ("the band is rough" if runs > 2 else "there is no band"))
    if pairs.min() < pairs.max():
        cautions.append(f"runs end at different steps: {pairs[0]} pairs at the first step, {pairs[-1]} at the last")
    return tuple(cautions)


def _prompt_cautions(codes: NDArray[np.int64]) -> tuple[str, ...]:
    single = int((np.bincount(codes) == 1).sum())
    prompts = "1 prompt has" if single == 1 else f"{single} prompts have"
    return (f"{prompts} one run only and no part in the noise floor",) if single else ()
