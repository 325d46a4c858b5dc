"""``panic-tda serve``: the HTTP API."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import message, print_json

if TYPE_CHECKING:
    import socket

    from panic_tda.server.facilities import Rules
    from panic_tda.server.schedule import Schedule
    from panic_tda.settings import Settings


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8420,
    token_file: Annotated[
        Path | None, typer.Option(help="File that holds the token.", show_default="PANIC_TDA_TOKEN, or a new one")
    ] = None,
    executor: Annotated[
        str | None, typer.Option(help="Where models run: inprocess, process or ray.", show_default="auto")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Workers of the executors process and ray.", show_default="half of the cores"),
    ] = None,
    body_limit: Annotated[int, typer.Option(min=1, help="Megabytes that a request may have.")] = 64,
    rate_limit: Annotated[
        float, typer.Option(min=0, help="Requests a second that one address may make; 0: as many as it likes.")
    ] = 0.0,
    finetune_at: Annotated[
        str | None,
        typer.Option(
            help="Tune an embedder whenever this cron expression is due: '0 2 * * *' is 02:00 every day.",
            metavar="CRON",
            show_default="never",
        ),
    ] = None,
    finetune_config: Annotated[Path, typer.Option(help="Tuning file of --finetune-at.")] = Path("tune.yaml"),
    finetune_zone: Annotated[
        str | None,
        typer.Option(help="Time zone of --finetune-at, like Europe/Berlin.", show_default="that of this machine"),
    ] = None,
) -> None:
    """Serve models in OpenAI's shapes, calls of other laboratories, experiments, sessions and tunings."""
    from panic_tda.errors import RequestError
    from panic_tda.server.serving import listen, new_token, require_packages

    require_packages()
    from panic_tda.server.access import is_loopback
    from panic_tda.server.facilities import Rules

    options: Context = context.obj
    token, here = _given_token(token_file), is_loopback(host)
    if not token and not here:
        raise RequestError(
            f"{host} is reached by other machines, and there is no token",
            hint="give --token-file, or PANIC_TDA_TOKEN, or listen on 127.0.0.1",
        )
    settings = options.settings(executor=executor, workers=workers)
    schedule = _schedule(finetune_at, finetune_config, finetune_zone) if finetune_at is not None else None
    with listen(host, port) as ear:
        if not token:
            token = new_token()
            message(f"token: {token}")
        rules = Rules(
            token,
            open_to_all=here,
            largest_body=body_limit * 1_000_000,
            requests_per_s=rate_limit,
            hosts=(host, "127.0.0.1", "localhost", "::1", "[::1]") if here else (),
        )
        _serve(options, settings, rules, ear, schedule)


def _schedule(expression: str, file: Path, zone: str | None) -> Schedule:
    """When to tune; raises ``RequestError`` and ``ConfigurationError`` for what could never be done."""
    from panic_tda.server.due import next_due, zone_of_this_machine
    from panic_tda.server.schedule import Schedule
    from panic_tda.store.importing.times import time_zone
    from panic_tda.training.finetune import base_of

    found = time_zone(zone, option="--finetune-zone") if zone else zone_of_this_machine()
    schedule = Schedule(expression, found, file.absolute())
    due = next_due(expression, schedule.clock(), found)
    base_of(schedule.config().model)
    message(f"next tuning: {due.astimezone(found):%Y-%m-%d %H:%M %Z}")
    return schedule


def _serve(options: Context, settings: Settings, rules: Rules, ear: socket.socket, schedule: Schedule | None) -> None:
    from panic_tda.cli.interrupts import graceful
    from panic_tda.server.facilities import Facilities
    from panic_tda.server.logs import write_line
    from panic_tda.server.serving import Serving

    tell = (lambda *_, **__: None) if options.quiet else write_line
    facilities = Facilities(settings, rules, tell=tell)
    with (
        graceful(quiet=options.quiet) as stop,
        Serving(facilities, ear, tell=tell, schedule=schedule) as serving,
    ):
        if options.json:
            print_json({"url": serving.url, "pid": os.getpid()})
        else:
            print(serving.url)
        sys.stdout.flush()
        while serving.is_alive and not stop.wait(1.0):
            pass


def _given_token(file: Path | None) -> str:
    """The token of the file, or of the environment; empty when there is neither."""
    from panic_tda.errors import RequestError

    if file is None:
        return os.environ.get("PANIC_TDA_TOKEN", "").strip()
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise RequestError(f"{file}: {getattr(fault, 'strerror', None) or fault}") from fault
    if len(token) < 16:
        raise RequestError(f"{file}: a token has at least 16 characters", hint="openssl rand -hex 24 > FILE")
    return token
