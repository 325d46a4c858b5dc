"""Dispersion: how widely the steps of a trajectory are spread about their own centre.

Tacheny, "Geometric dynamics of agentic loops in large language models", arXiv 2512.10350, tells contracting loops from
exploring ones by falling or lasting dispersion. What is computed here is the mean Euclidean distance of the points of
a window to their mean; the paper calibrates similarities first, which needs human judgements, so its numbers differ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import finite_points
from panic_tda.errors import RequestError


def dispersion(points: ArrayLike) -> float:
    """Mean Euclidean distance of the rows of ``points`` (T, d) to their mean; 0 for equal rows, NaN without rows.

    For vectors of length 1 it is at most 1. Raises ``RequestError`` when the points are not finite or not
    two-dimensional.
    """
    rows = finite_points(points, np.float64)
    if not len(rows):
        return float("nan")
    return float(np.linalg.norm(rows - rows.mean(axis=0), axis=1).mean())


def windowed_dispersion(points: ArrayLike, window: int) -> NDArray[np.float64]:
    """The dispersion of steps i … i + ``window`` − 1, for every i: (max(T − window + 1, 0),) float64.

    Raises ``RequestError`` as :func:`dispersion` does, and for a window of fewer than 2 steps.
    """
    if window < 2:
        raise RequestError(f"a window of dispersion needs at least 2 steps, got {window}")
    rows = finite_points(points, np.float64)
    return np.array([dispersion(rows[start : start + window]) for start in range(len(rows) - window + 1)])
