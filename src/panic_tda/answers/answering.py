"""Asks the analyses, one after the other."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from panic_tda.answers.answer import Analysis, Answer, Request
from panic_tda.answers.catalogue import ROOMS, chosen
from panic_tda.answers.evidence import Evidence, gather
from panic_tda.errors import PanicError
from panic_tda.lab.progress import Progress, ignore_progress
from panic_tda.models.catalogue import meant
from panic_tda.store.database import Record
from panic_tda.store.experiments import experiment_ids as find_ids


def analyse(
    record: Record,
    experiment_ids: Sequence[str],
    *,
    only: Sequence[str] = (),
    embedders: Sequence[str] = (),
    seed: int = 0,
    progress: Callable[[Progress], None] = ignore_progress,
) -> list[Answer]:
    """The answer of every analysis about these experiments (ids, prefixes or ``latest``), or of those in ``only``.

    With ``embedders`` (names, versions such as ``MiniLMTorch@1``, aliases) they look at the vectors of these alone.
    Raises ``RequestError`` for an unknown experiment or analysis, and for an embedder that measured nothing here.
    """
    chosen(tuple(only))
    with record.reading() as connection:
        keys = find_ids(connection, experiment_ids)
    evidence = gather(record, keys, embedders=[meant(name) for name in embedders])
    return list(answers(evidence, only=only, seed=seed, report=progress))


def answers(
    evidence: Evidence,
    *,
    only: Sequence[str] = (),
    seed: int = 0,
    report: Callable[[Progress], None] = ignore_progress,
) -> Iterator[Answer]:
    """The answer of every analysis, or of those named in ``only``, in the order of the catalogue.

    An analysis that does not apply answers with the reason. The numbers depend on the evidence and on ``seed`` (≥ 0),
    not on which analyses are asked. Raises ``RequestError`` for a name that is unknown.
    """
    asking = _Asking(evidence, seed, report)
    for analysis in chosen(tuple(only)):
        yield asking.answer(analysis.name)


class _Asking:
    """Answers about one evidence, each computed when it is first wanted, by a caller or by another analysis."""

    def __init__(self, evidence: Evidence, seed: int, report: Callable[[Progress], None]) -> None:
        self._evidence = evidence
        self._seed = seed
        self._report = report
        self._answers: dict[str, Answer] = {}

    def answer(self, name: str) -> Answer:
        """The answer of the analysis of that name."""
        if name not in self._answers:
            [analysis] = chosen((name,))
            self._answers[name] = self._computed(analysis)
        return self._answers[name]

    def _computed(self, analysis: Analysis) -> Answer:
        rng = np.random.default_rng([self._seed, zlib.crc32(analysis.name.encode())])
        try:
            return analysis.answer(self._evidence, Request(analysis.name, rng, self._report, self.answer))
        except PanicError as fault:
            return Answer(analysis.name, analysis.question, absence=str(fault))
        except Exception as fault:
            if _is_ours(analysis):
                raise
            warnings.warn(f"the analysis {analysis.name} of a plug-in failed: {fault}", stacklevel=2)
            return Answer(analysis.name, analysis.question, absence=f"the plug-in failed: {fault}")


def _is_ours(analysis: Analysis) -> bool:
    return analysis.answer.__module__.removeprefix("panic_tda.answers.").split(".")[0] in ROOMS
