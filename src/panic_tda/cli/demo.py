"""``panic-tda demo``: real feedback loops on a laptop, and a page that shows what happened."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import duration, print_json
from panic_tda.errors import make_folder

_SENTENCES = 5


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for the report, the mosaic, the film and the database.")] = Path(
        "demo"
    ),
    fast: Annotated[bool, typer.Option("--fast", help="One prompt and short runs.")] = False,
) -> None:
    """Run real feedback loops on models that need no GPU; write a report, a mosaic and a film; say what was found."""
    from panic_tda.answers.answering import answers
    from panic_tda.answers.evidence import gather
    from panic_tda.cli.interrupts import graceful
    from panic_tda.cli.progress import shown_progress
    from panic_tda.figures import exhibition
    from panic_tda.figures.answered import answered
    from panic_tda.lab import perform as performing
    from panic_tda.lab.demo import demo_experiment
    from panic_tda.lab.laboratory import open_bench
    from panic_tda.models.weights import download
    from panic_tda.settings import Settings
    from panic_tda.store.database import open_record
    from panic_tda.store.steps import Choice

    options: Context = context.obj
    settings = options.settings()
    experiment = demo_experiment(fast=fast)
    report = options.say
    if not settings.offline:
        for name, spec in experiment.models().items():
            for weights in spec.weights:
                download(weights, model=name, report=report)
    make_folder(out)
    with (
        open_record(settings.db if settings.db != Settings().db else out / "demo.sqlite") as record,
        graceful(quiet=options.quiet) as stop,
        shown_progress(quiet=options.quiet) as progress,
        open_bench(record, settings, progress=progress, stop=stop) as bench,
    ):
        key = performing.create(bench, experiment)
        outcome = performing.perform(bench, [key])[0]
        if outcome.status == "interrupted":
            tool = f"panic-tda --db {record.location}"
            report(f"go on with: {tool} experiment resume {key}; {tool} export report {key} --out {out}/report.html")
            raise typer.Exit(130)
        told = list(answers(gather(record, [key]), report=progress))
        title = "Feedback loops: a demonstration"
        page = exhibition.write_report(record, [key], out / "report.html", title=title, answers=answered(told))
        picture = exhibition.write_mosaic(record, [key], out / "mosaic.png")
        # H.264, since this film is to play on any machine without a thought.
        film = exhibition.write_film(record, Choice((key,)), out / "film.mp4", codec="h264", report=progress)
        sentences = [finding.sentence for finding in exhibition.found(record, [key])[:_SENTENCES]]
        database = record.location
    if options.json:
        files = {"report": str(page), "mosaic": str(picture), "film": str(film), "db": database}
        print_json(asdict(outcome) | {"findings": sentences, "files": files})
        return
    print(f"{outcome.runs} runs, {outcome.invocations} invocations in {duration(outcome.seconds)}. What was found:")
    for sentence in sentences:
        print(f"- {sentence}")
    print(f"Look at {page}, {picture} and {film}; the record is {database}")
