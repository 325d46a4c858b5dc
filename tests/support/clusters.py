"""Clouds of unit vectors whose clusters are known, and records of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from panic_tda.content import Text
from panic_tda.models.model import ModelSpec
from panic_tda.store.measurement import Measured, write_vectors
from panic_tda.store.tables import experiments
from support.contents import numbered
from support.models import fake_spec
from support.records import grow, plant, version_of


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


SPEC = fake_spec("Compass", "text -> vector")
"""An embedder whose vectors are planted."""


def plant_cloud(connection: Connection, cloud: Planted, *, stem: str = "text", spec: ModelSpec = SPEC) -> str:
    """An experiment of one run that makes an output for each point, whose vector it is; its id.

    The outputs are ``stem 0``, ``stem 1``, … in the order of the points.
    """
    contents = numbered(len(cloud.points), stem)
    key, (run_id,) = plant(connection, [Text(f"{stem} prompt")], max_length=len(contents))
    pins = {SPEC.name: SPEC.version} | {spec.name: spec.version}
    connection.execute(sa.update(experiments).where(experiments.c.id == key).values(model_versions=pins))
    grow(connection, run_id, contents)
    measured = [Measured(content.sha256, point) for content, point in zip(contents, cloud.points, strict=True)]
    write_vectors(connection, measured, version_of(connection, spec))
    return key


def planted_labels(cloud: Planted, stem: str = "text") -> dict[str, int]:
    """The planted cluster of each output by its id."""
    contents = numbered(len(cloud.points), stem)
    return {content.sha256: label for content, label in zip(contents, cloud.labels.tolist(), strict=True)}
