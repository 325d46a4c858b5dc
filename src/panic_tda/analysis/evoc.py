"""EVoC: density clusters of a learned low-dimensional layout of the nearest-neighbour graph, in layers.

McInnes, Embedding Vector Oriented Clustering, https://github.com/TutteInstitute/evoc (extra ``panic-tda[evoc]``). For
many vectors: time grows little faster than their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panic_tda.errors import PrerequisiteError, RequestError

FEWEST_POINTS, FEWEST_DIMENSIONS = 16, 4
"""EVoC builds a graph of 15 neighbours and lays it out in 4 dimensions."""


class EvocLayer(NamedTuple):
    """``labels`` (n,) int64, −1 for an outlier; ``persistence``: over how long a range of sizes its clusters last."""

    labels: NDArray[np.int64]
    persistence: float


def require_evoc() -> None:
    """Raises ``PrerequisiteError`` when EVoC is not installed."""
    from importlib.util import find_spec

    if find_spec("evoc") is None:
        raise PrerequisiteError(
            "evoc: the Python package evoc is not installed",
            hint="pip install 'panic-tda[evoc]'; hdbscan, up to 30,000 vectors, needs nothing more",
        )


def evoc_layers(
    units: NDArray[np.float64], min_cluster_size: int, min_samples: int, rng: np.random.Generator
) -> list[EvocLayer]:
    """Every layer of clusters of the distinct ``units`` (n, d), rows of length 1, those of most clusters first.

    The first is the base layer, whose persistence EVoC puts at 0. It runs on one thread: with more its labels depend
    on how many, and two threads beside a busy neighbour take many times longer than one. So they depend on the
    vectors and the generator alone. Raises ``PrerequisiteError`` when EVoC is missing, ``RequestError`` for fewer than
    16 rows or 4 dimensions.
    """
    require_evoc()
    if len(units) < FEWEST_POINTS or units.shape[1] < FEWEST_DIMENSIONS:
        count, dimensions = units.shape
        raise RequestError(
            f"evoc needs {FEWEST_POINTS} distinct vectors of {FEWEST_DIMENSIONS} dimensions, "
            f"got {count} of {dimensions}",
            hint="choose the algorithm hdbscan",
        )
    from evoc import EVoC

    seed = int(rng.integers(2**31))
    method = EVoC(base_min_cluster_size=min_cluster_size, min_samples=min_samples, random_state=seed)
    with _one_thread():
        method.fit(units.astype(np.float32))
    layers = zip(method.cluster_layers_, method.persistence_scores_, strict=True)
    return [EvocLayer(np.asarray(labels, dtype=np.int64), float(persistence)) for labels, persistence in layers]


@contextmanager
def _one_thread() -> Iterator[None]:
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)
