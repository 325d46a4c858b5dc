"""The entropy rate of a Markov chain: how much of each step its present state leaves open.

Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948); Cover & Thomas, "Elements of
Information Theory", chapter 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.stationary import stationary_distribution, stochastic_matrices


def entropy_rate(matrices: ArrayLike) -> NDArray[np.float64]:
    """−Σᵢ πᵢ Σⱼ Pᵢⱼ log Pᵢⱼ of row-stochastic ``matrices`` (…, k, k): (…) float64, in nats per step.

    0 when each state has one successor, log k when every next state is equally likely. Raises ``RequestError`` as
    ``stationary_distribution`` does.
    """
    chains = stochastic_matrices(matrices)
    logs = np.log(chains, out=np.zeros_like(chains), where=chains > 0.0)
    rate: NDArray[np.float64] = -(stationary_distribution(chains)[..., None] * chains * logs).sum(axis=(-2, -1))
    return np.maximum(rate, 0.0)
