"""Run lengths of a symbol sequence: how long it stays at each symbol before it goes to the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.errors import RequestError


class RunLengths(NamedTuple):
    """Maximal stretches of one symbol, in order: ``symbols`` (m,) and ``lengths`` (m,) in steps, both int64."""

    symbols: NDArray[np.int64]
    lengths: NDArray[np.int64]


def run_lengths(sequence: ArrayLike) -> RunLengths:
    """The stretches of equal symbols in ``sequence`` (T,) of integers; a step without a state (< 0) is a symbol too.

    The stretches at both ends are cut off by the ends of the sequence: the last one might have gone on. Raises
    ``RequestError`` as ``symbol_sequence`` does.
    """
    symbols = symbol_sequence(sequence)
    if not len(symbols):
        return RunLengths(symbols, np.empty(0, np.int64))
    starts = np.flatnonzero(np.diff(symbols, prepend=symbols[0] - 1))
    return RunLengths(symbols[starts], np.diff(starts, append=len(symbols)))


def symbol_sequence(sequence: ArrayLike) -> NDArray[np.int64]:
    """``sequence`` as (T,) int64. Raises ``RequestError`` when it is not one-dimensional or holds other than integers.

    Negative symbols mean that the step has no state.
    """
    symbols = np.asarray(sequence)
    if symbols.ndim == 1 and not symbols.size:
        return np.empty(0, np.int64)
    if symbols.ndim != 1 or symbols.dtype.kind not in "iu":
        raise RequestError(
            f"a symbol sequence must be a list of integers, got shape {symbols.shape} of {symbols.dtype}",
            hint="number the states from 0; −1 is a step without a state",
        )
    return symbols.astype(np.int64)
