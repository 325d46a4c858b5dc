"""``panic-tda export``: experiments as tables, pictures and pages."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import message, print_json

if TYPE_CHECKING:
    from panic_tda.store.database import Record

app = typer.Typer(help="Experiments as tables, pictures and pages.", no_args_is_help=True)

Ids = Annotated[list[str], typer.Argument(help="Experiments: ids, unambiguous prefixes, or 'latest'.")]
RunIds = Annotated[list[str], typer.Argument(help="Experiments or runs: ids, prefixes, or 'latest' experiment.")]
Twins = Annotated[bool, typer.Option("--twins", help="Also the twins: runs that repeat others with a small change.")]
Out = Annotated[Path, typer.Option("--out", help="Where to write.")]

_PICTURES = (".png", ".webp", ".jpg", ".jpeg", ".avif")


@app.callback()
def _ended_in_order(context: typer.Context) -> None:
    """SIGTERM ends an export as Ctrl-C does: what is half written goes away."""
    context.with_resource(_terminated_as_interrupted())


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
def mosaic(context: typer.Context, ids: Ids, out: Out, twins: Twins = False) -> None:
    """One image, runs × steps (PNG, WebP, JPEG or AVIF by the ending)."""
    from panic_tda.figures.exhibition import write_mosaic

    options: Context = context.obj
    _check_file(out, _PICTURES)
    with options.record() as record:
        path = write_mosaic(record, _keys(record, ids), out, twins=twins)
    _report(options, [path])


@app.command()
def video(
    context: typer.Context,
    ids: RunIds,
    out: Out,
    codec: Annotated[str, typer.Option(metavar="h265|h264|av1", help="H.264 plays on everything.")] = "h265",
    fps: Annotated[int, typer.Option(min=1, max=120, help="Steps a second.")] = 4,
    resolution: Annotated[str, typer.Option(metavar="hd|4k|8k|WxH", help="Size of the frame in pixels.")] = "hd",
    quality: Annotated[str, typer.Option(metavar="draft|good|best", help="The better, the slower.")] = "good",
    twins: Twins = False,
) -> None:
    """A film of all runs at once, a frame for each step; of one run, with large captions (MP4)."""
    from panic_tda.cli.progress import shown_progress
    from panic_tda.figures.exhibition import write_film
    from panic_tda.figures.video import CODECS, QUALITIES, parsed_resolution
    from panic_tda.store.steps import chosen_runs

    options: Context = context.obj
    _check_file(out, (".mp4",))
    _check_choice("--codec", codec, CODECS)
    _check_choice("--quality", quality, QUALITIES)
    size = parsed_resolution(resolution)
    with options.record() as record:
        with record.reading() as connection:
            choice = chosen_runs(connection, ids, twins=twins)
        with shown_progress(quiet=options.quiet) as progress:
            path = write_film(record, choice, out, size=size, fps=fps, codec=codec, quality=quality, report=progress)
    _report(options, [path])


@app.command()
def timeline(context: typer.Context, ids: RunIds, out: Out, twins: Twins = False) -> None:
    """Runs as images and captions along a line (PNG, SVG, WebP, JPEG or AVIF by the ending)."""
    from panic_tda.figures.exhibition import write_timeline
    from panic_tda.store.steps import chosen_runs

    options: Context = context.obj
    _check_file(out, (*_PICTURES, ".svg"))
    with options.record() as record:
        with record.reading() as connection:
            choice = chosen_runs(connection, ids, twins=twins)
        path = write_timeline(record, choice, out)
    _report(options, [path])


@app.command()
def images(
    context: typer.Context,
    ids: RunIds,
    out: Out,
    format: Annotated[
        str, typer.Option(metavar="png|webp|avif|jpeg", help="PNG and WebP keep every pixel as it is.")
    ] = "png",
) -> None:
    """A file for each image that was made, with its record in EXIF and XMP, into a folder."""
    from panic_tda.cli.progress import shown_progress
    from panic_tda.figures.exhibition import write_images
    from panic_tda.figures.image_files import FORMATS
    from panic_tda.store.steps import chosen_runs

    options: Context = context.obj
    _check_folder(out)
    _check_choice("--format", format, FORMATS)
    with options.record() as record:
        with record.reading() as connection:
            choice = chosen_runs(connection, ids, twins=True)
        with shown_progress(quiet=options.quiet) as progress:
            files = write_images(record, choice, out, format, report=progress)
    _report(options, files)


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
    from panic_tda.figures.answered import answered
    from panic_tda.figures.exhibition import report_title, write_report

    options: Context = context.obj
    _check_file(out, (".html", ".htm"))
    with options.record() as record:
        keys = _keys(record, ids)
        with shown_progress(quiet=options.quiet) as progress:
            told = list(answers(gather(record, keys), report=progress)) if analyses else []
        path = write_report(record, keys, out, title=report_title(keys), answers=answered(told))
    _report(options, [path])


@app.command()
def db(
    context: typer.Context,
    ids: Ids,
    out: Annotated[str, typer.Option("--out", help="Database: a path or SQLAlchemy URL; made if it is not there.")],
) -> None:
    """Experiments into another database, SQLite or PostgreSQL, whole and exact; copying again changes nothing."""
    from panic_tda.errors import RequestError
    from panic_tda.store.copying import copy_experiments
    from panic_tda.store.database import open_record

    options: Context = context.obj
    with options.record() as source, open_record(out) as target:
        if source.location == target.location:
            raise RequestError(f"--out {out} is the database it comes from")
        copied = copy_experiments(source, target, _keys(source, ids), report=options.say)
        location = target.location
    if options.json:
        print_json({"into": location, "experiments": [{"id": one.experiment_id, "rows": one.rows} for one in copied]})
        return
    for one in copied:
        sizes = f"{one.rows['runs']:,} runs, {one.rows['invocations']:,} invocations"
        print(f"{one.experiment_id}: {sizes} into {location}")


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


def _check_choice(option: str, value: str, known: Iterable[str]) -> None:
    from panic_tda.errors import RequestError

    if value not in known:
        raise RequestError(f"{option} {value!r} is not one of {', '.join(known)}")


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
