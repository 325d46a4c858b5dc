"""Would it have ended elsewhere? Runs of other prompts and other seeds, laid beside each other round by round."""

from __future__ import annotations

from panic_tda.answers.answer import Analysis
from panic_tda.answers.sensitivity.divergence import divergence
from panic_tda.answers.sensitivity.groups import QUESTION
from panic_tda.answers.sensitivity.lyapunov import lyapunov
from panic_tda.answers.sensitivity.recoverability import recoverability
from panic_tda.answers.sensitivity.relaxation import relaxation

ANALYSES = (
    Analysis("divergence", QUESTION, divergence),
    Analysis("recoverability", QUESTION, recoverability),
    Analysis("relaxation", QUESTION, relaxation),
    Analysis("lyapunov", QUESTION, lyapunov),
)
