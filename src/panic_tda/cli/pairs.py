"""``KEY=VALUE`` on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from panic_tda.models.model import ParameterValue


def key_and_value(text: str) -> tuple[str, ParameterValue]:
    """The key, and the value as a number, yes or no, or text; raises ``RequestError``."""
    from panic_tda.errors import RequestError

    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise RequestError(f"--option {text!r} is not KEY=VALUE")
    try:
        return key, json.loads(value) if not value.startswith(("[", "{", "null")) else value
    except ValueError:
        return key, value
