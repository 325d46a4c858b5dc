"""``panic-tda export``: experiments as tables, pictures and pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import message, print_json

if TYPE_CHECKING:
    from panic_tda.store.database import Record

app = typer.Typer(help="Experiments as tables, pictures and pages.", no_args_is_help=True)

Ids = Annotated[list[str], typer.Argument(help="Experiments: ids, unambiguous prefixes, or 'latest'.")]
Out = Annotated[Path, typer.Option("--out", help="Where to write.")]


@app.command()
def parquet(
    context: typer.Context,
    ids: Ids,
    out: Out,
    images: Annotated[bool, typer.Option("--images", help="Also the images, as lossless WebP.")] = False,
) -> None:
    """One Parquet file for each table, with a dataset card, into a folder."""
    from panic_tda.store.parquet import export_parquet

    options: Context = context.obj
    _check_folder(out)
    with options.record() as record:
        report = (lambda _: None) if options.quiet else message
        files = export_parquet(record, _keys(record, ids), out, images=images, report=report)
    _report(options, files)


@app.command()
def mosaic(context: typer.Context, ids: Ids, out: Out) -> None:
    """One image, runs × steps (PNG, WebP, JPEG or AVIF by the ending)."""
    from panic_tda.figures.exhibition import write_mosaic

    options: Context = context.obj
    _check_file(out, (".png", ".webp", ".jpg", ".jpeg", ".avif"))
    with options.record() as record:
        path = write_mosaic(record, _keys(record, ids), out)
    _report(options, [path])


@app.command()
def report(
    context: typer.Context,
    ids: Ids,
    out: Out,
    analyses: Annotated[
        bool, typer.Option("--analyses/--no-analyses", help="Also ask every analysis; takes longer.")
    ] = True,
) -> None:
    """One self-contained HTML file: findings, trajectories, curves, diagrams, analyses, how to reproduce."""
    from panic_tda.answers.answering import answers
    from panic_tda.answers.evidence import gather
    from panic_tda.cli.progress import shown_progress
    from panic_tda.figures.exhibition import report_title, write_report

    options: Context = context.obj
    _check_file(out, (".html", ".htm"))
    with options.record() as record:
        keys = _keys(record, ids)
        with shown_progress(quiet=options.quiet) as progress:
            told = list(answers(gather(record, keys), report=progress)) if analyses else []
        path = write_report(record, keys, out, title=report_title(keys), answers=told)
    _report(options, [path])


def _keys(record: Record, names: list[str]) -> list[str]:
    """The experiments' full ids, each once."""
    from panic_tda.store.experiments import experiment_ids

    with record.reading() as connection:
        return experiment_ids(connection, names)


def _check_file(path: Path, endings: tuple[str, ...]) -> None:
    from panic_tda.errors import RequestError

    if path.suffix.lower() not in endings:
        raise RequestError(f"--out {path} must end in {' or '.join(endings)}")
    if path.is_dir():
        raise RequestError(f"--out {path} is a folder; name a file in it")


def _check_folder(path: Path) -> None:
    from panic_tda.errors import RequestError

    if path.exists() and not path.is_dir():
        raise RequestError(f"--out {path} is a file; name a folder")


def _report(options: Context, files: list[Path]) -> None:
    if options.json:
        print_json({"files": [str(path) for path in files]})
        return
    for path in files:
        print(path)
