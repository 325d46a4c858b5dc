"""The application: global options, the commands, and how errors become lines and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from panic_tda import __version__
from panic_tda.cli.commands import LateGroup
from panic_tda.cli.context import Context
from panic_tda.cli.output import print_error
from panic_tda.errors import PanicError, RecordError, RequestError

app = typer.Typer(
    name="panic-tda",
    cls=LateGroup,
    help="Run feedback loops of generative models, record every output, and measure where they go.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="The options above may stand anywhere in a command. Ids may be any unambiguous prefix, or 'latest'.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"panic-tda {__version__}")
        raise typer.Exit


@app.callback()
def _globals(
    context: typer.Context,
    db: Annotated[
        str | None, typer.Option(help="Database: a path or SQLAlchemy URL.", show_default="panic-tda.sqlite")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Machine-readable output on stdout, nothing else there.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no messages.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="More to read.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).", show_default=False)] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    context.obj = Context(db=db, json=json, quiet=quiet, verbose=verbose, config=config)
    if config:
        from panic_tda.models.deployment import using

        context.with_resource(using(context.obj.settings()))


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    as_json = "--json" in arguments
    try:
        code = app(args=list(arguments), prog_name="panic-tda", standalone_mode=False)
        sys.stdout.flush()
    except PanicError as fault:
        print_error(fault, as_json=as_json)
        return fault.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return _nobody_reads()
    except Exception as fault:
        known = _of_the_command_line(fault) or _of_the_machine(fault)
        if known is None:
            raise  # a defect keeps its traceback
        if known.message:
            print_error(known, as_json=as_json)
        return known.exit_code
    return code if isinstance(code, int) else 0


def _nobody_reads() -> int:
    """What is still buffered goes nowhere, so that Python does not complain when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _of_the_command_line(fault: Exception) -> RequestError | None:
    """A wrong command or option; without a message when the help was printed instead."""
    show = getattr(fault, "format_message", None)
    if show is None:
        return None
    context = getattr(fault, "ctx", None)
    hint = f"see: {context.command_path} --help" if context else "see: panic-tda --help"
    return RequestError(" ".join(show().split()), hint=hint)


def _of_the_machine(fault: Exception) -> PanicError | None:
    """A file that cannot be written, or a database that breaks under a command."""
    if isinstance(fault, OSError) and fault.filename:
        return PanicError(f"{fault.filename}: {fault.strerror}")
    if reason := getattr(fault, "orig", None):  # SQLAlchemy's name for the driver's error
        lines = str(reason).strip().splitlines()
        return RecordError(f"the database: {lines[0] if lines else type(reason).__name__}")
    return None
