"""Embedders on the command line: an alias among them is the version that it means now, and that is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from panic_tda.cli.context import Context


def resolved_embedders(options: Context, names: Sequence[str]) -> list[str]:
    """The names, each once and with ``NAME@champion`` and ``NAME@0`` as the version that they mean now.

    Names that the catalogue does not know stay as they are: a record may hold vectors of models that are gone.
    """
    from panic_tda.models.catalogue import meant

    versions = [meant(name) for name in names]
    for name, version in zip(names, versions, strict=True):
        if name != version:
            options.say(f"{name} is {version}")
    return list(dict.fromkeys(versions))
