"""The answers of the analyses in a report: their sentences first, their figures after."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.finding import Finding
from panic_tda.answers.telling import most_telling
from panic_tda.figures.answers import drawings
from panic_tda.figures.folder import caution_words
from panic_tda.figures.html import chart, folded, paragraph, section, visible

_DETAILS = 60
_SHOWN = 2


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
    """The most telling sentences under each question, the others behind a line to click on, and who said nothing."""
    parts = []
    for question in dict.fromkeys(each.answer.question for each in told):
        asked = [each.answer for each in told if each.answer.question == question and each.answer.findings]
        found = [finding for answer in asked for finding in answer.findings]
        shown = most_telling(found, max(_SHOWN, len(asked)))
        left = [finding for finding in found if not any(finding is each for each in shown)]
        parts += [f"<h3>{escape(question)}</h3>", finding_items(shown)] if found else []
        if left:
            parts.append(f"<details><summary>{len(left):,} more</summary>{finding_items(left)}</details>")
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
    caution = f'<div class="caution">{visible(caution_words(finding))}</div>' if finding.cautions else ""
    return f'<li class="{escape(finding.kind)}">{visible(finding.sentence)}{caution}{more}</li>\n'
