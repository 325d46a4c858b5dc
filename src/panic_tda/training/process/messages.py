"""What a process and the one that tunes for it say to each other beside how the tuning ended."""

from __future__ import annotations

from dataclasses import dataclass

from panic_tda.settings import Settings
from panic_tda.training.config import TuningConfig


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be tuned; the settings say where models, weights and the record are, and how many threads it has."""

    config: TuningConfig
    settings: Settings


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a stage is."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End after the step in progress, and leave a checkpoint."""
