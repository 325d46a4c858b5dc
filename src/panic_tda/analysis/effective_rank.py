"""How many directions a cloud of vectors fills.

Roy and Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def effective_rank(vectors: ArrayLike) -> float:
    """exp of the entropy of the singular values of ``vectors`` (n, d) about their mean, as shares of their sum.

    Between 1 and min(n − 1, d). It is 0 when all vectors are the same, or one is not finite.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    if len(rows) < 2 or not np.isfinite(rows).all():
        return 0.0
    values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    # Vectors are float32: what is below their rounding is no direction.
    values = values[values > np.finfo(np.float32).eps * len(rows) * max(1.0, float(np.abs(rows).max()))]
    if not len(values):
        return 0.0
    shares = values / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
