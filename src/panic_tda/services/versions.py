"""The versions of embedders that were tuned on this machine: listed, promoted, rolled back.

Nothing has to be loaded anew afterwards: whoever asks for ``NAME@champion`` gets the new champion from then on, and
what is being measured ends with the version it began with.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from panic_tda.errors import RequestError
from panic_tda.models.catalogue import find
from panic_tda.models.versions import changing
from panic_tda.models.versions.listing import described
from panic_tda.models.versions.register import Line, line_of, read_register


class Champion(NamedTuple):
    """Which version of an embedder is its champion now, and which one was; 0 is the base."""

    name: str
    champion: int
    before: int


def versions(name: str | None = None) -> list[dict[str, Any]]:
    """Every version, or those of one embedder: verdict, data, change of nDCG@10, folder; as ``version list --json``."""
    if name is not None:
        _line(name)
    lines = {each: line for each, line in read_register().items() if name in (None, each)}
    return [described(each, version, line) for each, line in lines.items() for version in line.versions]


def promote(name: str, number: int | None = None, *, force: bool = False) -> Champion:
    """Makes a version the champion, after every byte of it was checked; without ``number``, the newest accepted one.

    Raises ``NotFound``, ``RequestError`` for one that the gate rejected (unless ``force``), and ``ModelLoadError`` for
    one that is damaged; the champion is then what it was.
    """
    before = _line(name)
    chosen = changing.newest_accepted(name, before) if number is None else number
    return Champion(name, changing.promote(name, chosen, force=force).champion, before.champion)


def rollback(name: str) -> Champion:
    """Makes the champion what it was before it was last changed; raises as :func:`promote` does."""
    before = _line(name)
    return Champion(name, changing.rollback(name).champion, before.champion)


def _line(name: str) -> Line:
    if "@" in name:
        raise RequestError(f"name the embedder alone: {name.partition('@')[0]}, not {name}")
    find(name)
    return line_of(name)
