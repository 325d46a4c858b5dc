"""Whole runs dealt anew: what two measurements of the same runs would agree in if they knew nothing of each other.

Outputs of a run depend on each other, so no single output changes place: a run takes the place of another one with
all its outputs, in their order. What every run does alike, such as moving in small steps, stays as it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.grouped_bootstrap import group_codes


def run_orders(runs: Sequence[Hashable], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` random orders of n outputs, (count, n): each run in the place of one with as many outputs.

    ``runs`` (n labels) names the run of each output. Raises ``RequestError`` for no outputs.
    """
    codes = group_codes(runs, len(runs))
    places = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
    orders = np.empty((count, len(codes)), np.int64)
    for size in {len(each) for each in places}:
        alike = np.array([each for each in places if len(each) == size])
        dealt = rng.permuted(np.tile(np.arange(len(alike)), (count, 1)), axis=1)
        orders[:, alike.ravel()] = alike[dealt].reshape(count, -1)
    return orders


def ways_to_order(runs: Sequence[Hashable]) -> float:
    """How many different orders there are; infinite from 10¹³ on."""
    from scipy.special import gammaln

    sizes = np.unique(np.bincount(group_codes(runs, len(runs))), return_counts=True)[1]
    logarithm = float(gammaln(sizes + 1.0).sum())
    return float(np.rint(np.exp(logarithm))) if logarithm < 30.0 else float("inf")
