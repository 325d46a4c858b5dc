"""Which part of the network decides: where runs end, in which state, whether and when they get stuck."""

from __future__ import annotations

from panic_tda.answers.answer import Analysis
from panic_tda.answers.decides import deciding

ANALYSES = (Analysis("decides", deciding.QUESTION, deciding.decides),)
