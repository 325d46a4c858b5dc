"""``panic-tda analyse``: every answer about an experiment, as sentences, tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import print_json

if TYPE_CHECKING:
    from panic_tda.answers.answer import Answer


def analyse(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Experiments: ids, prefixes or `latest`.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAMES", help="These analyses alone, separated by commas.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the files; analysis-ID unless given.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the resampling and the permutations.")] = 0,
) -> None:
    """Answers every question that applies: sentences on the screen, tables and figures in a folder."""
    from panic_tda.answers.answering import answers
    from panic_tda.answers.catalogue import chosen
    from panic_tda.answers.evidence import gather
    from panic_tda.cli.progress import shown_progress
    from panic_tda.errors import RequestError
    from panic_tda.figures.exhibition import report_title, write_report
    from panic_tda.figures.folder import write_findings
    from panic_tda.store.experiments import experiment_ids

    options: Context = context.obj
    if out is not None and out.exists() and not out.is_dir():
        raise RequestError(f"--out {out} is a file; name a folder")
    names = [name.strip() for given in only or () for name in given.split(",")]
    chosen(tuple(names))
    with options.record() as record:
        with record.reading() as connection:
            keys = experiment_ids(connection, ids)
        folder = out or Path(f"analysis-{keys[0][:13]}")
        with shown_progress(quiet=options.quiet) as report:
            found = list(answers(gather(record, keys), only=names, seed=seed, report=report))
        told = [_write(answer, folder) for answer in found]
        write_findings(found, folder)
        write_report(record, keys, folder / "report.html", title=report_title(keys), answers=found)
    if options.json:
        print_json({"experiments": keys, "out": str(folder), "analyses": told})
        return
    for answer in found:
        _print(answer)
    print(f"Tables and figures are in {folder}; look at {folder / 'report.html'}")


def _write(answer: Answer, folder: Path) -> dict[str, Any]:
    from panic_tda.figures.answers import drawings
    from panic_tda.figures.folder import answer_json, write_answer

    files = write_answer(answer, drawings(answer), folder)
    paths = {name: [str(path) for path in given] for name, given in files._asdict().items()}
    return answer_json(answer) | paths


def _print(answer: Answer) -> None:
    from panic_tda.figures.folder import caution_words

    print(f"{answer.question} ({answer.analysis})")
    for finding in answer.findings:
        print(f"- {finding.sentence} {caution_words(finding)}".rstrip())
    if answer.absence:
        print(f"- nothing to say: {answer.absence}")
