"""How well queries find the one document that belongs to each: ranks, and the usual measures of them.

With a single relevant document the ideal gain is 1, so that nDCG is the gain of that document: Järvelin and
Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20 (2002). Mean reciprocal rank: Voorhees, "The
TREC-8 question answering track report" (1999). Each function gives one number for each query; their mean is the
measure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.errors import RequestError

Floats = NDArray[np.float64]
Ranks = NDArray[np.int64]


def ranks(similarities: ArrayLike) -> Ranks:
    """The rank of document i among all (n,) for query i, from (n, n) similarities; 1 is the best.

    A tie counts against the query: documents that are as similar come first. A similarity that is not a number is less
    than all others, so that vectors that broke, or are all the same, find nothing. Raises ``RequestError`` for a matrix
    that is not square.
    """
    given = np.asarray(similarities, dtype=np.float64)
    if given.ndim != 2 or given.shape[0] != given.shape[1]:
        raise RequestError(f"similarities must be a square matrix, got shape {given.shape}")
    values = np.where(np.isnan(given), -np.inf, given)
    counted: Ranks = (values >= np.diag(values)[:, None]).sum(axis=1)
    return counted


def discounted_gain(ranks: Ranks, k: int) -> Floats:
    """nDCG@k of each query: 1 / log₂(1 + rank), and 0 beyond rank k; (n,)."""
    gains: Floats = np.where(ranks <= k, 1.0 / np.log2(1.0 + ranks), 0.0)
    return gains


def reciprocal_rank(ranks: Ranks, k: int) -> Floats:
    """1 / rank, and 0 beyond rank k; (n,)."""
    reciprocal: Floats = np.where(ranks <= k, 1.0 / ranks, 0.0)
    return reciprocal


def recall(ranks: Ranks, k: int) -> Floats:
    """1 where the document is among the first k, else 0; (n,)."""
    found: Floats = (ranks <= k).astype(np.float64)
    return found
