"""The figures of the answers: one module for each room, with the functions that draw by analysis name."""

from __future__ import annotations

from importlib import import_module

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.catalogue import ROOMS, analyses


def drawings(answer: Answer) -> list[Drawing]:
    """Every figure of an answer; none for one that does not apply."""
    if answer.absence is not None:
        return []
    for room in ROOMS:
        draw = import_module(f"panic_tda.figures.answers.{room}").DRAWINGS.get(answer.analysis)
        if draw is not None:
            return list(draw(answer))
    known = analyses().get(answer.analysis)
    return list(known.draw(answer)) if known is not None and known.draw is not None else []
