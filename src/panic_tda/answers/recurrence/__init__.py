"""Has it been here before? Stretches that repeat, and how long until a run comes back."""

from __future__ import annotations

from panic_tda.answers.answer import Analysis
from panic_tda.answers.recurrence import quantification, returns

ANALYSES = (
    Analysis("recurrence", quantification.QUESTION, quantification.recurrence),
    Analysis("returns", returns.QUESTION, returns.returns),
)
