"""Does the last generation look like the first? The two-sample Kolmogorov–Smirnov distance of a property.

Perez et al., "When LLMs play the telephone game", arXiv 2407.04503, compare the distribution of a property after the
first generation with that after the last, and give the p-value for independent samples. Here both come from the same
runs, so that a second p-value is given, for which first and last are exchanged within runs.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.divergence import prompt_codes
from panic_tda.errors import RequestError

Floats = NDArray[np.float64]

FEW_GROUPS = 8


class GenerationTest(NamedTuple):
    """``distance`` is the greatest difference of the two distribution functions, in [0, 1]; ``n`` the runs.

    ``p_value`` is by exchange of first and last within runs (or groups), ``p_independent`` the published one, which
    takes them for independent samples and is too large where a run keeps what it had.
    """

    distance: float
    p_value: float
    p_independent: float
    n: int
    cautions: tuple[str, ...]


def first_against_last(
    first: ArrayLike,
    last: ArrayLike,
    rng: np.random.Generator,
    *,
    groups: Sequence[Hashable] | None = None,
    permutations: int = 999,
) -> GenerationTest:
    """The property of n runs after the ``first`` (n,) and after the ``last`` (n,) generation.

    Runs of one of the ``groups`` (their prompts) are exchanged together, because they are alike. Raises
    ``RequestError`` for no runs, lists of unequal length, numbers that are not finite, or ``permutations`` < 1.
    """
    before, after = (np.asarray(each, dtype=np.float64) for each in (first, last))
    if before.ndim != 1 or before.shape != after.shape or not len(before):
        raise RequestError("every run has one property after the first and one after the last generation")
    if not (np.isfinite(before).all() and np.isfinite(after).all()) or permutations < 1:
        raise RequestError("the properties must be finite, and permutations at least 1")
    codes = prompt_codes(range(len(before)) if groups is None else groups, len(before))
    count = int(codes.max()) + 1
    signs = rng.choice([-1.0, 1.0], size=(permutations, count))[:, codes]
    distances = _distances(before, after, np.vstack((np.ones(len(before)), signs)))
    reached = int(np.count_nonzero(distances[1:] >= distances[0] - 1e-12))
    return GenerationTest(
        float(distances[0]), (1 + reached) / (permutations + 1), _independent(before, after), len(before),
        (f"only {count} {'runs' if groups is None else 'prompts'}",) * (count < FEW_GROUPS),
    )  # fmt: skip


def _distances(before: Floats, after: Floats, signs: Floats) -> Floats:
    """The Kolmogorov–Smirnov distance for each row of ``signs`` (B, n): −1 where first and last are exchanged."""
    pooled = np.concatenate((before, after))
    order = np.argsort(pooled, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(pooled[order]) > 0.0, True))
    steps = np.cumsum(np.concatenate((signs, -signs), axis=1)[:, order], axis=1)[:, ends]
    distances: Floats = np.abs(steps).max(axis=1) / len(before)
    return distances


def _independent(before: Floats, after: Floats) -> float:
    from scipy.stats import ks_2samp

    return float(ks_2samp(before, after).pvalue)
