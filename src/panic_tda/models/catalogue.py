"""The models panic-tda knows by name: its own families, and those of installed plug-ins.

A plug-in is a package with an entry point in the group ``panic_tda.models`` that names a tuple of
:class:`~panic_tda.models.model.ModelSpec`. One that does not import is a warning that names it.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable
from functools import cache
from importlib import import_module, metadata

from panic_tda.errors import UnknownModel
from panic_tda.models.model import ModelSpec

_FAMILIES = ("glyph", "ocr", "causal_lm", "sentence", "vision", "dummy")
PLUGIN_GROUP = "panic_tda.models"


@cache
def catalogue() -> dict[str, ModelSpec]:
    """Every model by name, in the order of the families."""
    specs: dict[str, ModelSpec] = {}
    for family in _FAMILIES:
        for spec in import_module(f"panic_tda.models.{family}").MODELS:
            specs[spec.name] = spec
    for entry_point in metadata.entry_points(group=PLUGIN_GROUP):
        try:
            found = {spec.name: spec for spec in _checked(entry_point.load())}
            if taken := found.keys() & specs.keys():
                raise ValueError(f"the name {min(taken)} is taken")
        except Exception as fault:  # whatever a stranger's package raises must not stop the others
            warnings.warn(f"plug-in {entry_point.name} ({entry_point.value}) is left out: {fault}", stacklevel=2)
        else:
            specs.update(found)
    return specs


def find(name: str) -> ModelSpec:
    """The model of that name; raises :class:`UnknownModel` with the nearest names."""
    specs = catalogue()
    if name not in specs:
        raise UnknownModel(f"unknown model {name!r}", hint=nearest_names(name, specs))
    return specs[name]


def nearest_names(name: str, known: Iterable[str]) -> str:
    """``did you mean A or B?``, or how to list all of them."""
    close = close_names(name, known)
    return f"did you mean {' or '.join(close)}?" if close else "panic-tda model list shows every model"


def close_names(name: str, known: Iterable[str]) -> list[str]:
    """At most three of the known names that look like this one, nearest first, whatever their case."""
    folded = {candidate.casefold(): candidate for candidate in known}
    return [folded[match] for match in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]


def _checked(value: object) -> tuple[ModelSpec, ...]:
    if not isinstance(value, (tuple, list)) or not all(isinstance(spec, ModelSpec) for spec in value):
        raise TypeError("it does not name a tuple of ModelSpec")
    return tuple(value)
