"""Plain values of a source: texts, whole numbers and JSON, checked before anything is done with them."""

from __future__ import annotations

import json
from typing import Any

from panic_tda.content import text_fault
from panic_tda.store.importing.tally import Refusal, shown

LARGEST = 2**31 - 1
_LARGEST_SEED = 2**63 - 1
_LONGEST_NAME = 200
OVERSIZE = "\0oversize:"
"""What the reader puts in the place of a value that is too long to be read: this and the number of bytes."""


def text(value: object, what: str) -> str:
    """A text that a record can hold."""
    refuse_oversize(value, what)
    if not isinstance(value, str):
        raise Refusal(f"{what} is {_kind(value)}, not a text")
    if fault := text_fault(value):
        raise Refusal(f"{what} is not valid UTF-8" if "surrogate" in fault else f"{what}: {fault}")
    return value


def name(value: object, what: str) -> str:
    """The name of a model or an algorithm."""
    found = text(value, what)
    if not found.strip() or len(found) > _LONGEST_NAME or not found.isprintable():
        raise Refusal(f"{what} {shown(found)!r} is no name")
    return found


def whole(value: object, what: str, *, least: int = 0, most: int = LARGEST) -> int:
    """A whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal(f"{what} is {_kind(value)}, not a whole number")
    if not least <= value <= most:
        raise Refusal(f"{what} is {value}, which is not within {least} and {most}")
    return value


def seed(value: object, what: str = "its seed") -> int:
    """A seed; −1 for one that was drawn, or is not known."""
    return -1 if value is None else whole(value, what, least=-1, most=_LARGEST_SEED)


def parsed(value: object, what: str) -> Any:
    """What a JSON text says; NaN and infinity are no JSON."""
    try:
        return json.loads(text(value, what), parse_constant=_no_number)
    except Refusal:
        raise
    except RecursionError as fault:
        raise Refusal(f"{what} is nested too deeply") from fault
    except ValueError as fault:
        raise Refusal(f"{what} is no JSON: {fault}") from fault


def names(value: object, what: str) -> list[str]:
    """A list of names, from JSON that has been read already."""
    if not isinstance(value, list) or not value:
        raise Refusal(f"{what} is no list of names")
    return [name(each, what) for each in value]


def texts(value: object, what: str) -> list[str]:
    """A list of texts, from JSON that has been read already."""
    if not isinstance(value, list) or not value:
        raise Refusal(f"{what} is no list of texts")
    return [text(each, what) for each in value]


def plain_json(value: object, what: str) -> Any:
    """A JSON value without anything a database refuses to hold."""
    try:
        text(json.dumps(value, allow_nan=False, ensure_ascii=False), what)
    except (ValueError, RecursionError) as fault:
        raise Refusal(f"{what} cannot be stored: {fault}") from fault
    return value


def refuse_oversize(value: object, what: str) -> None:
    """Raises ``Refusal`` for a value that the reader found too long."""
    if isinstance(value, str) and value.startswith(OVERSIZE):
        raise Refusal(f"{what} has {int(value.removeprefix(OVERSIZE)):,} bytes, more than is read")


def _kind(value: object) -> str:
    kinds = {type(None): "missing", str: "a text", bytes: "binary data", int: "a number", float: "a number"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
