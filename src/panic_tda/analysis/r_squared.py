"""R², the share of the variance that a fit explains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-20


def r_squared(values: NDArray[np.float64], residuals: NDArray[np.float64]) -> float:
    """1 − Σ residuals² / Σ (values − mean)² of a fit to ``values`` (n,); NaN where these are equal but for rounding."""
    total = float(((values - values.mean()) ** 2).sum())
    if total <= _ROUNDING * float(values @ values):
        return np.nan
    return 1.0 - float(residuals @ residuals) / total
