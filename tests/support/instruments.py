"""Runs measured by two embedders: one sees walks between regions, the other what a test makes of these vectors."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.homology import persistence_diagram
from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from support.builders import Lab

Vectors = NDArray[np.float64]
Change = Callable[[Vectors, int], Vectors]
"""What the other embedder sees in the place of the vectors (rounds, d) of a run of that number."""

ONE, OTHER = "Ruler", "Ruler@1"


def way(number: int, rounds: int, dimension: int) -> Vectors:
    """A walk that stays near one of three regions for a while, then near another one."""
    rng = np.random.default_rng([7, number])
    regions = np.random.default_rng(7).normal(size=(3, dimension))
    there = (number + np.arange(rounds) // 6) % 3
    points = 2.0 * regions[there] + 0.25 * np.cumsum(rng.normal(size=(rounds, dimension)), axis=0)
    unit: Vectors = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit


def measured_twice(change: Change, *, runs: int = 8, rounds: int = 15, dimension: int = 6) -> Lab:
    """Runs of one network, with vectors and diagrams of both embedders."""
    lab = Lab()
    for number in range(runs):
        words = [f"{kind} {number} {step}" for step in range(rounds) for kind in ("image", "text")]
        run_id = lab.run(words, prompt=f"prompt {number}", seed=number)
        points = way(number, rounds, dimension)
        measure(lab, run_id, points, ONE)
        measure(lab, run_id, change(points, number), OTHER)
    return lab


def measure(lab: Lab, run_id: str, points: Vectors, embedder: str) -> None:
    """Vectors and diagram of a run."""
    lab.embed(run_id, points.tolist(), model=embedder)
    found = persistence_diagram(points.astype(np.float32), max_dim=1)
    bars = [(k, float(birth), float(death)) for k, rows in enumerate(found.bars) for birth, death in rows]
    lab.diagram(run_id, bars, model=embedder, points=found.points, distinct_points=found.distinct_points)


def turned(points: Vectors, number: int) -> Vectors:
    """The same places, seen along other axes."""
    dimension = points.shape[1]
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(dimension, dimension)))[0]
    moved: Vectors = points @ rotation
    return moved


def unrelated(points: Vectors, number: int) -> Vectors:
    """Noise that knows nothing of the outputs."""
    return np.random.default_rng([3, number]).normal(size=(len(points), 9))


STRANGER = 3
"""The run that is seen differently."""


def one_run_elsewhere(points: Vectors, number: int) -> Vectors:
    """A rotated copy, but for the second half of one run, which lies among the outputs of another one."""
    if number == STRANGER:
        points = points.copy()
        points[len(points) // 2 :] = way(0, *points.shape)[: len(points) - len(points) // 2] + 1e-3
    return turned(points, number)


@cache
def compared(change: Change) -> Answer:
    """The answer about both embedders."""
    (answer,) = answers(Evidence(measured_twice(change).frames()), only=["instruments"])
    return answer
