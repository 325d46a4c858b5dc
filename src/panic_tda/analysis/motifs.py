"""Which motifs do which models end in? The table of motifs by models, and how far it is from chance.

Hintze et al., "Autonomous language-image generation loops converge to generic visual motifs", Patterns 7(1):101451
(2026): the final outputs of many runs fall into few clusters, the motifs, and which of them depends on the models.
Cramér, "Mathematical Methods of Statistics" (1946); the p-values come from permutations, because the cells of such
tables are small.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panic_tda.errors import RequestError

Codes = NDArray[np.int64]

FEW_RUNS = 20


class MotifTable(NamedTuple):
    """``counts[i, j]`` (motifs, models) int64: runs of ``models[j]`` whose final output is of ``motifs[i]``.

    ``chi_square`` is Σ (observed − expected)² / expected, ``g`` is 2 Σ observed · log(observed / expected), with the
    counts expected if motif and model were independent; ``p_chi_square`` and ``p_g`` are their permutation p-values.
    ``cramers_v`` = √(χ² / n / (min(motifs, models) − 1)) is 0 for independence and 1 when the model settles the motif;
    it is never below 0, so it is to be read beside ``chance_v``, its mean over the permutations.
    """

    motifs: tuple[Hashable, ...]
    models: tuple[Hashable, ...]
    counts: NDArray[np.int64]
    chi_square: float
    g: float
    p_chi_square: float
    p_g: float
    cramers_v: float
    chance_v: float
    n: int
    cautions: tuple[str, ...]


def motif_table(
    motifs: Sequence[Hashable],
    models: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    strata: Sequence[Hashable] | None = None,
    permutations: int = 999,
) -> MotifTable:
    """The table of the final ``motifs`` of n runs by their ``models``, against runs whose models are exchanged.

    With ``strata`` (the prompts, say) models are exchanged only between runs of the same stratum: what a prompt does
    to all models is then no evidence for the model. Names come in the order of first appearance. Raises
    ``RequestError`` for no runs, lists of unequal length, or ``permutations`` < 1.
    """
    layers = [0] * len(motifs) if strata is None else strata
    if not len(motifs) or not len(motifs) == len(models) == len(layers) or permutations < 1:
        raise RequestError(
            "a motif table needs one motif, one model and one stratum for each of at least one run, and permutations"
        )
    (row_names, rows), (column_names, columns), (_, layer) = (_coded(each) for each in (motifs, models, layers))
    shape = (len(row_names), len(column_names))
    counts = _counts(rows, columns, shape)
    groups = [np.flatnonzero(layer == each) for each in range(layer.max() + 1)]
    drawn = np.array([_statistics(_counts(rows, _exchanged(columns, groups, rng), shape)) for _ in range(permutations)])
    observed = _statistics(counts)
    # Rounding must not tell apart tables that are permutations of each other.
    reached = (drawn >= np.array(observed) * (1.0 - 1e-9)).sum(axis=0)
    p_chi_square, p_g = ((1 + int(each)) / (permutations + 1) for each in reached)
    return MotifTable(
        row_names, column_names, counts, *observed, p_chi_square, p_g,
        cramers_v=float(_cramers_v(observed[0], len(rows), shape)),
        chance_v=float(np.mean([_cramers_v(each, len(rows), shape) for each in drawn[:, 0]])),
        n=len(rows), cautions=_cautions(counts, groups, columns),
    )  # fmt: skip


def _coded(values: Sequence[Hashable]) -> tuple[tuple[Hashable, ...], Codes]:
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)
    return tuple(numbers), codes


def _counts(rows: Codes, columns: Codes, shape: tuple[int, int]) -> NDArray[np.int64]:
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)


def _exchanged(columns: Codes, groups: list[Codes], rng: np.random.Generator) -> Codes:
    exchanged = columns.copy()
    for group in groups:
        exchanged[group] = columns[rng.permutation(group)]
    return exchanged


def _statistics(counts: NDArray[np.int64]) -> tuple[float, float]:
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    seen = counts > 0
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    return chi_square, 2.0 * float((counts[seen] * np.log(counts[seen] / expected[seen])).sum())


def _cramers_v(chi_square: float, n: int, shape: tuple[int, int]) -> float:
    freedom = min(shape) - 1
    return float(np.sqrt(chi_square / n / freedom)) if freedom else 0.0


def _cautions(counts: NDArray[np.int64], groups: list[Codes], columns: Codes) -> tuple[str, ...]:
    cautions = []
    if counts.sum() < FEW_RUNS:
        cautions.append(f"only {counts.sum()} runs")
    if min(counts.shape) < 2:
        cautions.append("a single motif or a single model: there is nothing to compare")
    elif all(len(np.unique(columns[group])) < 2 for group in groups):
        cautions.append("no stratum has runs of two models: nothing can be exchanged, p is 1")
    return tuple(cautions)
