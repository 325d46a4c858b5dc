"""``panic-tda config``: what an experiment file may hold."""

from __future__ import annotations

import typer

from panic_tda.cli.output import print_json

app = typer.Typer(help="The experiment file.", no_args_is_help=True)


@app.command()
def schema(context: typer.Context) -> None:
    """The JSON Schema of the experiment file, with the names of models and stored programs, for editors and scripts."""
    from panic_tda.lab.config import config_schema
    from panic_tda.lab.laboratory import programs_of

    with context.obj.record_to_consult() as record:
        print_json(config_schema(programs_of(record)))


@app.callback()
def _noun() -> None:
    """The experiment file."""
