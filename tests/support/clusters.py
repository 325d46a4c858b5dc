"""Clouds of unit vectors whose clusters are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Planted(NamedTuple):
    """``points`` (n, d) float32 of length 1, and the cluster of each, −1 for noise."""

    points: NDArray[np.float32]
    labels: NDArray[np.int64]


def planted(
    rng: np.random.Generator, sizes: tuple[int, ...], *, noise: int = 0, dimensions: int = 32, spread: float = 0.4
) -> Planted:
    """Clusters of these sizes around random directions, in a random order, and noise in random directions.

    A member lies off its direction by ``spread`` times a random vector of length about 1.
    """
    labels = rng.permutation(np.concatenate((np.repeat(np.arange(len(sizes)), sizes), np.full(noise, -1))))
    centres = unit(rng.normal(size=(len(sizes), dimensions)))
    rows = rng.normal(size=(len(labels), dimensions)) / np.sqrt(dimensions)
    member = labels >= 0
    rows[member] = centres[labels[member]] + spread * rows[member]
    return Planted(unit(rows).astype(np.float32), labels)


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows at length 1."""
    scaled: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled
