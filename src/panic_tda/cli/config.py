"""``panic-tda config``: what an experiment file may hold."""

from __future__ import annotations

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import print_json

app = typer.Typer(help="The experiment file.", no_args_is_help=True)


@app.command()
def schema(context: typer.Context) -> None:
    """The JSON Schema of the experiment file, with the names of models and stored programs, for editors and scripts."""
    from panic_tda.lab.config import config_schema

    print_json(config_schema(_stored_programs(context.obj)))


def _stored_programs(options: Context) -> list[str]:
    if not options.has_record:
        return []
    from panic_tda.store.programs import all_programs

    with options.record() as record, record.reading() as connection:
        return [row.name for row in all_programs(connection)]


@app.callback()
def _noun() -> None:
    """The experiment file."""
