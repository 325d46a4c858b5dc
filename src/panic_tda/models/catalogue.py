"""The models panic-tda knows by name: its own families, those of installed plug-ins, those added by hand, and the
versions of embedders that were tuned here.

A plug-in is a package with an entry point in the group ``panic_tda.models`` that names a tuple of
:class:`~panic_tda.models.model.ModelSpec`. One that does not import is a warning that names it.
"""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from panic_tda.errors import ConfigurationError, PanicError, UnknownModel
from panic_tda.models.deployment import current, deployed, state
from panic_tda.models.measurements import as_measured, measurements_file, read_measurements
from panic_tda.models.model import ModelSpec
from panic_tda.models.plugins import with_plugins
from panic_tda.models.shelf import Added, Shelf, read_shelf, shelf_file
from panic_tda.models.versions.entries import resolved, version_entries
from panic_tda.models.versions.register import read_register, register_file

_FAMILIES = (
    *("glyph", "ocr", "causal_lm", "sentence", "vision"),
    *("diffusion", "captioner", "torch_lm", "torch_sentence", "multimodal", "onnx"),
    *("remote", "dummy"),
)
PLUGIN_GROUP = "panic_tda.models"

_made_from_data: dict[str, Callable[[], ModelSpec]] = {}


def catalogue() -> dict[str, ModelSpec]:
    """Every model by name, in the order of the families, with where it is on this machine."""
    known = state()
    return _deployed((*map(_written, _files(known)), *known))


@lru_cache(maxsize=4)
def _files(_: tuple[object, ...]) -> tuple[str, ...]:
    return str(shelf_file()), str(register_file()), str(measurements_file())


def _written(path: str) -> object:
    """Another value whenever the file was replaced."""
    try:
        found = os.stat(path)  # noqa: PTH116  # asked for often, and four times as fast
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


@lru_cache(maxsize=4)
def _deployed(_: tuple[object, ...]) -> dict[str, ModelSpec]:
    """The catalogue in one state of files and settings."""
    settings, shelf, known = current(), read_shelf(), read_measurements()
    specs = published() | _added(shelf, published())
    specs |= version_entries(read_register(), specs)
    _check_names(dict(settings.weights), specs)
    return {name: as_measured(deployed(spec, settings, shelf), known) for name, spec in specs.items()}


@cache
def published() -> dict[str, ModelSpec]:
    """The entries as their families and plug-ins wrote them, whatever this machine has."""
    specs = {spec.name: spec for family in _FAMILIES for spec in _family(family).MODELS}
    return with_plugins(specs, PLUGIN_GROUP, ModelSpec)


def remember(name: str, make: Callable[[], ModelSpec]) -> None:
    """Lets :func:`find` know a model that is made from data, a program for example.

    Its name must hold a hash of that data: then it means the same for ever, and nothing need be forgotten.
    """
    _made_from_data.setdefault(name, make)


def look_up(name: str) -> ModelSpec | None:
    """The model of that name or alias, or None."""
    if name in _made_from_data:
        return _made_from_data[name]()
    specs = catalogue()
    return specs.get(resolved(name, specs))


def meant(name: str) -> str:
    """What an alias (``NAME@champion``, ``NAME@0``) means now; any other name, known or not, as it is."""
    return resolved(name, catalogue()) if "@" in name else name


def find(name: str) -> ModelSpec:
    """The model of that name, or the one that an alias (``NAME@champion``) means now.

    Raises :class:`UnknownModel` with the nearest names.
    """
    spec = look_up(name)
    if spec is None:
        raise UnknownModel(f"unknown model {name!r}", hint=nearest_names(name, catalogue()))
    return spec


def nearest_names(name: str, known: Iterable[str]) -> str:
    """``did you mean A or B?``, or how to list all of them."""
    close = close_names(name, known)
    return f"did you mean {' or '.join(close)}?" if close else "panic-tda model list shows every model"


def close_names(name: str, known: Iterable[str]) -> list[str]:
    """At most three of the known names that look like this one, nearest first; just one if it differs in case alone."""
    folded = {candidate.casefold(): candidate for candidate in known}
    if name.casefold() in folded:
        return [folded[name.casefold()]]
    return [folded[match] for match in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]


def entry_for(name: str, added: Added) -> ModelSpec:
    """The catalogue entry of a model added by hand; raises ``ConfigurationError`` when its family adds none."""
    adders = {family: module.added for family in _FAMILIES if (module := _family(family)) and hasattr(module, "added")}
    if added.family not in adders:
        raise ConfigurationError([f"family {added.family!r} is none of {', '.join(sorted(adders))}"])
    spec: ModelSpec = adders[added.family](name, added)
    return spec


def _family(name: str) -> Any:
    return import_module(f"panic_tda.models.{name}")


def _added(shelf: Shelf, known: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
    """The entries of the shelf; one that cannot be is a warning that names it."""
    specs = {}
    for name, added in shelf.added.items():
        try:
            if name in known:
                raise ConfigurationError([f"the name {name} is taken"])
            specs[name] = entry_for(name, added)
        except PanicError as fault:
            warnings.warn(f"{name} of {shelf_file()} is left out: {fault}", stacklevel=2)
    return specs


def _check_names(folders: Mapping[str, str], specs: Mapping[str, ModelSpec]) -> None:
    unknown = [name for name in folders if name not in specs or specs[name].repository is None]
    if unknown:
        raise ConfigurationError(
            [f"weights.{name}: {_why_no_folder(name, specs)}" for name in unknown],
        )


def _why_no_folder(name: str, specs: Mapping[str, ModelSpec]) -> str:
    return "its weights are not a folder" if name in specs else f"unknown model; {nearest_names(name, specs)}"
