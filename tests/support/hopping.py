"""Runs that hop between three places: what they visit, how long they stay, and when they move on is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from support.builders import Lab

DIMENSIONS = 24
CENTRES = np.eye(DIMENSIONS)[:3]
NAMES = ("red apples", "blue boats", "green hills")


def hop(lab: Lab, places: Sequence[int], *, spread: float = 0.05, model: str = "MiniLM", **more: Any) -> str:
    """A run of a text model ``M`` whose output at each round lies near one of the places, or far from all (−1)."""
    number = len(lab.rows["runs"])
    rng = np.random.default_rng(number)
    said = [f"{NAMES[place] if place >= 0 else 'nothing'}, {number}.{step}" for step, place in enumerate(places)]
    settings: dict[str, Any] = {"network": "M", "cycle": ("text",), "seed": number}
    run = lab.run(said, **settings | more)
    noise = rng.normal(size=(len(places), DIMENSIONS))
    rows = [CENTRES[place] + spread * far if place >= 0 else far for place, far in zip(places, noise, strict=True)]
    lab.embed(run, [row.tolist() for row in rows], model=model, every=1)
    return run


def hopping_lab(runs: int = 12, rounds: int = 40, stay: float = 8.0) -> Lab:
    """Runs of two prompts that stay ``stay`` rounds in a place on average and then go to any of the other two."""
    lab, rng = Lab(), np.random.default_rng(0)
    for number in range(runs):
        place, places = int(rng.integers(3)), []
        for _ in range(rounds):
            places.append(place)
            place = (place + int(rng.integers(1, 3))) % 3 if rng.random() < 1 / stay else place
        hop(lab, places, prompt=("a boat", "a hill")[number % 2], seed=number // 2)
    return lab
