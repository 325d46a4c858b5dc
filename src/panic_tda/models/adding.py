"""Adding a model by hand: a folder or file on this machine, or an address, becomes an entry of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from panic_tda.errors import ConfigurationError, RequestError
from panic_tda.models.catalogue import catalogue, entry_for, find, published
from panic_tda.models.endpoints import checked_address, is_address
from panic_tda.models.fetching import consent
from panic_tda.models.files import read_object
from panic_tda.models.model import ModelSpec, ParameterValue
from panic_tda.models.repositories import incompleteness
from panic_tda.models.shelf import Added, read_shelf, write_shelf


def add(
    name: str,
    source: str | Path,
    family: str = "",
    options: Mapping[str, ParameterValue] | None = None,
    *,
    trust: bool = False,
) -> ModelSpec:
    """Puts a model on the shelf, or says where a model of the catalogue lies, and returns its entry.

    ``source`` is a folder or file or, for the family ``remote``, an address. ``trust`` lets Python code in the folder
    run. Raises ``RequestError`` or ``ConfigurationError``.
    """
    if family == "remote" or is_address(str(source)):
        return _add_address(name, str(source), family, options or {}, trust)
    place = Path(source).expanduser().absolute()
    if not place.exists():
        raise RequestError(f"{place} does not exist")
    if fault := incompleteness(place):
        raise RequestError(f"{place} {fault}", hint="a folder with safetensors, or a .gguf file")
    _check_name(name, family)
    shelf = read_shelf()
    if name in published():
        write_shelf(shelf.with_folder(name, str(place)))
    else:
        entry = Added(family, str(place), _completed(family, place, {**(options or {}), "remote_code": trust}))
        entry_for(name, entry)
        write_shelf(shelf.with_added(name, entry))
    spec = catalogue()[name]
    if trust:
        consent(spec)
    return find(name)


def _add_address(name: str, address: str, family: str, options: Mapping[str, ParameterValue], trust: bool) -> ModelSpec:
    if family != "remote":
        raise RequestError("a model at an address is of the family remote", hint="--family remote")
    if trust:
        raise RequestError("a model at an address brings no Python code to trust")
    _check_name(name, family)
    entry = Added(family, checked_address(address), options)
    entry_for(name, entry)
    write_shelf(read_shelf().with_added(name, entry))
    return find(name)


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
    pooling, config = read_object(place / "1_Pooling" / "config.json"), read_object(place / "config.json")
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
