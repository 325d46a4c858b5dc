"""How an answer is wished for, as callers say it: each wish by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from panic_tda.errors import ConfigurationError
from panic_tda.models import constraints
from panic_tda.models.constraints import Constraint
from panic_tda.models.language import Sampling


class Wishes(TypedDict, total=False):
    """See :class:`~panic_tda.models.language.Sampling` for what is not given. At most one of the last four is."""

    temperature: float
    top_p: float
    top_k: int
    max_tokens: int
    stop: str | Sequence[str]
    schema: Mapping[str, Any] | str
    regex: str
    choices: Sequence[str]
    grammar: str


_CONSTRAINTS: dict[str, Callable[[Any], Constraint]] = {
    "schema": lambda given: constraints.schema(given if isinstance(given, str) else json.loads(json.dumps(given))),
    "regex": constraints.regex,
    "choices": lambda given: constraints.choices(list(given)),
    "grammar": constraints.grammar,
}


def sampling_of(wishes: Wishes) -> Sampling:
    """The sampling that grants them; raises ``ConfigurationError`` with every fault, or ``InvalidConstraint``."""
    given: dict[str, Any] = {name: value for name, value in wishes.items() if value is not None}
    said = [name for name in _CONSTRAINTS if name in given]
    if len(said) > 1:
        raise ConfigurationError([f"{' and '.join(said)} exclude one another"])
    constraint = _CONSTRAINTS[said[0]](given.pop(said[0])) if said else None
    stop = given.pop("stop", ())
    return Sampling(**given, stop=(stop,) if isinstance(stop, str) else tuple(stop), constraint=constraint).checked()
