"""``panic-tda version``: the versions of embedders that were tuned here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import print_json, print_table

if TYPE_CHECKING:
    from panic_tda.services.versions import Champion

app = typer.Typer(help="Versions of embedders that were tuned here.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of an embedder, without a version.")]


@app.command("list")
def list_(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only this embedder's.", show_default="all")] = None,
) -> None:
    """Every version: its verdict, what it was made from, and how good it is."""
    from panic_tda.services.versions import versions

    shapes = versions(name)
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
    from panic_tda.services import versions

    _tell(context.obj, versions.promote(name, number, force=force))


@app.command()
def rollback(context: typer.Context, name: Name) -> None:
    """Make the champion what it was before it was last changed."""
    from panic_tda.services import versions

    _tell(context.obj, versions.rollback(name))


def _tell(options: Context, moved: Champion) -> None:
    name, champion, before = moved
    if options.json:
        print_json(moved._asdict())
    elif champion == before:
        print(f"{name}@champion is {name}@{champion}, as before")
    else:
        print(f"{name}@champion is {name}@{champion}, it was {name}@{before}")


def _change(interval: dict[str, float] | None) -> str:
    return f"{interval['estimate']:+.3f} [{interval['low']:+.3f}, {interval['high']:+.3f}]" if interval else ""
