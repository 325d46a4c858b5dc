"""Ids of earlier implementations: opaque texts that are kept as they are."""

from __future__ import annotations

import re
from typing import Final

from panic_tda.store.importing.tally import Refusal, shown

HEX: Final = re.compile(r"[0-9a-f]{32}")
"""32 hex digits, as the Python era wrote them."""

DASHED: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""A UUID as dashed text, as the Elixir era wrote them."""


def identifier(value: object, form: re.Pattern[str], what: str = "its id") -> str:
    """The id, unchanged.

    A column declared UUID has numeric affinity in SQLite: an id of digits with at most one ``e`` became a number there,
    and which id it was cannot be told any more.
    """
    if isinstance(value, (int, float)):
        raise Refusal(f"{what} became the number {value!r} in a column of numeric type and cannot be told any more")
    if not isinstance(value, str):
        raise Refusal(f"{what} is missing" if value is None else f"{what} is not a text")
    if not form.fullmatch(value):
        raise Refusal(f"{what} {shown(value)!r} has not the form of an id")
    return value
