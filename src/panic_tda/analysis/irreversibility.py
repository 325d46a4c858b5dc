"""Has the chain an arrow of time? Violation of detailed balance, and entropy production.

A stationary chain is reversible when each transition i → j is as frequent as j → i. Kolmogorov (1936); Schnakenberg,
"Network theory of microscopic and macroscopic behavior of master equation systems", Rev. Mod. Phys. 48 (1976).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.stationary import stationary_distribution, stochastic_matrices


def irreversibility(matrices: ArrayLike) -> NDArray[np.float64]:
    """½ Σᵢⱼ |πᵢ Pᵢⱼ − πⱼ Pⱼᵢ| of row-stochastic ``matrices`` (…, k, k): (…) float64 in [0, 1].

    The total variation distance between a pair of consecutive states and the same pair backwards: 0 for a reversible
    chain (every chain of two states is one), 1 for a cycle that is only run through forwards. Raises ``RequestError``
    as ``stationary_distribution`` does.
    """
    flux = _flux(stochastic_matrices(matrices))
    violation: NDArray[np.float64] = 0.5 * np.abs(flux - np.swapaxes(flux, -1, -2)).sum(axis=(-2, -1))
    return violation


def entropy_production(matrices: ArrayLike) -> NDArray[np.float64]:
    """Σᵢⱼ πᵢ Pᵢⱼ log(Pᵢⱼ / Pⱼᵢ) of row-stochastic ``matrices`` (…, k, k): (…) float64, in nats per step.

    The Kullback–Leibler divergence per step of the chain from its reversal; infinite when a transition that occurs
    has no way back. Raises ``RequestError`` as ``stationary_distribution`` does.
    """
    chains = stochastic_matrices(matrices)
    flux = _flux(chains)
    back = np.swapaxes(chains, -1, -2)
    there = flux > 0.0
    logs = np.log(chains, out=np.zeros_like(chains), where=there)
    logs -= np.log(back, out=np.full_like(chains, -np.inf), where=back > 0.0)
    production = np.multiply(flux, logs, out=np.zeros_like(flux), where=there).sum(axis=(-2, -1))
    rate: NDArray[np.float64] = np.maximum(production, 0.0)
    return rate


def _flux(chains: NDArray[np.float64]) -> NDArray[np.float64]:
    return stationary_distribution(chains)[..., :, None] * chains
