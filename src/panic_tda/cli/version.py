"""``panic-tda version``: the versions of embedders that were tuned here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import print_json, print_table

if TYPE_CHECKING:
    from panic_tda.models.versions.register import Line

app = typer.Typer(help="Versions of embedders that were tuned here.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of an embedder, without a version.")]


@app.command("list")
def list_(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only this embedder's.", show_default="all")] = None,
) -> None:
    """Every version: its verdict, what it was made from, and how good it is."""
    from panic_tda.models.versions.listing import described
    from panic_tda.models.versions.register import read_register

    lines = {each: line for each, line in read_register().items() if name in (None, each)}
    if name is not None:
        _check_known(name)
    shapes = [described(each, version, line) for each, line in lines.items() for version in line.versions]
    if context.obj.json:
        print_json(shapes)
        return
    rows = [
        (
            f"{each['name']}@{each['version']}",
            "champion" if each["champion"] else "",
            each["status"],
            _change(each["ndcg_change"]),
            each["parent"] or "",
            each["created_at"],
        )
        for each in shapes
    ]
    print_table(("version", "alias", "verdict", "nDCG@10 held out", "better than", "made"), rows)


@app.command()
def promote(
    context: typer.Context,
    name: Name,
    number: Annotated[
        int | None, typer.Argument(min=0, help="Which; 0 is the base.", show_default="the newest that was accepted")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Even if the gate rejected it.")] = False,
) -> None:
    """Make a version the champion, after every byte of it was checked."""
    from panic_tda.models.versions.changing import newest_accepted
    from panic_tda.models.versions.changing import promote as move
    from panic_tda.models.versions.register import line_of

    _check_known(name)
    before = line_of(name)
    chosen = newest_accepted(name, before) if number is None else number
    _tell(context.obj, name, before, move(name, chosen, force=force))


@app.command()
def rollback(context: typer.Context, name: Name) -> None:
    """Make the champion what it was before it was last changed."""
    from panic_tda.models.versions.changing import rollback as go_back
    from panic_tda.models.versions.register import line_of

    _check_known(name)
    before = line_of(name)
    _tell(context.obj, name, before, go_back(name))


def _check_known(name: str) -> None:
    from panic_tda.errors import RequestError
    from panic_tda.models.catalogue import find

    if "@" in name:
        raise RequestError(f"name the embedder alone: {name.partition('@')[0]}, not {name}")
    find(name)


def _tell(options: Context, name: str, before: Line, after: Line) -> None:
    if options.json:
        print_json({"name": name, "champion": after.champion, "before": before.champion})
    elif after.champion == before.champion:
        print(f"{name}@champion is {name}@{after.champion}, as before")
    else:
        print(f"{name}@champion is {name}@{after.champion}, it was {name}@{before.champion}")


def _change(interval: dict[str, float] | None) -> str:
    return f"{interval['estimate']:+.3f} [{interval['low']:+.3f}, {interval['high']:+.3f}]" if interval else ""
