"""Entropy beside the number of outputs, runs by the distance of their shapes, and how periodic each run is."""

from __future__ import annotations

from panic_tda.figures.answers.topology.alike import diagram_distances
from panic_tda.figures.answers.topology.beyond import beyond_repeats
from panic_tda.figures.answers.topology.persistence import persistence
from panic_tda.figures.answers.topology.windows import sliding_windows

DRAWINGS = {
    "persistence": persistence,
    "diagram-distances": diagram_distances,
    "sliding-windows": sliding_windows,
    "beyond-repeats": beyond_repeats,
}
