"""Change points: at which steps does a trajectory move on to another region, and stay there?

The model is a mean that jumps, plus noise in which each step keeps a share ρ of the one before. ρ and the noise are
estimated from differences of neighbouring steps, which jumps hardly touch (Chakar, Lebarbier, Lévy-Leduc & Robin, "A
robust approach for estimating change-points in the mean of an AR(1) process", Bernoulli 23 (2017)); then the steps
x(t) − ρ x(t − 1) are cut exactly where the squared distances to the means of the pieces, plus a penalty for each cut,
are least (PELT, Killick, Fearnhead & Eckley (2012), as in ``ruptures``, Truong, Oudre & Vayatis (2020)).

No coordinates are left out. The penalty is the Bayesian information criterion of Zhang & Siegmund, "A modified Bayes
information criterion", Biometrics 63 (2007): σ²/ν · (ν + 2) · log T, for noise of total variance σ² spread over ν
effective dimensions (ν = 768 for equal noise in every coordinate, far fewer for real vectors). Of trajectories without
a change, 100 to 300 steps with ν ≥ 5 and ρ ≤ 0.5, fewer than 5 % show one; at 50 steps, ν = 5 and ρ = 0.5 it is 8 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import finite_points
from panic_tda.errors import RequestError

FEWEST = 10
"""Steps below which no change is looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class ChangePoints:
    """``steps`` (m,) int64, ascending: the first row of each new piece; ``shifts`` (m,), how far the mean moved there.

    ``noise``: root mean square distance of the steps from the mean of their piece, as the differences of neighbouring
    steps tell it, in the unit of the points. ``memory``: ρ in [−0.99, 0.99]. ``effective_dimension``: ν.
    """

    steps: NDArray[np.int64]
    shifts: NDArray[np.float64]
    noise: float
    memory: float
    effective_dimension: float
    cautions: tuple[str, ...]


def change_points(points: ArrayLike, *, shortest: int = 3) -> ChangePoints:
    """The change points of the rows of ``points`` (T, d), with pieces of at least ``shortest`` rows.

    A trajectory of fewer than 10 rows, or one that never moves, has none. Time about T² · min(T, d). Raises
    ``RequestError`` when ``shortest`` < 1, and as ``finite_points`` does.
    """
    if shortest < 1:
        raise RequestError(f"the shortest piece must have at least 1 step, got {shortest}")
    rows = finite_points(points, np.float64)
    if len(rows) < FEWEST or not np.diff(rows, axis=0).any():
        return ChangePoints(np.empty(0, np.int64), np.empty(0), 0.0, 0.0, 0.0, _cautions(len(rows), 0.0, np.inf))
    rows = _rotated(rows - rows.mean(axis=0))
    memory = _memory(rows)
    innovations = rows[1:] - memory * rows[:-1]
    variance, dimension = _noise(innovations)
    steps = _cuts(innovations, variance * (1.0 + 2.0 / dimension) * np.log(len(rows)), shortest) + 1
    noise = float(np.sqrt(variance / (1.0 - memory**2)))
    return ChangePoints(steps, _shifts(rows, steps), noise, memory, dimension, _cautions(len(rows), memory, dimension))


def _rotated(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same points in at most as many coordinates as there are rows; no distance changes."""
    if rows.shape[1] <= len(rows):
        return rows
    left, singular, _ = np.linalg.svd(rows, full_matrices=False)
    rotated: NDArray[np.float64] = left * singular
    return rotated


def _memory(rows: NDArray[np.float64]) -> float:
    """For noise with memory ρ, two steps apart differ 1 + ρ times as much in the square as one step apart."""
    one = (np.diff(rows, axis=0) ** 2).sum(axis=1)[:-1]
    two = ((rows[2:] - rows[:-2]) ** 2).sum(axis=1)
    moving = one > _negligible(rows)
    if not moving.any():
        return 0.0
    return float(np.clip(np.median(two[moving]) / np.median(one[moving]) - 1.0, -0.99, 0.99))


def _noise(rows: NDArray[np.float64]) -> tuple[float, float]:
    """Total variance of the noise and its effective dimension (tr Σ)² / tr Σ², from differences of neighbours.

    Steps that do not move at all say nothing about the noise; the tenth that moves most may hold the jumps.
    """
    differences = np.diff(rows, axis=0) / np.sqrt(2.0)
    squares = (differences**2).sum(axis=1)
    moving = squares > _negligible(rows)
    if not moving.any():
        return 0.0, 1.0
    calm = moving & (squares <= np.quantile(squares[moving], 0.9))
    products = differences[calm] @ differences[calm].T
    apart = products[np.triu_indices(len(products), 2)]
    spread = float((apart**2).mean()) if len(apart) else 0.0
    most = float(min(rows.shape))
    dimension = float(np.clip(squares[calm].mean() ** 2 / spread, 1.0, most)) if spread > 0.0 else most
    # Wilson & Hilferty (1931): the median of a χ² variable with ν degrees of freedom is about ν (1 − 2 / 9ν)³.
    return float(np.median(squares[moving])) / (1.0 - 2.0 / (9.0 * dimension)) ** 3, dimension


def _negligible(rows: NDArray[np.float64]) -> float:
    return float(1e-20 * (rows**2).sum(axis=1).max())


def _cuts(rows: NDArray[np.float64], penalty: float, shortest: int) -> NDArray[np.int64]:
    from ruptures import KernelCPD

    if penalty <= 0.0 or len(rows) < 2 * shortest:
        return np.empty(0, np.int64)
    found = KernelCPD(kernel="linear", min_size=shortest).fit(rows).predict(pen=penalty)
    return np.array(found[:-1], np.int64)


def _shifts(rows: NDArray[np.float64], steps: NDArray[np.int64]) -> NDArray[np.float64]:
    means = np.array([piece.mean(axis=0) for piece in np.split(rows, steps)])
    shifts: NDArray[np.float64] = np.linalg.norm(np.diff(means, axis=0), axis=1)
    return shifts


def _cautions(steps: int, memory: float, dimension: float) -> tuple[str, ...]:
    said = {
        f"only {steps} steps": steps < 2 * FEWEST,
        f"steps resemble the one before (correlation {memory:.2f}): slow wandering can pass for a change": memory > 0.5,
        f"the noise has few dimensions ({dimension:.1f}): false alarms are likelier": dimension < 5.0,
    }
    return tuple(words for words, holds in said.items() if holds)
