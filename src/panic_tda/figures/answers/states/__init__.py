"""States and their transitions, how long runs stay, and when they move on."""

from __future__ import annotations

from panic_tda.figures.answers.states import moving, visiting

DRAWINGS = {"states": visiting.states, "change_points": moving.change_points}
