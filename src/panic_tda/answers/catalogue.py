"""The analyses panic-tda knows by name: its own, and those of installed plug-ins.

A plug-in is a package with an entry point in the group ``panic_tda.analyses`` that names a tuple of
:class:`~panic_tda.answers.answer.Analysis`. One that does not import is a warning that names it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from panic_tda.answers.answer import Analysis
from panic_tda.errors import RequestError
from panic_tda.models.catalogue import close_names
from panic_tda.models.plugins import with_plugins

ROOMS = (
    "absorption",
    "recurrence",
    "topology",
    "sensitivity",
    "twins",
    "states",
    "decides",
    "instruments",
    "published",
)
PLUGIN_GROUP = "panic_tda.analyses"


@cache
def analyses() -> dict[str, Analysis]:
    """Every analysis by name, in the order in which a reader meets them."""
    found = {each.name: each for room in ROOMS for each in import_module(f"panic_tda.answers.{room}").ANALYSES}
    return with_plugins(found, PLUGIN_GROUP, Analysis)


def chosen(only: tuple[str, ...] = ()) -> list[Analysis]:
    """The analyses of these names in the order of the catalogue, or all; ``RequestError`` for an unknown name."""
    known = analyses()
    for name in only:
        if name not in known:
            close = close_names(name, known)
            hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known)}"
            raise RequestError(f"there is no analysis {name!r}", hint=hint)
    return [each for each in known.values() if not only or each.name in only]
