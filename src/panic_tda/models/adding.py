"""Adding a model by hand: a folder or file on this machine becomes an entry of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from panic_tda.errors import ConfigurationError, RequestError
from panic_tda.models.catalogue import catalogue, entry_for, find, published
from panic_tda.models.economies import with_economies
from panic_tda.models.fetching import consent
from panic_tda.models.model import ModelSpec, ParameterValue
from panic_tda.models.repositories import incompleteness
from panic_tda.models.shelf import Added, read_shelf, write_shelf


def add(
    name: str,
    path: Path | None,
    family: str = "",
    options: Mapping[str, ParameterValue] | None = None,
    *,
    trust: bool = False,
) -> ModelSpec:
    """Puts a model on the shelf, or says where a model of the catalogue lies, and returns its entry.

    A model of the catalogue may also get other ``options``, with or without a ``path``. ``trust`` lets Python code in
    the folder run. Raises ``RequestError`` or ``ConfigurationError``.
    """
    place = _place(path) if path else None
    _check_name(name, family)
    if name in published():
        _change(published()[name], place, options or {})
    elif place is None:
        raise RequestError(f"{name} is not in the catalogue, so it needs --from", hint="see: panic-tda model add -h")
    else:
        entry = Added(family, str(place), _completed(family, place, {**(options or {}), "remote_code": trust}))
        entry_for(name, entry)
        write_shelf(read_shelf().with_added(name, entry))
    spec = catalogue()[name]
    if trust:
        consent(spec)
    return find(name)


def _place(path: Path) -> Path:
    place = path.expanduser().absolute()
    if not place.exists():
        raise RequestError(f"{place} does not exist")
    if fault := incompleteness(place):
        raise RequestError(f"{place} {fault}", hint="a folder with safetensors, or a .gguf file")
    return place


def _change(spec: ModelSpec, place: Path | None, options: Mapping[str, ParameterValue]) -> None:
    """Keeps where a model of the catalogue lies, and which options it has here."""
    if place is None and not options:
        raise RequestError(f"what is to change about {spec.name}?", hint="give --from, or --option")
    with_economies(spec, options)
    shelf = read_shelf()
    shelf = shelf.with_folder(spec.name, str(place)) if place else shelf
    write_shelf(shelf.with_options(spec.name, options) if options else shelf)


def _check_name(name: str, family: str) -> None:
    if not name.isidentifier():
        raise RequestError(f"{name!r} is no name for a model", hint="letters, digits and _, and no digit first")
    known = published().get(name)
    if known is None and not family:
        raise RequestError(f"{name} is not in the catalogue, so it needs --family", hint="see: panic-tda model add -h")
    if known is not None and known.repository is None:
        raise RequestError(f"the name {name} is taken, and its weights are no folder")
    if known is not None and family not in ("", known.family):
        raise RequestError(f"the name {name} is taken by a model of the family {known.family}")


def _completed(family: str, place: Path, options: dict[str, ParameterValue]) -> dict[str, ParameterValue]:
    """The options, with what the folder itself says."""
    if family in ("torch_sentence", "multimodal") and "dims" not in options:
        options["dims"] = _dims(place)
    if family == "captioner" and "style" not in options:
        from panic_tda.models.captioner.reading import style_of

        options["style"] = style_of(place, place.name)
    return options


def _dims(place: Path) -> int:
    """How long the vectors are, by the settings in the folder."""
    pooling, config = _read(place / "1_Pooling" / "config.json"), _read(place / "config.json")
    text = config.get("text_config") or {}
    candidates = [
        pooling.get("word_embedding_dimension") or pooling.get("embedding_dimension"),
        *(config.get(key) for key in ("projection_dim", "hidden_size", "dim")),
        *(text.get(key) for key in ("projection_size", "hidden_size")),
    ]
    found = next((value for value in candidates if isinstance(value, int)), None)
    if found is None:
        raise ConfigurationError([f"{place} does not say how long its vectors are"], hint="give --option dims=N")
    return found


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
