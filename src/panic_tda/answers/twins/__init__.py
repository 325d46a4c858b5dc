"""Does a small change matter? Runs beside their twins, which differ from them in one perturbation."""

from __future__ import annotations

from panic_tda.answers.answer import Analysis
from panic_tda.answers.twins.answering import QUESTION, twins

ANALYSES = (Analysis("twins", QUESTION, twins),)
