"""Prompt recoverability: can the prompt of a run still be told from its vector at step t?

The classifier is the nearest class mean, the one that works with many dimensions and few runs (Tibshirani, Hastie,
Narasimhan & Chu, PNAS 99 (2002), with no shrinkage). One run of each prompt at a time is left out (the k-th of every
prompt, so runs in the order of their seeds leave out a seed) and is given to the prompt whose mean over the other runs
is nearest. Then all means rest on equally many runs, and where k prompts do not differ each is as likely as another,
1 / k; leaving out one run alone would worsen its own prompt's mean and push the accuracy below that. For unequal
numbers of runs the squared distance to a mean of m runs is reduced by its expected error, trace(covariance) / m.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.divergence import checked_runs, prompt_codes
from panic_tda.analysis.pair_bootstrap import percentile_band, run_weights, tail_probability
from panic_tda.analysis.shares import share_interval
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_STEPS = 60
FEWEST_RUNS = 20
_TIE = 1e-9


class Recoverability(NamedTuple):
    """Accuracy of naming the prompt at some ``steps`` (S,), with its interval (Wilson) and ``chance`` (S,).

    ``half_life``: the steps in which accuracy − chance falls to half of what it is at first, smoothed to a curve that
    never rises; ∞ when it does not fall so far, NaN when the prompt cannot be told at first. Its interval is over runs,
    which are drawn anew within their prompts. ``runs`` (S,): runs that were judged; ``prompts`` (S,): how many prompts
    there were to choose from.
    """

    steps: Integers
    accuracy: Floats
    low: Floats
    high: Floats
    chance: Floats
    runs: Integers
    prompts: Integers
    half_life: Interval
    cautions: tuple[str, ...]


def prompt_recoverability(
    trajectories: Sequence[ArrayLike],
    prompts: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    most_steps: int = MOST_STEPS,
    level: float = 0.95,
    resamples: int = 1000,
) -> Recoverability:
    """How well the prompt is told from the vectors of ``trajectories``, each (T_i, d), at evenly spread steps.

    ``prompts`` names the prompt of each run. At a step, prompts with fewer than two runs that reach it are left out;
    the steps end where fewer than two prompts are left. Raises ``RequestError`` for vectors that are not finite or of
    different length, when there is not one prompt for each run or no two prompts have two runs, for ``most_steps`` < 2,
    a ``level`` outside (0, 1) or ``resamples`` < 1.
    """
    runs = checked_runs(trajectories)
    codes = prompt_codes(prompts, len(runs))
    if most_steps < 2:
        raise RequestError(f"most_steps must be at least 2, got {most_steps}")
    steps = _steps(np.array([len(run) for run in runs]), codes, most_steps)
    tail, weights = tail_probability(codes, level), run_weights(codes, rng, resamples)
    hits = np.stack([_hits_at(int(step), runs, codes) for step in steps], axis=1)
    judged = ~np.isnan(hits)
    there = judged.sum(axis=0)
    choices = np.array([len(np.unique(codes[column])) for column in judged.T])
    shares = [
        share_interval(round(float(np.nansum(column))), int(n), level=level)
        for column, n in zip(hits.T, there, strict=True)
    ]
    chance = 1.0 / choices
    told = shares[0].low > chance[0]
    half_life = _half_life(hits, chance, steps, weights, tail) if told else (np.nan, np.nan, np.nan)
    return Recoverability(
        steps=steps,
        accuracy=np.nanmean(hits, axis=0),
        low=np.array([share.low for share in shares]),
        high=np.array([share.high for share in shares]),
        chance=chance,
        runs=there,
        prompts=choices,
        half_life=Interval(*half_life, level, len(runs)),
        cautions=_cautions(codes, there, told, half_life[0]),
    )


def _steps(lengths: Integers, codes: Integers, most: int) -> Integers:
    """Evenly spread steps that two runs of two prompts reach."""
    second = [np.sort(lengths[codes == code])[-2] for code in np.unique(codes) if np.sum(codes == code) > 1]
    if len(second) < 2 or not (last := int(np.sort(second)[-2])):
        raise RequestError("to tell prompts apart takes two prompts with two runs that have a vector")
    return np.unique(np.linspace(0, last - 1, min(most, last)).round().astype(np.int64))


def _hits_at(step: int, runs: Sequence[Floats], codes: Integers) -> Floats:
    """For each run 1 when it is given to its prompt, a share of 1 on a tie, 0 otherwise; NaN where it is not judged."""
    there = np.array([len(run) > step for run in runs])
    several = np.bincount(codes[there], minlength=codes.max() + 1) > 1
    judged = np.flatnonzero(there & several[codes])
    hits = np.full(len(runs), np.nan)
    rows = np.stack([run[step] for run, mine in zip(runs, there & several[codes], strict=True) if mine])
    hits[judged] = _hits(rows - rows.mean(axis=0), np.unique(codes[judged], return_inverse=True)[1])
    return hits


def _hits(rows: Floats, codes: Integers) -> Floats:
    """The same for ``rows`` (n, d), with prompts ``codes`` 0 … k − 1 of two rows or more."""
    prompts = np.arange(codes.max() + 1)
    member = codes[:, None] == prompts
    counts = member.sum(axis=0)
    place = (np.cumsum(member, axis=0) - 1)[np.arange(len(codes)), codes]
    twins = np.full((int(counts.max()), len(prompts)), -1)
    twins[place, codes] = np.arange(len(codes))
    left_out = twins[place]  # (n, k): the run of each prompt that is left out together with this one
    out = left_out >= 0
    sizes = counts - out
    sums = member.T.astype(np.float64) @ rows
    gram, inner = rows @ rows.T, rows @ sums.T
    squares = np.einsum("kd,kd->k", sums, sums)
    itself = np.arange(len(codes))[:, None]
    dots = inner - np.where(out, gram[itself, left_out], 0.0)
    norms = squares - np.where(out, 2.0 * inner[left_out, prompts] - np.diag(gram)[left_out], 0.0)
    scatter = max(float(np.trace(gram) - (squares / counts).sum()), 0.0) / (len(codes) - len(prompts))
    distances = norms / sizes**2 - 2.0 * dots / sizes - scatter / sizes
    nearest = distances <= distances.min(axis=1, keepdims=True) + _TIE * float(np.trace(gram)) / len(codes)
    hits: Floats = nearest[np.arange(len(codes)), codes] / nearest.sum(axis=1)
    return hits


def _half_life(
    hits: Floats, chance: Floats, steps: Integers, weights: Floats, tail: float
) -> tuple[float, float, float]:
    judged = (~np.isnan(hits)).astype(np.float64)
    counts = weights @ judged
    whole = counts.min(axis=1) > 0.0
    excess = (weights @ np.nan_to_num(hits))[whole] / counts[whole] - chance
    found = np.array([_crossing(curve, judged.sum(axis=0), steps) for curve in excess])
    never = float(steps[-1]) + 1.0  # quantiles cannot be taken between a number and infinity
    low, high = percentile_band(np.where(np.isinf(found[1:]), 1e3 * never, found[1:])[:, None], tail)
    ends = np.where(np.array([low[0], high[0]]) > never, np.inf, [low[0], high[0]])
    return float(found[0]), float(ends[0]), float(ends[1])


def _crossing(excess: Floats, weights: Floats, steps: Integers) -> float:
    """Where the best curve that never rises (least squares) has fallen to half of its start."""
    from scipy.optimize import isotonic_regression

    smooth = isotonic_regression(excess, weights=weights, increasing=False).x
    half = smooth[0] / 2.0
    below = np.flatnonzero(smooth <= half)
    if half <= 0.0 or not len(below):
        return np.inf if half > 0.0 else np.nan
    after = int(below[0])
    share = (smooth[after - 1] - half) / (smooth[after - 1] - smooth[after])
    return float(steps[after - 1] + share * (steps[after] - steps[after - 1]))


def _cautions(codes: Integers, runs: Integers, told: bool, half_life: float) -> tuple[str, ...]:
    single = int((np.bincount(codes) == 1).sum())
    said = {
        f"only {runs[0]} runs": runs[0] < FEWEST_RUNS,
        f"{single} of {len(np.unique(codes))} prompts have a single run and are left out": single > 0,
        f"runs end at different steps: {runs[0]} runs at the first step, {runs[-1]} at the last": runs[-1] < runs[0],
        "the prompt cannot be told at the first step": not told,
        "the accuracy does not fall to half of its start": half_life == np.inf,
    }
    return tuple(caution for caution, holds in said.items() if holds)
