"""What a pool and a worker process say to each other beside questions and answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hello:
    """The first thing a worker is told: where Python finds modules, and how many threads a model may use."""

    path: tuple[str, ...]
    threads: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """The model of the call is in memory; ``load_s`` is how many seconds that took."""

    load_s: float
