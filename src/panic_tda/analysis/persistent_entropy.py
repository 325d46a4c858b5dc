"""Persistent entropy: how evenly the persistence of a diagram is spread over its bars.

Chintakunta, Gentimis, Gonzalez-Diaz, Jimenez & Krim, "An entropy-based persistence barcode", Pattern Recognition 48
(2015); Atienza, Gonzalez-Diaz & Soriano-Trigueros, "On the stability of persistent entropy", Pattern Recognition 107
(2020).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.errors import RequestError


class EntropyResult(NamedTuple):
    """``plain`` in nats, ``normalised`` in [0, 1], ``bars`` the number of bars both rest on."""

    plain: float
    normalised: float
    bars: int


def persistent_entropy(bars: ArrayLike) -> EntropyResult:
    """−Σ p log p over the finite bars of positive length in ``bars`` (n, 2), p = length / total length.

    Infinite bars are left out. Plain entropy grows with the number of bars, so it is also given divided by
    log(number of bars). With no bar or one bar, where that is 0 / 0, both are 0: nothing is spread.

    Raises ``RequestError`` when the array is not (n, 2), holds NaN, has an infinite birth, or a death before its birth.
    """
    lengths = _finite_lengths(bars)
    if len(lengths) < 2:
        return EntropyResult(0.0, 0.0, len(lengths))
    # Dividing by the longest first keeps the total from overflowing.
    shares = lengths / lengths.max()
    shares /= shares.sum()
    shares = shares[shares > 0.0]
    plain = max(0.0, float(-(shares * np.log(shares)).sum()))
    return EntropyResult(plain, min(1.0, plain / float(np.log(len(lengths)))), len(lengths))


def _finite_lengths(bars: ArrayLike) -> NDArray[np.float64]:
    pairs = np.asarray(bars, dtype=np.float64)
    if not pairs.size:
        return np.empty(0)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise RequestError(f"bars must be an array (bars, 2) of births and deaths, got shape {pairs.shape}")
    birth, death = pairs[:, 0], pairs[:, 1]
    if not (np.isfinite(birth) & (death >= birth)).all():
        raise RequestError("a bar has no finite birth, or a death before its birth")
    finite = np.isfinite(death)
    lengths: NDArray[np.float64] = death[finite] - birth[finite]
    return lengths[lengths > 0.0]
