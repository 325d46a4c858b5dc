"""Adding a model by hand: a folder or file on this machine, or an address, becomes an entry of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from panic_tda.errors import ConfigurationError, RequestError
from panic_tda.models.catalogue import catalogue, entry_for, find, published
from panic_tda.models.economies import with_economies
from panic_tda.models.endpoints import checked_address, is_address
from panic_tda.models.fetching import consent
from panic_tda.models.files import read_object
from panic_tda.models.model import ModelSpec, ParameterValue
from panic_tda.models.onnx.manifest import read_manifest
from panic_tda.models.repositories import EMBEDDER_FILE, incompleteness
from panic_tda.models.shelf import Added, read_shelf, write_shelf


def add(
    name: str,
    source: str | Path | None,
    family: str = "",
    options: Mapping[str, ParameterValue] | None = None,
    *,
    trust: bool = False,
) -> ModelSpec:
    """Puts a model on the shelf, or says where a model of the catalogue lies, and returns its entry.

    ``source`` is a folder or file or, for the family ``remote``, an address. A model of the catalogue may also get
    other ``options``, with or without one. ``trust`` lets Python code in the folder run. Raises ``RequestError`` or
    ``ConfigurationError``.
    """
    if family == "remote" or is_address(str(source)):
        return _add_address(name, str(source or ""), family, options or {}, trust)
    place = _place(source, family) if source else None
    _check_name(name, family)
    if name in published():
        _change(published()[name], place, options or {})
    elif place is None:
        raise RequestError(f"{name} is not in the catalogue, so it needs --from", hint="see: panic-tda model add -h")
    else:
        entry = Added(family, str(place), completed(family, place, {**(options or {}), "remote_code": trust}))
        entry_for(name, entry)
        write_shelf(read_shelf().with_added(name, entry))
    spec = catalogue()[name]
    if trust:
        consent(spec)
    return find(name)


def _place(source: str | Path, family: str) -> Path:
    place = Path(source).expanduser().absolute()
    if not place.exists():
        raise RequestError(f"{place} does not exist")
    _check_place(place, family)
    return place


def _change(spec: ModelSpec, place: Path | None, options: Mapping[str, ParameterValue]) -> None:
    """Keeps where a model of the catalogue lies, and which options it has here."""
    if place is None and not options:
        raise RequestError(f"what is to change about {spec.name}?", hint="give --from, or --option")
    with_economies(spec, options)
    shelf = read_shelf()
    shelf = shelf.with_folder(spec.name, str(place)) if place else shelf
    write_shelf(shelf.with_options(spec.name, options) if options else shelf)


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


def _check_place(place: Path, family: str) -> None:
    if family == "onnx":
        read_manifest(place)
    elif fault := incompleteness(place):
        hint = "a folder with safetensors, a .gguf file, or with --family onnx what model export-onnx wrote"
        raise RequestError(f"{place} {fault}", hint=hint)
    elif (place / EMBEDDER_FILE).is_file():
        raise RequestError(f"{place} was written by model export-onnx", hint="it needs --family onnx")


def completed(family: str, place: Path, options: dict[str, ParameterValue]) -> dict[str, ParameterValue]:
    """The options, with what the folder itself says."""
    if family in ("torch_sentence", "multimodal") and "dims" not in options:
        options["dims"] = _dims(place)
    if family == "onnx":
        manifest = read_manifest(place)
        about = f"{manifest.model}, exported ({manifest.dtype})"
        facts = {"summary": about, "licence": manifest.licence, "source": manifest.source}
        options = {"dims": manifest.dims, **options, **facts, "input": manifest.input, "dtype": manifest.dtype}
        if not 0 < int(options["dims"]) <= manifest.dims:
            raise ConfigurationError([f"dims must be between 1 and {manifest.dims}, not {options['dims']}"])
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
