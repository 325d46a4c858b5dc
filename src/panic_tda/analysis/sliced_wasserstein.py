"""Sliced Wasserstein distance between persistence diagrams: exact along each direction, the whole matrix at once.

Every point is projected onto a line through the origin; so are the points of the other diagram's projection on the
diagonal, which makes both sides equally many. On a line the 1-Wasserstein distance is the L1 distance of the sorted
values, and its mean over the directions is the sliced distance. It is no larger than 2√2 times the 1-Wasserstein
distance with the largest coordinate as ground norm, but it is another distance: never call it "Wasserstein".

Carrière, Cuturi & Oudot, "Sliced Wasserstein kernel for persistence diagrams", ICML (2017).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.diagram_distances import SplitBars, split_bars
from panic_tda.errors import RequestError

_BYTES = 2**28
"""Memory for the projections of all diagrams; more directions than fit in it are taken block by block."""

Lines = list[tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Of each diagram: its points along each direction (directions, n), and those of its projection on the diagonal."""


def sliced_wasserstein_distance(one: ArrayLike, other: ArrayLike, *, directions: int = 50) -> float:
    """Sliced Wasserstein distance of two diagrams (n, 2) and (m, 2); see ``sliced_wasserstein_matrix``."""
    return float(sliced_wasserstein_matrix([one, other], directions=directions)[0, 1])


def sliced_wasserstein_matrix(diagrams: Sequence[ArrayLike], *, directions: int = 50) -> NDArray[np.float64]:
    """Sliced Wasserstein distances between all ``diagrams``: (n, n) float64, symmetric, diagonal 0.

    The mean over ``directions`` angles spaced equally in [−π/2, π/2), the first −π/2; nothing is random. Zero-length
    bars change nothing. Infinite bars are matched by birth, in order, and add Σ |birth − birth'|; when their numbers
    differ the distance is infinite. Time about 8 ns per direction and pair for every two bars; memory at most
    256 MiB beyond the result, or what one direction needs.

    Raises ``RequestError`` for ``directions`` < 1, and as ``split_bars`` does.
    """
    if directions < 1:
        raise RequestError(f"the number of directions must be at least 1, got {directions}")
    split = [split_bars(bars) for bars in diagrams]
    rows, columns = np.triu_indices(len(split), 1)
    sums = np.array([_endless(split[i], split[j]) for i, j in zip(rows, columns, strict=True)]) * directions
    for lines in _blocks_of_lines(split, directions):
        sums += [_apart(lines[i], lines[j]) for i, j in zip(rows, columns, strict=True)]
    matrix = np.zeros((len(split), len(split)))
    matrix[rows, columns] = matrix[columns, rows] = sums / directions
    return matrix


def _endless(one: SplitBars, other: SplitBars) -> float:
    if len(one.births) != len(other.births):
        return np.inf
    return float(np.abs(one.births - other.births).sum())


def _blocks_of_lines(split: list[SplitBars], directions: int) -> Iterator[Lines]:
    angles = np.pi * (np.arange(directions) / directions - 0.5)
    towards = np.column_stack((np.cos(angles), np.sin(angles)))
    per_direction = 16 * sum(len(bars.finite) for bars in split)
    block = max(1, _BYTES // max(per_direction, 1))
    for start in range(0, directions, block):
        chosen = towards[start : start + block]
        yield [(chosen @ bars.finite.T, np.outer(chosen.sum(axis=1), bars.finite.mean(axis=1))) for bars in split]


def _apart(one: tuple[NDArray[np.float64], ...], other: tuple[NDArray[np.float64], ...]) -> float:
    """Sum over the directions of the 1-Wasserstein distance along each."""
    mine, theirs = np.hstack((one[0], other[1])), np.hstack((other[0], one[1]))
    mine.sort(axis=1)
    theirs.sort(axis=1)
    mine -= theirs
    return float(np.abs(mine, out=mine).sum())
