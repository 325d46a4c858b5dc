"""``panic-tda run``: list runs, and show one as the trajectory it is."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import print_json, print_table

app = typer.Typer(help="List runs, and read one.", no_args_is_help=True)


@app.command("list")
def list_(
    context: typer.Context,
    experiment: Annotated[str | None, typer.Option(help="Only this experiment's.", show_default="all")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many.", show_default="all")] = None,
) -> None:
    """Runs with their network, prompt, seed, length, how they stopped and, of twins, what was changed."""
    from panic_tda.answers.words import shorten
    from panic_tda.store.runs import list_runs

    options: Context = context.obj
    with options.record() as record, record.reading() as connection:
        rows = list_runs(connection, experiment, limit)
    if options.json:
        print_json(rows)
        return
    columns: dict[str, list[Any]] = {
        "id": [r["id"] for r in rows],
        "network": [r["network"] for r in rows],
        "prompt": [shorten(r["prompt"], 40) for r in rows],
        "seed": [r["seed"] for r in rows],
        "length": [r["length"] for r in rows],
        "stopped": [stopped(r) for r in rows],
    }
    if any(r["twin_of"] for r in rows):
        columns["changed"] = [changed(r) for r in rows]
    print_table(tuple(columns), list(zip(*columns.values(), strict=True)), right=("seed", "length"))


@app.command()
def show(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="Id, unambiguous prefix, or 'latest'.")],
) -> None:
    """A run's trajectory: captions as text, images as thumbnails where the terminal can."""
    from panic_tda.answers.words import printable
    from panic_tda.store.runs import run_trajectory

    options: Context = context.obj
    with options.record() as record, record.reading() as connection:
        run = run_trajectory(connection, id)
        if options.json:
            print_json(run)
            return
        print(f"run {run['id']}: {run['network']}, seed {run['seed']}, {stopped(run)}")
        if run["twin_of"]:
            print(f"twin of {run['twin_of']}: {changed(run)}")
        print(f"{'prompt':>6}  {printable(run['prompt'])}")
        for step in run["invocations"]:
            print(f"{step['sequence_number']:>6}  {step['model']}: {printable(step.get('text', ''))}", end="")
            print(f"image {step['image_sha256'][:12]}" if step["type"] == "image" else "")
            if step["type"] == "image" and sys.stdout.isatty():
                _print_thumbnail(connection, step["image_sha256"])


def stopped(run: dict[str, Any]) -> str:
    """``loop of period 4``, ``length``, ``failed`` or ``unfinished``."""
    if run["stop_reason"] == "loop":
        return f"loop of period {run['period']}"
    return run["stop_reason"] or "unfinished"


def changed(run: dict[str, Any]) -> str:
    """What tells a twin from the run it repeats, ``noise of step 0`` or ``4 places of the prompt``; else empty."""
    match run["perturbation"]:
        case {"kind": "noise", "step": step}:
            return f"noise of step {step}"
        case {"changes": changes}:
            return f"{changes} {'place' if changes == 1 else 'places'} of the prompt"
    return ""


def _print_thumbnail(connection: Any, key: str) -> None:
    from rich.console import Console

    from panic_tda.cli.thumbnail import half_blocks
    from panic_tda.store.outputs import load_image

    Console(highlight=False).print(half_blocks(load_image(connection, key).to_pillow()))
