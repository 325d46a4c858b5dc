"""The stationary distribution of a Markov chain: the share of time a long run spends in each state.

Computed by state reduction without subtractions, accurate in every entry even for chains that all but fall apart:
Grassmann, Taksar & Heyman, "Regenerative analysis and steady state distributions for Markov chains", Oper. Res. 33
(1985).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.closed_classes import strongly_closed
from panic_tda.errors import RequestError


def stationary_distribution(matrices: ArrayLike) -> NDArray[np.float64]:
    """π with π P = π for row-stochastic ``matrices`` (…, k, k): (…, k) float64, each summing to 1.

    States outside the one closed class have 0. Raises ``RequestError`` when a matrix is not row-stochastic, or has
    several closed classes: then what a run does in the long term depends on where it starts.
    """
    chains = stochastic_matrices(matrices)
    k = chains.shape[-1]
    flat = chains.reshape(-1, k, k)
    found = _state_reduction(flat) if (flat > 0.0).all() else np.array([_on_closed_class(chain) for chain in flat])
    return found.reshape(chains.shape[:-1])


def stochastic_matrices(matrices: ArrayLike) -> NDArray[np.float64]:
    """``matrices`` as (…, k, k) float64; ``RequestError`` unless every row is a probability distribution."""
    chains = np.asarray(matrices, dtype=np.float64)
    if chains.ndim < 2 or chains.shape[-1] != chains.shape[-2] or not chains.shape[-1]:
        raise RequestError(f"transition matrices must be square, got shape {chains.shape}")
    if not ((chains >= 0.0).all() and np.allclose(chains.sum(axis=-1), 1.0, rtol=0.0, atol=1e-9)):
        raise RequestError("each row of a transition matrix must be at least 0 and sum to 1")
    return chains


def _on_closed_class(chain: NDArray[np.float64]) -> NDArray[np.float64]:
    closed = strongly_closed(chain > 0.0)
    if len(closed) > 1:
        raise RequestError(f"the chain has {len(closed)} closed classes, so no single stationary distribution")
    distribution = np.zeros(len(chain))
    distribution[closed[0]] = _state_reduction(chain[np.ix_(closed[0], closed[0])][None])[0]
    return distribution


def _state_reduction(chains: NDArray[np.float64]) -> NDArray[np.float64]:
    reduced, k = chains.copy(), chains.shape[-1]
    for n in range(k - 1, 0, -1):
        reduced[:, :n, n] /= reduced[:, n, :n].sum(axis=1)[:, None]
        reduced[:, :n, :n] += reduced[:, :n, n, None] * reduced[:, n, None, :n]
    weights = np.ones((len(chains), k))
    for n in range(1, k):
        weights[:, n] = (weights[:, :n] * reduced[:, :n, n]).sum(axis=1)
        weights[:, : n + 1] /= weights[:, : n + 1].max(axis=1, keepdims=True)
    distribution: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return distribution
