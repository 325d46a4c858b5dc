"""Do two divisions of the same outputs into classes say the same, beyond what chance gives?

With mutual information I and entropies H of the two divisions, and E[I] its mean over all divisions into classes of
the same sizes, AMI = (I − E[I]) / ((H₁ + H₂) / 2 − E[I]): 1 for equal divisions, 0 on average for unrelated ones.

Vinh, Epps & Bailey, "Information theoretic measures for clusterings comparison: variants, properties, normalization
and correction for chance", J. Mach. Learn. Res. 11 (2010).
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval, clipped
from panic_tda.analysis.grouped_bootstrap import group_codes, student_interval
from panic_tda.errors import RequestError

Labels = NDArray[np.int64]


def adjusted_mutual_information(
    first: ArrayLike,
    second: ArrayLike,
    rng: np.random.Generator,
    *,
    runs: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 200,
) -> Interval:
    """The adjusted mutual information of ``first`` and ``second`` (n,), with its bootstrap interval over runs.

    Both are the name of each output's class; outliers, of one name, are a class like any other. ``runs`` (n labels)
    names the run of each output; without it each output is a run. Two divisions into a single class are equal: 1.
    Raises ``RequestError`` for no outputs and for arrays of different lengths.
    """
    one, other = np.asarray(first), np.asarray(second)
    if one.ndim != 1 or one.shape != other.shape or not len(one):
        raise RequestError(f"two divisions of the same outputs are compared: {one.shape}, {other.shape}")
    codes = group_codes(range(len(one)) if runs is None else runs, len(one))
    members = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
    drawn = rng.integers(len(members), size=(resamples if len(members) > 1 else 0, len(members)))
    chosen = [np.concatenate([members[run] for run in each]) for each in drawn]
    found = [_adjusted(one[rows], other[rows]) for rows in [np.arange(len(one)), *chosen]]
    return clipped(student_interval(np.array(found), len(members), level), -1.0, 1.0)


def _adjusted(one: Labels, other: Labels) -> float:
    from sklearn.metrics import adjusted_mutual_info_score

    with warnings.catch_warnings():
        # It takes many classes of few outputs for numbers to be predicted.
        warnings.filterwarnings("ignore", message="The number of unique classes")
        return float(adjusted_mutual_info_score(one, other))
