"""The shape of an analysis, of what it is asked with, and of what it answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding
from panic_tda.lab.progress import Pace, Progress

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

Item = TypeVar("Item")


@dataclass(frozen=True)
class Request:
    """What an analysis works with: its own random generator, and a place to say how far it has come.

    The generator depends on the seed and on the analysis' name alone, so asking for one analysis or for all of them
    gives the same numbers.
    """

    analysis: str
    rng: np.random.Generator
    report: Callable[[Progress], None] = field(repr=False)
    ask: Callable[[str], Answer] = field(repr=False)
    """What another analysis, by name, answers of the same evidence and seed; it is computed once for all who ask."""

    def each(self, items: Iterable[Item], words: str) -> Iterator[Item]:
        """The items one by one, telling how far it is: ``for run in request.each(runs, "runs"): …``."""
        listed = list(items)
        pace = Pace(f"{self.analysis}: {words}", done=0, remaining={words: len(listed)}, report=self.report)
        pace.tell()
        for item in listed:
            begun = time.monotonic()
            yield item
            pace.advance(words, 1, time.monotonic() - begun)
            pace.tell()


@dataclass(frozen=True)
class Answer:
    """What an analysis found: sentences, tables, or the reason why there is nothing to say.

    ``tables`` map a name to a frame. A column ``caution`` says, row by row, in what way a number may not mean what it
    seems to (empty when all is well). ``absence`` is None unless the analysis does not apply.
    """

    analysis: str
    question: str
    findings: tuple[Finding, ...] = ()
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    absence: str | None = None


class Drawing(NamedTuple):
    """A figure of an answer; the ``caption`` says what is seen, with n and the interval shown."""

    name: str
    figure: Figure
    caption: str


@dataclass(frozen=True)
class Analysis:
    """One way to answer a question.

    ``name`` is what ``--only`` takes and the folder of its files; ``question`` is the question in a reader's words;
    ``answer`` must be a function of its arguments alone. A plug-in may bring ``draw``; figures of the built-in
    analyses live in ``panic_tda.figures.answers``, under the same name.
    """

    name: str
    question: str
    answer: Callable[[Evidence, Request], Answer]
    draw: Callable[[Answer], list[Drawing]] | None = None
