"""The answers of the analyses in a report: their sentences first, their figures after."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.finding import Finding
from panic_tda.figures.answers import drawings
from panic_tda.figures.html import chart, folded, paragraph, section, visible

_DETAILS = 60


class Answered(NamedTuple):
    """An answer and its figures."""

    answer: Answer
    drawings: list[Drawing]


def answered(answers: Sequence[Answer]) -> list[Answered]:
    """The answers with their figures drawn."""
    return [Answered(answer, drawings(answer)) for answer in answers]


def finding_items(found: Sequence[Finding]) -> str:
    """The sentences as a list; cautions stand under the sentence they belong to, details behind a line to click on."""
    return f'<ol class="findings">\n{"".join(map(_item, found))}</ol>'


def answer_sentences(told: Sequence[Answered]) -> list[str]:
    """The sentences of every analysis under its question, and the questions to which there was nothing to say."""
    parts = []
    for question in dict.fromkeys(each.answer.question for each in told):
        found = [finding for each in told if each.answer.question == question for finding in each.answer.findings]
        parts += [f"<h3>{escape(question)}</h3>", finding_items(found)] if found else []
    absent = [f"{each.answer.analysis}: {each.answer.absence}" for each in told if each.answer.absence]
    return [*parts, folded("analyses with nothing to say", absent)]


def answers_section(told: Sequence[Answered]) -> str:
    """The figures of every analysis, each with its caption."""
    parts = []
    for each in told:
        if each.drawings:
            parts.append(f"<h3>{escape(each.answer.question)} <small>({escape(each.answer.analysis)})</small></h3>")
            parts += [chart(drawing.figure, drawing.caption, drawing.caption, kind="wide") for drawing in each.drawings]
    if parts:
        parts.append(paragraph("The numbers behind these figures: panic-tda analyse ID --out DIR.", "faint"))
    return section("Analyses", *parts)


def _item(finding: Finding) -> str:
    left_out = len(finding.details) - _DETAILS
    details = [*finding.details[:_DETAILS], *([f"and {left_out:,} more"] if left_out > 0 else [])]
    more = folded("in detail", details) if len(details) > 1 else ""
    caution = "".join(f'<div class="caution">Caution: {visible(each)}</div>' for each in finding.cautions)
    return f'<li class="{escape(finding.kind)}">{visible(finding.sentence)}{caution}{more}</li>\n'
