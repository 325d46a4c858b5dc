"""What states does it visit, how does it go from one to the next, how long does it stay, and when does it move on?"""

from __future__ import annotations

from panic_tda.answers.answer import Analysis
from panic_tda.answers.states import moving, visiting

ANALYSES = (
    Analysis("states", visiting.QUESTION, visiting.states),
    Analysis("change_points", moving.QUESTION, moving.change_points),
)
