"""``panic-tda similarity``: how alike two texts are to a model."""

from __future__ import annotations

from typing import Annotated

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import print_json


def similarity(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="A text.")],
    b: Annotated[str, typer.Argument(help="Another text.")],
    model: Annotated[str, typer.Option(help="Name of a model that measures texts.")] = "MiniLM",
) -> None:
    """The cosine of the angle between the vectors of two texts, -1 to 1."""
    from panic_tda.services.embedding import cosine, embed

    options: Context = context.obj
    measured = embed([a, b], model, settings=options.settings())
    cut = [text.truncated for text in (measured[0], measured[1])]
    found = cosine(measured[0], measured[1])
    if any(cut):
        options.say(f"a text is longer than {measured.model} reads: only its beginning was measured")
    if options.json:
        print_json({"model": measured.model, "similarity": found, "truncated": cut})
    else:
        print(f"{found:.4f}")
