"""How a trajectory recurs: measures of the lines in its recurrence matrix, alone and beside those of its surrogates.

Two steps recur when their points lie at most a threshold apart. Recurrences along a diagonal are stretches that run
alike, along a vertical they are a stay near one point. Marwan, Romano, Thiel & Kurths, "Recurrence plots for the
analysis of complex systems", Phys. Rep. 438 (2007); Zbilut & Webber, Phys. Lett. A 171 (1992).

Conventions. Pairs fewer than ``theiler`` steps apart are left out of every count (Theiler, Phys. Rev. A 34 (1986)); 1
leaves out the main diagonal alone. Diagonals are counted on one side of it, the other being its mirror image. Verticals
are counted over whole columns; the band left out cuts them, so a single stay of n steps at one place, with ``theiler``
1, shows lines of 0 … n − 1 steps on either side of the diagonal, and its trapping time is about n / 2. Lines that run
into the edge of the matrix count with the length that is seen. Where there is no line to speak of, a measure is 0.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.recurrence import exact_absorption, recurrence_matrix, threshold_at_quantile
from panic_tda.analysis.surrogates import SurrogateTest, Ties, rank_test
from panic_tda.errors import RequestError

FEW_STEPS = 30
"""With fewer steps the lines are too few to be counted."""


class Lines(NamedTuple):
    """Which lines count: pairs at least ``theiler`` steps apart, lines of at least so many steps."""

    theiler: int = 1
    diagonal: int = 2
    vertical: int = 2


LINES = Lines()


class Measures(NamedTuple):
    """What the lines add up to; lengths and times in steps.

    ``recurrence_rate``: share of pairs that recur. ``determinism``: share of recurring pairs on diagonals of at least
    ``Lines.diagonal`` steps. ``laminarity``: the same for verticals. ``trapping_time``: mean length of these verticals.
    ``longest_diagonal``: of any length. ``diagonal_entropy``: of the distribution of the lengths of the diagonals that
    count, in nats.
    """

    recurrence_rate: float
    determinism: float
    laminarity: float
    trapping_time: float
    longest_diagonal: float
    diagonal_entropy: float


class RecurrenceQuantification(NamedTuple):
    """``measures`` of a trajectory of ``steps`` points whose pairs recur at distances up to ``threshold``."""

    measures: Measures
    threshold: float
    steps: int
    cautions: tuple[str, ...]


ORDERED = ("determinism", "laminarity", "trapping_time", "longest_diagonal", "diagonal_entropy")
"""The measures that depend on the order of the steps; the recurrence rate depends on it through the Theiler window."""


def recurrence_quantification(
    distances: ArrayLike, *, quantile: float = 0.1, lines: Lines = LINES
) -> RecurrenceQuantification:
    """The measures of ``distances`` (T, T), symmetric, in any unit; the ``quantile`` of all pairs sets the threshold.

    Raises ``RequestError`` for fewer than 2 points, a matrix that is not square or holds NaN, a quantile outside
    [0, 1], a Theiler window that leaves no pair, or lines shorter than 2 steps.
    """
    matrix = np.asarray(distances, dtype=np.float64)
    threshold = threshold_at_quantile(matrix, quantile)
    recurrent = _admitted(matrix, threshold, lines)
    measures = _measures(recurrent, lines)
    return RecurrenceQuantification(
        measures, threshold, len(matrix), _cautions(matrix, recurrent, threshold, quantile, lines)
    )


def recurrence_test(
    distances: ArrayLike,
    orders: ArrayLike,
    rng: np.random.Generator,
    *,
    quantile: float = 0.1,
    lines: Lines = LINES,
    ties: Ties = "conservative",
) -> dict[str, SurrogateTest]:
    """The measures of ``ORDERED`` against surrogates that visit the same points in the ``orders`` (n, T), by name.

    Shuffled and Markov surrogates are such orders, so their distances are rows and columns of ``distances`` (T, T)
    and nothing is measured anew; the threshold is the same. Raises ``RequestError`` as
    :func:`recurrence_quantification` does, and for orders of another length.
    """
    matrix = np.asarray(distances, dtype=np.float64)
    recurrent = recurrence_matrix(matrix, threshold_at_quantile(matrix, quantile))
    drawn = np.asarray(orders, dtype=np.int64)
    if drawn.ndim != 2 or drawn.shape[1] != len(matrix) or not len(drawn):
        raise RequestError(f"orders must be (surrogates, {len(matrix)}), got shape {drawn.shape}")
    band = ~_outside(len(matrix), lines)
    observed, *surrogates = (
        _measures(_without(recurrent[np.ix_(order, order)], band), lines) for order in (np.arange(len(matrix)), *drawn)
    )
    return {
        name: rank_test(getattr(observed, name), [getattr(each, name) for each in surrogates], rng, ties=ties)
        for name in ORDERED
    }


def _admitted(matrix: NDArray[np.float64], threshold: float, lines: Lines) -> NDArray[np.bool_]:
    return _without(recurrence_matrix(matrix, threshold), ~_outside(len(matrix), lines))


def _without(recurrent: NDArray[np.bool_], band: NDArray[np.bool_]) -> NDArray[np.bool_]:
    recurrent[band] = False
    return recurrent


@lru_cache(maxsize=8)
def _outside(steps: int, lines: Lines) -> NDArray[np.bool_]:
    """The pairs at least ``theiler`` steps apart, (T, T)."""
    if not 1 <= lines.theiler < steps:
        raise RequestError(f"the Theiler window must be between 1 and {steps - 1} steps, got {lines.theiler}")
    if min(lines.diagonal, lines.vertical) < 2:
        raise RequestError("a line has at least 2 steps")
    apart = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    outside: NDArray[np.bool_] = apart >= lines.theiler
    return outside


def _measures(recurrent: NDArray[np.bool_], lines: Lines) -> Measures:
    """``recurrent`` (T, T) is symmetric, and False inside the Theiler band."""
    steps = len(recurrent)
    pairs = (steps - lines.theiler) * (steps - lines.theiler + 1) / 2
    total = int(np.count_nonzero(recurrent)) / 2
    if not total:
        return Measures(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    diagonals = np.bincount(_runs(recurrent.ravel()[_diagonals(steps)]), minlength=2)
    verticals = _runs(np.pad(recurrent, ((0, 0), (0, 1))).ravel())
    counted = diagonals[lines.diagonal :]
    lengths = np.arange(lines.diagonal, len(diagonals))
    long = verticals[verticals >= lines.vertical]
    return Measures(
        recurrence_rate=float(total / pairs),
        determinism=float(counted @ lengths / total),
        laminarity=float(long.sum() / (2 * total)),
        trapping_time=float(long.mean()) if len(long) else 0.0,
        longest_diagonal=float(len(diagonals) - 1),
        diagonal_entropy=_entropy(counted),
    )


@lru_cache(maxsize=8)
def _diagonals(steps: int) -> NDArray[np.int64]:
    """Where the diagonals above the main one lie in the flat matrix, one after the other.

    Between two of them stands a place on the main diagonal, which never recurs.
    """
    places = [np.append(np.arange(steps - lag) * (steps + 1) + lag, 0) for lag in range(1, steps)]
    return np.concatenate(places)


def _runs(flat: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The lengths of the stretches of True; the last entry is False."""
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate(([0], edges)) if flat[0] else edges
    return bounds[1::2] - bounds[::2]


