"""``panic-tda config``: what an experiment file may hold."""

from __future__ import annotations

import typer

from panic_tda.cli.output import print_json

app = typer.Typer(help="The experiment file.", no_args_is_help=True)


@app.command()
def schema() -> None:
    """The JSON Schema of the experiment file, for editors and scripts."""
    from panic_tda.lab.config import config_schema

    print_json(config_schema())


@app.callback()
def _noun() -> None:
    """The experiment file."""
