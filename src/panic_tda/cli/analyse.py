"""``panic-tda analyse``: every answer about an experiment, as sentences, tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.aliases import resolved_embedders
from panic_tda.cli.context import Context
from panic_tda.cli.output import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from panic_tda.answers.answer import Answer
    from panic_tda.figures.answered import Answered

_SHOWN = 2
"""Findings of a question."""


def analyse(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Experiments: ids, prefixes or `latest`.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAMES", help="These analyses alone, separated by commas.")
    ] = None,
    embedders: Annotated[
        list[str] | None,
        typer.Option("--embedders", metavar="NAMES", help="These embedders or versions alone, separated by commas."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the files; analysis-ID unless given.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the resampling and the permutations.")] = 0,
) -> None:
    """Answers every question that applies: the most telling sentences here (all with --verbose), the rest in files."""
    from panic_tda.answers.answering import answers
    from panic_tda.answers.catalogue import chosen
    from panic_tda.answers.evidence import gather
    from panic_tda.cli.progress import shown_progress
    from panic_tda.errors import RequestError
    from panic_tda.figures.answered import answered
    from panic_tda.figures.exhibition import report_title, write_report
    from panic_tda.figures.folder import write_findings
    from panic_tda.store.experiments import experiment_ids

    options: Context = context.obj
    if out is not None and out.exists() and not out.is_dir():
        raise RequestError(f"--out {out} is a file; name a folder")
    names = _listed(only)
    chosen(tuple(names))
    seen_by = resolved_embedders(options, _listed(embedders))
    with options.record() as record:
        with record.reading() as connection:
            keys = experiment_ids(connection, ids)
        folder = out or Path(f"analysis-{keys[0][:13]}")
        with shown_progress(quiet=options.quiet) as report:
            evidence = gather(record, keys, embedders=seen_by)
            found = list(answers(evidence, only=names, seed=seed, report=report))
        told = answered(found)
        shapes = [_write(each, folder) for each in told]
        write_findings(found, folder)
        write_report(record, keys, folder / "report.html", title=report_title(keys), answers=told)
    if options.json:
        print_json({"experiments": keys, "out": str(folder), "analyses": shapes})
        return
    if _print(found, whole=options.verbose):
        print(f"All findings are in {folder / 'findings.md'}; --verbose prints them")
    print(f"Tables and figures are in {folder}; look at {folder / 'report.html'}")


def _listed(given: Sequence[str] | None) -> list[str]:
    return [name.strip() for names in given or () for name in names.split(",")]


def _write(told: Answered, folder: Path) -> dict[str, Any]:
    from panic_tda.figures.folder import answer_json, write_answer

    files = write_answer(told.answer, told.drawings, folder)
    paths = {name: [str(path) for path in given] for name, given in files._asdict().items()}
    return answer_json(told.answer) | paths


def _print(found: Sequence[Answer], *, whole: bool) -> bool:
    """The findings by question, and what there was nothing to say about; whether some findings were left out."""
    questions: dict[str, list[Answer]] = {}
    for answer in found:
        questions.setdefault(answer.question, []).append(answer)
    spoken = {question: [each for each in asked if each.findings] for question, asked in questions.items()}
    left = [_print_question(question, asked, whole=whole) for question, asked in spoken.items() if asked]
    reasons: dict[str, list[str]] = {}
    for answer in found:
        if answer.absence:
            reasons.setdefault(answer.absence, []).append(answer.analysis)
    for reason, names in reasons.items():
        print(f"Nothing to say from {', '.join(names)}: {reason}")
    return any(left)


def _print_question(question: str, asked: Sequence[Answer], *, whole: bool) -> bool:
    """At least one finding of each analysis; whether some were left out."""
    from panic_tda.answers.telling import most_telling
    from panic_tda.figures.folder import caution_words

    findings = [finding for answer in asked for finding in answer.findings]
    shown = findings if whole else most_telling(findings, max(_SHOWN, len(asked)))
    some = f", {len(shown)} of {len(findings)} findings" if len(shown) < len(findings) else ""
    print(f"{question} ({', '.join(answer.analysis for answer in asked)}){some}")
    for finding in shown:
        print(f"- {finding.sentence} {caution_words(finding, most=None if whole else 1)}".rstrip())
    return len(shown) < len(findings)
