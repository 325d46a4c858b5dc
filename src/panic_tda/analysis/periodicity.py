"""Does a loop alternate? Periodicity of successive outputs, exact or near.

Wang, Li, Yan, Cheng & Zhang, "Unveiling attractor cycles in large language models: a dynamical systems view of
successive paraphrasing", arXiv 2502.15208 (ACL 2025). Their 2-periodicity degree of paraphrases T₁ … T_M is
τ = 1 − mean of d(Tᵢ, Tᵢ₋₂), i = 3 … M, with d the edit distance divided by the length of the longer text. A text that
no longer changes has τ = 1 as well, so the degree says nothing without that of lag 1; the near period found here
therefore compares each lag with the lags beside it, and with the same outputs in random order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.surrogates import shuffled_order
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEW_STEPS = 12


class Periodicity(NamedTuple):
    """``distance_at_lag`` (K,) is the mean distance of outputs 1 … K steps apart, in the unit of the distances.

    ``period`` is the one whose multiples lie most below the lags beside them, by ``contrast`` on average (positive:
    closer); ``p_value`` is for this being chance, the greatest of all periods against that of shuffled outputs.
    """

    distance_at_lag: Floats
    period: int
    contrast: float
    p_value: float
    cautions: tuple[str, ...]

    def degree(self, period: int) -> float:
        """1 − mean distance at lag ``period``: the published τ where distances are normalised edit distances."""
        return 1.0 - float(self.distance_at_lag[period - 1])


def periodicity(
    distances: ArrayLike, rng: np.random.Generator, *, longest: int = 12, surrogates: int = 199
) -> Periodicity:
    """The period of outputs with ``distances`` (M, M), sought from 2 to ``longest`` (at most M / 4).

    For the published degree the outputs leave out the text a person wrote. Lags up to ``longest`` + 1 are measured.
    Slow motion makes short lags close, but no lag closer than both its neighbours, so it is no period. Raises
    ``RequestError`` for fewer than 8 outputs, a matrix that is not square or finite, or ``surrogates`` < 1.
    """
    matrix = np.asarray(distances, dtype=np.float64)
    steps = len(matrix) if matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] else 0
    if steps < 8 or not np.isfinite(matrix).all() or surrogates < 1:
        raise RequestError(f"a period needs finite distances of at least 8 outputs, got shape {matrix.shape}")
    most = min(steps // 4, longest)
    if most < 2:
        raise RequestError(f"the longest period must be at least 2, got {longest}")
    orders = np.stack([np.arange(steps), *(shuffled_order(steps, rng) for _ in range(surrogates))])
    profiles = _profiles(matrix, orders, most + 1)
    contrasts = _contrasts(profiles)
    scores = contrasts * _weights(most)
    best = int(scores[0].argmax())
    reached = int(np.count_nonzero(scores[1:].max(axis=1) >= scores[0, best]))
    return Periodicity(
        profiles[0], best + 2, float(contrasts[0, best]), (1 + reached) / (surrogates + 1),
        _cautions(profiles[0], steps, float(scores[0, best])),
    )  # fmt: skip


def _profiles(matrix: Floats, orders: NDArray[np.int64], lags: int) -> Floats:
    """The mean distance at lags 1 … ``lags`` for each of the ``orders`` (n, M): (n, lags)."""
    means = [matrix[orders[:, :-lag], orders[:, lag:]].mean(axis=1) for lag in range(1, lags + 1)]
    return np.stack(means, axis=1)


def _contrasts(profiles: Floats) -> Floats:
    """For each period 2 … lags − 1: how far its multiples lie below the mean of the lags beside them, on average."""
    dips = (profiles[:, :-2] + profiles[:, 2:]) / 2.0 - profiles[:, 1:-1]
    return np.stack([dips[:, period - 2 :: period].mean(axis=1) for period in range(2, profiles.shape[1])], axis=1)


def _weights(most: int) -> Floats:
    """The square root of the number of multiples averaged: chance moves a mean of many less."""
    multiples = np.array([most // period for period in range(2, most + 1)], dtype=np.float64)
    return np.sqrt(multiples)


def _cautions(profile: Floats, steps: int, score: float) -> tuple[str, ...]:
    cautions = [f"only {steps} outputs"] if steps < FEW_STEPS else []
    if not profile.any():
        cautions.append("it stands still: every period fits")
    elif score <= 0.0:
        cautions.append("no lag is closer than its neighbours: no period")
    return tuple(cautions)
