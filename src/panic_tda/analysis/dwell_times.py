"""Dwell times: how long does a run stay in a state, and does it forget how long it has been there?

A stay that the end of the run cuts off is censored: it lasted at least so long. The mean is time at risk over exits,
the maximum likelihood estimate when leaving has the same chance at each step; ``dwell_law`` says whether it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval, bootstrap_interval
from panic_tda.analysis.dwell_law import FEWEST, DwellLaw, Verdict, dwell_law
from panic_tda.analysis.run_lengths import run_lengths
from panic_tda.analysis.survival import kaplan_meier
from panic_tda.errors import RequestError


@dataclass(frozen=True, slots=True, eq=False)
class Stays:
    """Every stay of every run, in order: ``state``, ``steps`` and ``run`` (n,) int64, ``completed`` (n,) bool.

    A stay that is not completed lasts at least ``steps``: the run ended, or the next step has no state. ``runs`` is
    the number of runs looked at.
    """

    state: NDArray[np.int64]
    steps: NDArray[np.int64]
    run: NDArray[np.int64]
    completed: NDArray[np.bool_]
    runs: int


class DwellTime(NamedTuple):
    """How long runs stay in ``state``, in steps.

    ``mean``: time at risk over exits, with the bootstrap interval over runs; infinite when nothing was seen to leave.
    ``median``: Kaplan–Meier, NaN when more than half of the stays were not seen to end.
    """

    state: int
    mean: Interval
    median: float
    completed: int
    censored: int
    law: DwellLaw
    cautions: tuple[str, ...]


def stays(sequences: Sequence[ArrayLike], *, skip: ArrayLike | None = None) -> Stays:
    """The stays in ``sequences``, one (T,) array of integers for each run; steps without a state (< 0) are no stay.

    ``skip`` (runs,): leading steps to leave out, such as ``CoreSequences.before_first``. A run stopped at its first
    exact repetition never leaves the states of its loop: leave it as it was recorded, so that its last stay is
    censored, and do not continue it. Raises ``RequestError`` when ``skip`` is not one number ≥ 0 for each run.
    """
    leading = np.zeros(len(sequences), np.int64) if skip is None else np.asarray(skip)
    if leading.shape != (len(sequences),) or leading.dtype.kind not in "iu" or (leading < 0).any():
        raise RequestError(f"skip must be a number of steps for each of the {len(sequences)} runs")
    parts = [run_lengths(np.asarray(each)[start:]) for each, start in zip(sequences, leading, strict=True)]
    state = np.concatenate([np.empty(0, np.int64), *(part.symbols for part in parts)])
    steps = np.concatenate([np.empty(0, np.int64), *(part.lengths for part in parts)])
    run = np.repeat(np.arange(len(parts)), [len(part.symbols) for part in parts])
    completed = np.append((run[1:] == run[:-1]) & (state[1:] >= 0), False)[: len(state)]
    known = state >= 0
    return Stays(state[known], steps[known], run[known], completed[known], len(parts))


def dwell_time(found: Stays, state: int, rng: np.random.Generator, *, level: float = 0.95) -> DwellTime:
    """The dwell time of ``state``. Raises ``RequestError`` when no run visits it, and as ``bootstrap_interval``."""
    here = found.state == state
    steps, completed = found.steps[here], found.completed[here]
    if not len(steps):
        raise RequestError(f"no run visits state {state}")
    # The last step of a censored stay was not followed, so it is no time at risk.
    number = np.unique(found.run[here], return_inverse=True)[1]
    risk, exits = np.bincount(number, steps - ~completed), np.bincount(number, completed).astype(np.int64)
    rate = bootstrap_interval(np.column_stack((exits, risk)), _rate, rng, level=level)
    mean = Interval(_inverse(rate.estimate), _inverse(rate.high), _inverse(rate.low), level, rate.n)
    law = dwell_law(steps, completed)
    median = kaplan_meier(steps, completed).median
    cautions = _cautions(completed, exits, law.verdict)
    return DwellTime(state, mean, median, int(completed.sum()), int((~completed).sum()), law, cautions)


def _rate(exits_and_risk: NDArray[np.float64]) -> float:
    exits, risk = exits_and_risk.sum(axis=0)
    return float(exits / risk) if risk else 0.0


def _inverse(rate: float) -> float:
    return 1.0 / rate if rate else float("inf")


def _cautions(completed: NDArray[np.bool_], exits: NDArray[np.int64], verdict: Verdict) -> tuple[str, ...]:
    ended, cut = int(completed.sum()), int((~completed).sum())
    said = {
        "no stay was seen to end": ended == 0,
        f"only {_counted(ended, 'completed stay')}": 0 < ended < FEWEST,
        f"{cut} of {ended + cut} stays are cut off by the end of the run": cut > ended > 0,
        f"the exits come from {_counted(int((exits > 0).sum()), 'run')}": ended > 0 and (exits > 0).sum() < 5,
        "leaving gets less likely with time, so the mean rests on a few long stays": verdict == "heavy tail",
    }
    return tuple(words for words, holds in said.items() if holds)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
