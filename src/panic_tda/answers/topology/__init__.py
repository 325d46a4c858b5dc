"""What shape has its way? Pieces, loops and voids of trajectories, which runs share them, and what they add."""

from __future__ import annotations

from panic_tda.answers.answer import Analysis
from panic_tda.answers.topology import alike, beyond, persistence, windows

ANALYSES = (
    Analysis("persistence", persistence.QUESTION, persistence.persistence),
    Analysis("diagram-distances", alike.QUESTION, alike.diagram_distances),
    Analysis("sliding-windows", windows.QUESTION, windows.sliding_windows),
    Analysis("beyond-repeats", beyond.QUESTION, beyond.beyond_repeats),
)
