"""How fast a Markov chain forgets where it started: spectral gap, relaxation time and mixing time.

Definitions as in Levin & Peres, "Markov Chains and Mixing Times" (2nd ed., 2017), chapters 4 and 12.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.stationary import stationary_distribution, stochastic_matrices
from panic_tda.errors import RequestError

LONGEST = 2**40
"""Steps after which a chain counts as one that never mixes: rounding would decide."""

_NUMBERS_AT_ONCE = 2**18


def spectral_gap(matrices: ArrayLike) -> NDArray[np.float64]:
    """1 − |λ₂| of row-stochastic ``matrices`` (…, k, k): (…) float64, λ₂ the eigenvalue of second greatest modulus.

    In [0, 1]: 0 for a chain that is periodic or falls apart, 1 for one that forgets its state in one step (and for
    k = 1). The relaxation time is 1 / gap, in steps. Raises ``RequestError`` for matrices that are not row-stochastic.
    """
    chains = stochastic_matrices(matrices)
    if chains.shape[-1] == 1:
        return np.ones(chains.shape[:-2])
    moduli = np.sort(np.abs(np.linalg.eigvals(chains)), axis=-1)
    gap: NDArray[np.float64] = np.clip(1.0 - moduli[..., -2], 0.0, 1.0)
    return gap


def mixing_time(matrices: ArrayLike, *, threshold: float = 0.25) -> NDArray[np.float64]:
    """Steps until the start is forgotten: the least t with d(t) ≤ ``threshold``, for ``matrices`` (…, k, k): (…).

    d(t) is the greatest total variation distance of a row of Pᵗ to the stationary distribution; it never grows. It is
    computed exactly, from powers of P, not bounded by the spectrum. Between whole steps d is taken as linear, so that
    the time is a real number; rounded up it is the usual mixing time. Infinite when no t ≤ 2⁴⁰ is enough (periodic
    chains). Raises ``RequestError`` as ``stationary_distribution`` does, or for a threshold outside (0, 1).
    """
    if not 0.0 < threshold < 1.0:
        raise RequestError(f"the threshold must lie between 0 and 1, got {threshold}")
    chains = stochastic_matrices(matrices)
    k = chains.shape[-1]
    flat = chains.reshape(-1, k, k)
    size = max(1, _NUMBERS_AT_ONCE // k**2)
    parts = [_mixing_times(flat[start : start + size], threshold) for start in range(0, len(flat), size)]
    return np.concatenate(parts).reshape(chains.shape[:-2])


def _mixing_times(chains: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    stationary = stationary_distribution(chains)
    identity = np.broadcast_to(np.eye(chains.shape[-1]), chains.shape)
    powers = [chains]
    while (_distance(powers[-1], stationary) > threshold).any() and 2 ** len(powers) <= LONGEST:
        powers.append(_product(powers[-1], powers[-1]))
    last, reached = np.zeros(len(chains)), identity
    for exponent in range(len(powers) - 1, -1, -1):
        further = _product(reached, powers[exponent])
        far = _distance(further, stationary) > threshold
        last = np.where(far, last + 2.0**exponent, last)
        reached = np.where(far[:, None, None], further, reached)
    before, after = _distance(reached, stationary), _distance(_product(reached, chains), stationary)
    share = np.divide(before - threshold, before - after, out=np.zeros(len(chains)), where=before > after)
    time: NDArray[np.float64] = np.where(before <= threshold, 0.0, last + share)
    time[after > threshold] = np.inf
    return time


def _distance(powers: NDArray[np.float64], stationary: NDArray[np.float64]) -> NDArray[np.float64]:
    greatest: NDArray[np.float64] = 0.5 * np.abs(powers - stationary[:, None, :]).sum(axis=2).max(axis=1)
    return greatest


def _product(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    product = first @ second
    normalised: NDArray[np.float64] = product / product.sum(axis=2, keepdims=True)
    return normalised
