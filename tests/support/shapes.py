"""Runs with vectors and diagrams whose shapes are known: a noisy cycle, a walk, and a walk that gets stuck."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.homology import persistence_diagram
from support.builders import Lab

Kind = Literal["cycle", "walk", "stuck"]
PROMPTS = ("a red apple", "a boat", "winter")


def way(kind: Kind, prompt: int, seed: int, rounds: int = 24, dimension: int = 8) -> NDArray[np.float32]:
    """A cycle of 3 + ``prompt`` states, a walk, or a walk that stays where it is after 4 + 2 · ``seed`` rounds."""
    rng = np.random.default_rng([prompt, seed, len(kind)])
    steps = rng.normal(size=(rounds, dimension)) / math.sqrt(dimension)
    if kind == "cycle":
        states = np.random.default_rng(prompt).normal(size=(3 + prompt, dimension)) / math.sqrt(dimension)
        points = states[np.arange(rounds) % (3 + prompt)] + 0.2 * steps
    else:
        points = 1.0 / math.sqrt(dimension) + 0.3 * np.cumsum(steps, axis=0)
    if kind == "stuck":
        points[4 + 2 * seed :] = points[4 + 2 * seed]
    unit: NDArray[np.float32] = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return unit


def add_run(lab: Lab, points: NDArray[np.float32], network: str, prompt: str, seed: int, *, max_dim: int = 1) -> str:
    """A run of as many rounds as there are points, with these vectors and their diagram under MiniLM."""
    keys = [points[:index].tolist().index(row) if row in points[:index].tolist() else index
            for index, row in enumerate(points.tolist())]  # fmt: skip
    words = [f"{kind} {key}" for key in keys for kind in ("image", "text")]
    run_id = lab.run(words, network=network, prompt=prompt, seed=seed)
    found = persistence_diagram(points, max_dim=max_dim)
    bars = [(k, float(birth), float(death)) for k, rows in enumerate(found.bars) for birth, death in rows]
    lab.embed(run_id, [[float(value) for value in row] for row in points])
    lab.diagram(run_id, bars, points=found.points, distinct_points=found.distinct_points)
    return run_id


def shapely_lab(kinds: tuple[Kind, ...] = ("cycle", "stuck"), prompts: int = 2, seeds: int = 3) -> Lab:
    """A network for each kind, and runs of each prompt and seed."""
    lab = Lab()
    for kind in kinds:
        for prompt in range(prompts):
            for seed in range(seeds):
                add_run(lab, way(kind, prompt, seed), f"{kind.capitalize()} → Reader", PROMPTS[prompt], seed)
    return lab
