"""``panic-tda doctor``: is everything in the record whole?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import counted, print_json

if TYPE_CHECKING:
    from panic_tda.store.integrity.damage import Damage

_SHOWN = 100


def doctor(
    context: typer.Context,
    id: Annotated[str | None, typer.Argument(help="Experiment: id, prefix or `latest`; all unless given.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Delete what is damaged and perform it again.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before deleting.")] = False,
    recover: Annotated[
        Path | None, typer.Option("--recover", metavar="OUT", help="Salvage what can be read into a new database.")
    ] = None,
) -> None:
    """Checks the integrity of the record; exit code 1 when something is wrong and stays wrong."""
    from panic_tda.cli.interrupts import graceful
    from panic_tda.cli.progress import shown_progress
    from panic_tda.lab.doctor import examine
    from panic_tda.lab.doctor import fix as mend
    from panic_tda.lab.laboratory import open_bench
    from panic_tda.store.experiments import experiment_ids

    options: Context = context.obj
    if recover is not None:
        _recover(options, recover)
        return
    with (
        options.record() as record,
        graceful(quiet=options.quiet) as stop,
        shown_progress(quiet=options.quiet) as progress,
        open_bench(record, options.settings(), progress=progress, stop=stop) as bench,
    ):
        keys = None
        if id is not None:
            with record.reading() as connection:
                keys = experiment_ids(connection, [id])
        found = examine(bench, keys)
        left, fixed = found, 0
        if fix and found:
            _confirm(options, found, yes=yes)
            done = mend(bench, found)
            left, fixed = done.left, done.fixed
            for key in done.to_resume:
                options.say(f"experiment {key} was not complete; go on with: {options.program} experiment resume {key}")
            for lost in done.lost:
                options.say(f"clustering {lost.id} of {lost.embedder.name} is gone; {options.program} cluster compute")
    _print(options, found, left, fixed)
    if left:
        raise typer.Exit(1)


def _confirm(options: Context, found: list[Damage], *, yes: bool) -> None:
    from panic_tda.errors import RequestError

    if yes:
        return
    if options.json or not typer.get_text_stream("stdin").isatty():
        raise RequestError(f"{counted(len(found), 'finding')} to fix by deleting", hint="say --yes to delete")
    typer.confirm(f"Delete what is damaged ({counted(len(found), 'finding')}) and perform it again?", abort=True)


def _print(options: Context, found: list[Damage], left: list[Damage], fixed: int) -> None:
    if options.json:
        print_json({"findings": [_shape(damage) for damage in found], "fixed": fixed})
        return
    if not found:
        print("nothing is wrong")
        return
    for damage in found[:_SHOWN]:
        print(f"{damage.kind:10} {damage.table}: {damage.detail or damage.id}")
    if any(damage.kind == "file" for damage in found):
        print(f"the file is damaged; salvage what reads: {options.program} doctor --recover OUT.sqlite")
    if len(found) > _SHOWN:
        print(f"and {len(found) - _SHOWN:,} more; --json lists all of them")
    print(f"{counted(len(found), 'finding')}, {fixed} fixed, {len(left)} left")


def _shape(damage: Damage) -> dict[str, Any]:
    return {"kind": damage.kind, "table": damage.table, "id": damage.id, "detail": damage.detail}


def _recover(options: Context, out: Path) -> None:
    from panic_tda.store.salvage import salvage

    copied = salvage(Path(options.settings().db), out, report=options.say)
    if options.json:
        print_json({"recovered": {table: count._asdict() for table, count in copied.items()}, "into": str(out)})
        return
    for table, count in copied.items():
        if count.read or count.lost:
            print(f"{table}: {count.read:,} rows read, {count.lost:,} lost")
    print(f"salvaged into {out}; look at it with: panic-tda --db {out} doctor --fix")
