"""How long until the trajectory comes back? First returns to the neighbourhood of a step, or to a symbol.

A visit that has not come back when the run ends is censored: its return time is known only to be longer than the steps
that were left. The mean of the returns that were seen is too short, because long ones are the first to be missed. So
the distribution is the product-limit estimate, and the mean is the area under it. Within a run the times between
visits are estimated from consecutive gaps, for which this estimate stays consistent when the gaps are independent, as
they are between visits to a state of a Markov chain: Peña, Strawderman & Hollander, "Nonparametric estimation with
recurrent event data", J. Am. Stat. Assoc. 96 (2001). In a Markov chain the mean return time of a state is 1 / π, the
inverse of its stationary probability (Kac, 1947); first returns to a ball: Gao, Phys. Rev. Lett. 83 (1999).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.survival import kaplan_meier
from panic_tda.errors import RequestError

FEW_RETURNS = 10


class Returns(NamedTuple):
    """Return times as they were seen: ``steps`` (n,) int64 ≥ 1 to the return, or to the end where not ``returned``."""

    steps: NDArray[np.int64]
    returned: NDArray[np.bool_]


class ReturnTimes(NamedTuple):
    """The distribution of return times, in steps.

    ``not_returned`` (k,) is the share of visits not yet back after each of the ``times`` (k,). ``mean`` is the area
    under it up to ``longest``, the longest time watched: the mean return time, or a lower bound where a share
    ``unresolved`` was never seen to come back. ``median`` is NaN where more than half were not. ``returns`` and
    ``censored`` count visits.
    """

    times: NDArray[np.float64]
    not_returned: NDArray[np.float64]
    mean: float
    median: float
    returns: int
    censored: int
    unresolved: float
    longest: int
    cautions: tuple[str, ...]


def first_returns(recurrent: ArrayLike, *, leave_first: bool = False) -> Returns:
    """For each step of ``recurrent`` (T, T) bool but the last the steps until one recurs with it.

    A neighbour in time that is still near counts as a return after 1 step; with ``leave_first`` the trajectory must
    have been outside first, the time still counts from the visit, and visits it never leaves are left out. Raises
    ``RequestError`` when the matrix is not square. The visits of one run overlap: they are no independent sample, so
    intervals belong over runs.
    """
    near = np.asarray(recurrent, dtype=np.bool_)
    if near.ndim != 2 or near.shape[0] != near.shape[1]:
        raise RequestError(f"recurrences must be a square matrix, got shape {near.shape}")
    later = np.triu(near, 1)
    outside = np.logical_or.accumulate(np.triu(~near, 1), axis=1)
    visits = np.flatnonzero(outside.any(axis=1)) if leave_first else np.arange(max(len(near) - 1, 0))
    later = (later & outside if leave_first else later)[visits]
    returned: NDArray[np.bool_] = np.any(later, axis=1)
    first = later.argmax(axis=1) if len(visits) else visits
    return Returns(np.where(returned, first, len(near) - 1) - visits, returned)


def symbol_returns(symbols: Sequence[Hashable], *, of: Hashable | None = None) -> Returns:
    """For each visit of ``symbols`` (T,) to ``of`` (to any symbol: None) the steps until that symbol comes next.

    A visit at the very last step was not watched and is left out. For exact repeats the symbols are content hashes.
    """
    last: dict[Hashable, int] = {}
    steps, returned = [], []
    for step, symbol in enumerate(symbols):
        if symbol in last:
            steps.append(step - last[symbol])
            returned.append(True)
        if of is None or symbol == of:
            last[symbol] = step
    for step in last.values():
        if step < len(symbols) - 1:
            steps.append(len(symbols) - 1 - step)
            returned.append(False)
    return Returns(np.array(steps, np.int64), np.array(returned, np.bool_))


def return_times(runs: Sequence[Returns]) -> ReturnTimes:
    """The distribution of the return times of all visits of all ``runs``; ``RequestError`` when there are no visits."""
    steps = np.concatenate([each.steps for each in runs]) if len(runs) else np.empty(0, np.int64)
    returned = np.concatenate([each.returned for each in runs]) if len(runs) else np.empty(0, np.bool_)
    if not len(steps):
        raise RequestError("return times need at least one visit that was watched for a step")
    curve = kaplan_meier(steps, returned)
    longest = int(steps.max())
    mean, unresolved = _mean(curve.times, curve.surviving, float(longest))
    few = f"only {curve.events} return{'s' * (curve.events > 1)}" if curve.events else "no returns"
    cautions = (few,) * (curve.events < FEW_RETURNS)
    if unresolved > 0.0:
        cautions += (f"the mean is a lower bound: {unresolved:.0%} are not back after {longest} steps",)
    return ReturnTimes(
        curve.times, curve.surviving, mean, curve.median, curve.events, len(steps) - curve.events, unresolved, longest,
        cautions,
    )  # fmt: skip


def _mean(times: NDArray[np.float64], surviving: NDArray[np.float64], end: float) -> tuple[float, float]:
    """The area under the curve up to ``end``, and the height at which it stops."""
    bounds = np.concatenate(([0.0], times, [end]))
    heights = np.concatenate(([1.0], surviving))
    return float(np.diff(bounds) @ heights), float(heights[-1])
