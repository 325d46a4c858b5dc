"""How the levels of a factor may be dealt anew to runs when it has no effect."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.factor_design import within_rank

Scheme = Literal["within cells", "residuals"]

FEWEST_WAYS = 40
"""Ways to deal the levels inside the cells of the other factors below which residuals are dealt instead."""


class Dealing(NamedTuple):
    """The ``scheme``, how many different ways it has (infinite when uncountable), and the ``strata`` (n,) it keeps."""

    scheme: Scheme
    ways: float
    strata: NDArray[np.int64]


def scheme_of(code: NDArray[np.int64], cells: NDArray[np.int64], blocks: NDArray[np.int64], df: int) -> Dealing:
    """Deals inside ``cells`` when all ``df`` differences between levels of ``code`` show there, else inside ``blocks``.

    All (n,) numbers from 0; ``cells`` are runs that agree in every other factor and block.
    """
    inside = ways_to_deal(code, cells)
    if within_rank(code, cells) == df and inside >= FEWEST_WAYS:
        return Dealing("within cells", inside, cells)
    return Dealing("residuals", ways_to_deal(code, blocks), blocks)


def ways_to_deal(code: NDArray[np.int64], strata: NDArray[np.int64]) -> float:
    """In how many ways the levels of ``code`` (n,) can be dealt to the runs of each of ``strata`` (n,)."""
    from scipy.special import gammaln

    table = np.zeros((int(strata.max()) + 1, int(code.max()) + 1))
    np.add.at(table, (strata, code), 1.0)
    logarithm = float((gammaln(table.sum(axis=1) + 1.0) - gammaln(table + 1.0).sum(axis=1)).sum())
    return float(np.rint(np.exp(logarithm))) if logarithm < 30.0 else float("inf")


def rearrangements(strata: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` random orders (count, n) of the runs that keep each run in its stratum."""
    n = len(strata)
    home = np.argsort(strata, kind="stable")
    orders = np.empty((count, n), np.int64)
    orders[:, home] = np.argsort(strata[None, :] + rng.random((count, n)), axis=1)
    return orders
