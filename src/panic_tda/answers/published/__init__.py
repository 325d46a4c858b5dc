"""The numbers that published work on feedback loops reports, under its names, so that they can be compared."""

from __future__ import annotations

from panic_tda.answers.answer import Analysis
from panic_tda.answers.published import hintze, mollah, perez, tacheny, wang

ANALYSES = (
    Analysis("hintze", hintze.QUESTION, hintze.hintze),
    Analysis("perez", perez.QUESTION, perez.perez),
    Analysis("mollah", mollah.QUESTION, mollah.mollah),
    Analysis("tacheny", tacheny.QUESTION, tacheny.tacheny),
    Analysis("wang", wang.QUESTION, wang.wang),
)