def _entropy(counts: NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return abs(float(-(shares * np.log(shares)).sum()))


def _cautions(
    matrix: NDArray[np.float64], recurrent: NDArray[np.bool_], threshold: float, quantile: float, lines: Lines
) -> tuple[str, ...]:
    steps = len(matrix)
    cautions = [f"only {steps} steps"] if steps < FEW_STEPS else []
    if threshold == 0.0:
        cautions.append("the threshold is 0: only exact repeats recur")
    share = float(np.count_nonzero(matrix <= threshold) - steps) / (steps * (steps - 1))
    if share > quantile + 0.05:
        cautions.append(f"ties: {share:.0%} of all pairs recur where {quantile:.0%} were asked for")
    loop = exact_absorption((matrix == 0.0).argmax(axis=1).tolist(), passes=3)
    if loop is not None:
        cautions.append(f"stuck: from step {loop.start} on it repeats itself exactly with period {loop.period}")
    total = int(np.count_nonzero(recurrent)) / 2
    if not total:
        cautions.append(f"nothing recurs at {lines.theiler} or more steps apart")
    elif loop is None and (still := _still_near(recurrent, lines.theiler) / total) > 0.5:
        cautions.append(f"slow: {still:.0%} of the recurrences are with points not yet left")
    return tuple(cautions)


def _still_near(recurrent: NDArray[np.bool_], theiler: int) -> int:
    """The recurrences i, j with all steps between near i as well: what a wider Theiler window would leave out."""
    near, found = np.ones(len(recurrent), dtype=np.bool_), 0
    for lag in range(theiler, len(recurrent)):
        near = near[: len(recurrent) - lag] & np.diagonal(recurrent, lag)
        if not near.any():
            break
        found += int(np.count_nonzero(near))
    return found
