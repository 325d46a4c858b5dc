"""Factors of an experiment as linear subspaces: which differences between runs can each of them explain?

Each factor is coded by one column for each of its levels. What a factor explains beyond the others is the part of
its columns that is orthogonal to theirs; a factor that is fixed by the others has no such part.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panic_tda.errors import RequestError

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class FactorDesign:
    """The factors of n runs.

    ``codes``: for each factor the number of its level for each run, (n,) int64. ``others``, ``own``: for each factor
    orthonormal bases (n, ·) of what the mean and the other factors span, and of what it adds to them. ``cells``: for
    each factor the combination of all other factors, numbered, (n,) int64. ``whole`` (n, p): an orthonormal basis of
    the mean and all factors. ``cautions``: for each factor, why it may not be told apart from others.
    """

    codes: dict[str, NDArray[np.int64]]
    others: dict[str, NDArray[np.float64]]
    own: dict[str, NDArray[np.float64]]
    cells: dict[str, NDArray[np.int64]]
    whole: NDArray[np.float64]
    cautions: dict[str, tuple[str, ...]]

    @property
    def residual_df(self) -> int:
        """Degrees of freedom that no factor takes."""
        return int(self.whole.shape[0] - self.whole.shape[1])

    def effect(self, factor: str) -> NDArray[np.float64]:
        """The centred columns (n, levels) of one factor."""
        columns = _columns(self.codes[factor])
        centred: NDArray[np.float64] = columns - columns.mean(axis=0)
        return centred


def factor_design(factors: Mapping[str, Sequence[Hashable]], n: int) -> FactorDesign:
    """Codes ``factors``, each a label for each of ``n`` runs.

    Raises ``RequestError`` when there is no factor or a factor has not one label for each run.
    """
    if not factors:
        raise RequestError("a variance decomposition needs at least one factor")
    for name, labels in factors.items():
        if len(labels) != n:
            raise RequestError(f"the factor {name!r} has {len(labels)} labels for {n} runs")
    codes = {name: numbered(labels) for name, labels in factors.items()}
    columns = {name: _columns(code) for name, code in codes.items()}
    mean = np.ones((n, 1))
    others, own, cells = {}, {}, {}
    for name in codes:
        others[name] = _basis(np.hstack([mean, *(columns[other] for other in codes if other != name)]))
        own[name] = _basis(columns[name] - others[name] @ (others[name].T @ columns[name]))
        cells[name] = crossed([code for other, code in codes.items() if other != name], n)
    cautions = {name: _cautions(name, codes, own[name].shape[1]) for name in codes}
    return FactorDesign(codes, others, own, cells, _basis(np.hstack([mean, *columns.values()])), cautions)


def numbered(labels: Sequence[Hashable]) -> NDArray[np.int64]:
    """The labels (n,) as numbers from 0, in order of first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.int64)


def crossed(codes: Sequence[NDArray[np.int64]], n: int) -> NDArray[np.int64]:
    """The combination of ``codes``, each (n,), numbered from 0; all zero when there are none."""
    if not codes:
        return np.zeros(n, np.int64)
    cells = np.unique(np.stack(codes), axis=1, return_inverse=True)[1]
    return cells.astype(np.int64).reshape(n)


def within_rank(code: NDArray[np.int64], cells: NDArray[np.int64]) -> int:
    """How many differences between levels of a factor can be seen inside ``cells``: levels less connected groups.

    Two levels are connected when they meet in a cell, at first or at second hand.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    levels, size = int(code.max()) + 1, int(code.max()) + int(cells.max()) + 2
    meetings = coo_array((np.ones(len(code)), (code, levels + cells)), shape=(size, size))
    groups = connected_components(meetings, directed=False)[1][:levels]
    return levels - len(np.unique(groups))


def _columns(code: NDArray[np.int64]) -> NDArray[np.float64]:
    columns: NDArray[np.float64] = np.eye(int(code.max()) + 1)[code]
    return columns


def _basis(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    basis: NDArray[np.float64] = left[:, singular > _TOLERANCE * np.sqrt(len(columns))]
    return basis


def _cautions(name: str, codes: dict[str, NDArray[np.int64]], df: int) -> tuple[str, ...]:
    code = codes[name]
    levels = int(code.max()) + 1
    if levels == 1:
        return ("all runs have the same",)
    if levels == len(code):
        return ("every run has another",)
    fixing = [other for other in codes if other != name and _fixes(codes[other], code)]
    if fixing:
        return (f"fixed by the {' and by the '.join(fixing)}, so they cannot be told apart",)
    if df < levels - 1:
        return (f"only {df} of {levels - 1} differences are not fixed by the other factors",)
    tied = [other for other in codes if other != name and not _balanced(code, codes[other])]
    return (f"not balanced over the {' and the '.join(tied)}",) if tied else ()


def _fixes(first: NDArray[np.int64], second: NDArray[np.int64]) -> bool:
    return len(np.unique(crossed([first, second], len(first)))) == int(first.max()) + 1


def _balanced(first: NDArray[np.int64], second: NDArray[np.int64]) -> bool:
    """Whether each level of one meets those of the other in the same proportions."""
    table = np.zeros((int(first.max()) + 1, int(second.max()) + 1))
    np.add.at(table, (first, second), 1.0)
    return bool(np.allclose(table, np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()))
