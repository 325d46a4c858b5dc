"""``panic-tda import``: a database of an earlier implementation into the record."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import print_json, print_table

if TYPE_CHECKING:
    from panic_tda.store.database import Record
    from panic_tda.store.importing.tally import Tally


def import_command(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A SQLite file, or a folder of Parquet files; it is only read.")],
    into: Annotated[
        str | None, typer.Option("--into", help="Database to import into: a path or URL.", show_default="as --db")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be imported; change nothing.")] = False,
    skip_diagrams: Annotated[bool, typer.Option("--skip-diagrams", help="Leave persistence diagrams out.")] = False,
    experiment: Annotated[
        list[str] | None, typer.Option("--experiment", help="Only this one: id or prefix; may be repeated.")
    ] = None,
    timezone: Annotated[str, typer.Option("--timezone", help="Of the clock that wrote times without a zone.")] = "UTC",
) -> None:
    """Imports experiments of an earlier panic-tda; importing again changes nothing."""
    from panic_tda.cli.progress import shown_progress
    from panic_tda.lab.import_source import import_source

    options: Context = context.obj
    with (
        _ended_in_order(),
        _target(options, into, dry_run=dry_run) as record,
        shown_progress(quiet=options.quiet) as progress,
    ):
        tally = import_source(
            source,
            record,
            experiments=experiment or (),
            timezone=timezone,
            skip_diagrams=skip_diagrams,
            dry_run=dry_run,
            progress=progress,
        )
    with tally:
        if tally.note:
            options.say(tally.note)
        _print(options, tally, dry_run=dry_run)
        if _came_to_nothing(tally):
            raise typer.Exit(1)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends an import as Ctrl-C does: the experiment that is being imported is taken back."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _target(options: Context, into: str | None, *, dry_run: bool) -> Iterator[Record]:
    """The database to import into; for a dry run into one that is not there, an empty one for the time being."""
    from panic_tda.store.database import open_record

    location = into or options.settings().db
    with TemporaryDirectory() as folder:
        if dry_run and "://" not in location and not Path(location).exists():
            location = str(Path(folder) / "empty.sqlite")
        with open_record(location) as record:
            yield record


def _came_to_nothing(tally: Tally) -> bool:
    found = tally.counts["experiments"]
    return found.found > 0 and not (found.imported or found.present)


def _print(options: Context, tally: Tally, *, dry_run: bool) -> None:
    from panic_tda.store.importing.tally import as_json

    if options.json:
        print_json(as_json(tally))
        return
    headings = ("table", "found", "would import" if dry_run else "imported", "already there", "refused")
    rows = [
        (table, *(f"{number:,}" for number in (each.found, each.imported, each.present, each.refused)))
        for table, each in tally.counts.items()
    ]
    print_table(headings, rows, right=headings[1:])
    for refused in tally.refused():
        print(f"refused {refused.table} {refused.id}: {refused.reason}")
