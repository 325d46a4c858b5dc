"""Checking an experiment before anything runs: every fault at once, each with its path in the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pydantic import ValidationError

from panic_tda.content import Content, Image, Text, decode_image
from panic_tda.errors import ConfigurationError, PanicError, SignatureError, UnknownModel
from panic_tda.lab.config import (
    TAGS,
    DiagramsStage,
    ExperimentConfig,
    ImagePrompt,
    NoiseTwins,
    ProgramConfig,
    PromptTwins,
    Stages,
    Twins,
)
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.named_programs import NamedPrograms, StoredPrograms, no_programs, unused, written_programs
from panic_tda.lab.network import Network, Node
from panic_tda.lab.twins import changeable, variety
from panic_tda.models.catalogue import find, nearest_names
from panic_tda.models.model import ModelSpec, parameter_faults
from panic_tda.signature import Kind, broken_links

Issues: TypeAlias = list[tuple[str, str]]
LoadPrompt: TypeAlias = Callable[[ImagePrompt], Image]
T = TypeVar("T")

_LARGEST = 1_000_000
_DEEPEST = 20
_LONGEST_LINE = 400
_MOST_BITS = 1_000


def validate_config(
    data: Mapping[str, Any],
    *,
    folder: Path,
    load_image: LoadPrompt | None = None,
    stored_programs: StoredPrograms = no_programs,
) -> Experiment:
    """The experiment that a file's content describes; image paths are relative to ``folder``.

    ``load_image`` replaces reading image prompts from files; ``stored_programs`` are those that networks may name
    besides the file's own. Raises ``ConfigurationError`` with one line for
    each fault: unknown keys, unknown or mistyped models (with the nearest names), parameters, networks that do
    not chain or close, empty lists, numbers out of range, duplicates, prompts that no network takes, twins that
    cannot be.
    """
    _check_extent(data)
    data, single = _one_network_spelled_out(data)
    issues: Issues = []
    config = _structure(data, issues)
    written = written_programs(data.get("programs"), issues)
    programs = NamedPrograms(written, stored_programs)
    networks = _check_networks(data.get("networks"), programs, issues)
    prompts = _check_prompts(
        data.get("prompts"), load_image or (lambda prompt: read_image(folder / prompt.image)), issues
    )
    embedders = _check_embedders(data.get("embedding_models"), issues)
    _check_duplicates(
        "networks", data.get("networks"), [network.id if network else None for network in networks], issues
    )
    _check_duplicates("prompts", data.get("prompts"), [prompt.sha256 if prompt else None for prompt in prompts], issues)
    _check_duplicates("seeds", data.get("seeds"), [], issues)
    _check_duplicates(
        "embedding_models", data.get("embedding_models"), [spec.name if spec else None for spec in embedders], issues
    )
    _check_fit(networks, _kinds(data.get("prompts")), embedders, issues)
    if config is not None and config.twins is not None:
        _check_twins(config, config.twins, prompts, issues)
    if not issues:
        issues.extend(unused(written, programs.used))
    if config is None or issues:
        raise ConfigurationError(list(dict.fromkeys(_line(_spelling(path, single), fault) for path, fault in issues)))
    config = config.model_copy(update={"programs": _as_written(programs)})
    return Experiment(config, _whole(networks), _whole(prompts), _whole(embedders))


def _as_written(programs: NamedPrograms) -> dict[str, ProgramConfig] | None:
    """The definitions of all programs in the networks: those of the record are pinned by this."""
    used = {name: ProgramConfig.model_validate(each.to_json()) for name, each in programs.used.items()}
    return used or None


def _whole(items: Sequence[T | None]) -> tuple[T, ...]:
    return tuple(item for item in items if item is not None)


def _check_extent(data: Mapping[str, Any]) -> None:
    """Refuses what would take for ever to check: aliases that unfold without end, towers of brackets, giant numbers.

    Sizes are counted once for each distinct list or mapping, so that an alias costs nothing here.
    """
    sizes: dict[int, int] = {}

    def size(value: object, depth: int) -> int:
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise ConfigurationError([f"a number of {value.bit_length()} bits is too large for anything here"])
        if not isinstance(value, (Mapping, list, tuple, set)):
            return 1
        if depth > _DEEPEST:
            raise ConfigurationError([f"lists and mappings are nested more than {_DEEPEST} deep"])
        if id(value) not in sizes:
            parts = [*value.keys(), *value.values()] if isinstance(value, Mapping) else value
            sizes[id(value)] = 1 + sum(size(part, depth + 1) for part in parts)
        return sizes[id(value)]

    if size(data, 0) > _LARGEST:
        raise ConfigurationError([f"the configuration holds more than {_LARGEST:,} values"])


def _one_network_spelled_out(data: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    plain = dict(data)
    if "network" not in plain or "networks" in plain:
        return plain, False
    return {"networks": [plain.pop("network")]} | plain, True


def _spelling(path: str, single: bool) -> str:
    return path.replace("networks[0]", "network", 1) if single else path


def _line(path: str, fault: str) -> str:
    """One line, whatever the file held: no line breaks, no control characters, not without end."""
    text = " ".join(f"{path or 'the file'}: {fault}".split())
    text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return text if len(text) <= _LONGEST_LINE else f"{text[: _LONGEST_LINE - 1]}…"


def _structure(data: dict[str, Any], issues: Issues) -> ExperimentConfig | None:
    try:
        return ExperimentConfig.model_validate(data)
    except ValidationError as fault:
        issues.extend((_path(error["loc"]), _sentence(error)) for error in fault.errors(include_url=False))
    return None


def _places(location: Sequence[int | str]) -> list[int | str]:
    """The location without the tags that pydantic inserts after the position of a union."""
    parts: list[int | str] = []
    tagged = False
    for part in location:
        tag = not tagged and part in TAGS and bool(parts) and (isinstance(parts[-1], int) or parts[-1] == "diagrams")
        if not tag:
            parts.append(part)
        tagged = tag
    return parts


def _path(location: Sequence[int | str]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in _places(location))
    return text.removeprefix(".")


def _sentence(error: Any) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(_places(error["loc"]))
    if kind == "missing":
        return "is required"
    if kind in ("too_short", "string_too_short"):
        return "must not be empty"
    message = error["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
    message = message.replace("valid dictionary", "mapping").split(" or instance of ")[0]
    return f"{message[0].lower()}{message[1:]}, not {_cut(repr(error['input']))}"


def _unknown_key(places: Sequence[int | str]) -> str:
    name = str(places[-1])
    if places == ["network"]:
        return "give network or networks, not both"
    match [place for place in places[:-1] if isinstance(place, str)]:
        case ["stages"]:
            known = list(Stages.model_fields)
        case ["stages", "diagrams"]:
            known = list(DiagramsStage.model_fields)
        case ["prompts"]:
            known = list(ImagePrompt.model_fields)
        case ["twins"]:
            known = list(Twins.model_fields)
        case ["twins", "noise"]:
            known = list(NoiseTwins.model_fields)
        case ["twins", "prompt"]:
            known = list(PromptTwins.model_fields)
        case ["programs", _]:
            known = list(ProgramConfig.model_fields)
        case _:
            known = [*ExperimentConfig.model_fields]
    hint = nearest_names(name, known)
    return f"unknown key; {hint}" if hint.startswith("did") else f"unknown key; the keys here are {', '.join(known)}"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


def _items(value: object) -> Iterator[tuple[int, Any]]:
    return iter(enumerate(value)) if isinstance(value, list) else iter(())


def _check_networks(networks: object, programs: NamedPrograms, issues: Issues) -> list[Network | None]:
    return [_check_network(f"networks[{index}]", network, programs, issues) for index, network in _items(networks)]


def _check_network(path: str, entries: object, programs: NamedPrograms, issues: Issues) -> Network | None:
    """The network, or None when it has a fault."""
    nodes = [_check_node(f"{path}[{position}]", entry, programs, issues) for position, entry in _items(entries)]
    found = _whole(nodes)
    if not nodes or len(found) < len(nodes):
        return None
    faults = broken_links([node.model for node in found], [node.spec.signature for node in found])
    issues.extend((path, fault) for fault in faults)
    return None if faults else Network(found)


def _check_node(path: str, entry: object, programs: NamedPrograms, issues: Issues) -> Node | None:
    name = entry.get("model") if isinstance(entry, dict) else entry
    if not isinstance(name, str):
        return None
    spec = _find(path, name, programs.find, issues)
    if spec is None:
        return None
    if not spec.signature.is_generator:
        issues.append((path, f"{name} is an embedder ({spec.signature}); networks are made of generators"))
        return None
    given = {str(key): value for key, value in entry.items() if key != "model"} if isinstance(entry, dict) else {}
    faults = parameter_faults(spec, given)
    issues.extend((path, fault) for fault in faults)
    if faults:
        return None
    values = spec.with_defaults(given)
    return Node(spec.name, tuple(sorted((parameter, values[parameter]) for parameter in given)))


def _find(path: str, name: str, finding: Callable[[str], ModelSpec], issues: Issues) -> ModelSpec | None:
    try:
        return finding(name)
    except UnknownModel as fault:
        issues.append((path, f"{fault.message}; {fault.hint}"))
    except ConfigurationError as fault:
        issues.extend((path, issue) for issue in fault.issues)
    except SignatureError as fault:
        issues.append((path, fault.message))
    return None


def _check_embedders(names: object, issues: Issues) -> list[ModelSpec | None]:
    return [_check_embedder(f"embedding_models[{index}]", name, issues) for index, name in _items(names)]


def _check_embedder(path: str, name: object, issues: Issues) -> ModelSpec | None:
    spec = _find(path, name, find, issues) if isinstance(name, str) else None
    if spec is not None and spec.signature.is_generator:
        issues.append((path, f"{name} is a generator ({spec.signature}); embedders make vectors"))
        return None
    return spec


def _check_prompts(prompts: object, load_image: LoadPrompt, issues: Issues) -> list[Content | None]:
    """The contents; None for an entry with a fault. Those of the wrong shape were spoken of already."""
    misshapen = {path.partition("]")[0] for path, _ in issues if path.startswith("prompts[")}
    return [
        None if f"prompts[{index}" in misshapen else _check_prompt(f"prompts[{index}]", entry, load_image, issues)
        for index, entry in _items(prompts)
    ]


def _check_prompt(path: str, entry: object, load_image: LoadPrompt, issues: Issues) -> Content | None:
    try:
        if isinstance(entry, str):
            return Text(entry)
        prompt = ImagePrompt.model_validate(entry)
        image = load_image(prompt)
    except ValidationError:
        issues.append((path, "is neither a text nor an image prompt"))
        return None
    except PanicError as fault:
        issues.append((path, fault.message))
        return None
    if prompt.sha256 not in (None, image.sha256):
        issues.append((path, f"{prompt.image} has other pixels than its sha256 says"))
    return image


def read_image(path: Path) -> Image:
    """An image from a file of any format that Pillow knows; raises ``ConfigurationError``."""
    try:
        if path.exists() and not path.is_file():
            raise ConfigurationError([f"{path} is not a file"])
        return decode_image(path.read_bytes(), "")
    except OSError as fault:
        reason = fault.strerror or "unknown format, or damaged"
        raise ConfigurationError([f"{path} cannot be read as an image: {reason}"]) from None
    except PanicError:
        raise
    except Exception as fault:  # an image library may raise anything on hostile bytes
        raise ConfigurationError([f"{path} cannot be read as an image: {fault}"]) from fault


def _check_duplicates(key: str, values: object, identities: Sequence[str | None], issues: Issues) -> None:
    """Entries that mean the same: by the identity they resolve to, or else as they are written."""
    seen: dict[str, int] = {}
    for index, value in _items(values):
        resolved = identities[index] if index < len(identities) else None
        identity = resolved or json.dumps(value, sort_keys=True, default=repr)
        if identity in seen:
            issues.append((f"{key}[{index}]", f"is the same as {key}[{seen[identity]}]"))
        seen.setdefault(identity, index)


def _kinds(prompts: object) -> list[Kind | None]:
    kinds: dict[type, Kind] = {str: Kind.TEXT, dict: Kind.IMAGE}
    return [kinds.get(type(entry)) for _, entry in _items(prompts)]


def _check_fit(
    networks: Sequence[Network | None],
    prompts: Sequence[Kind | None],
    embedders: Sequence[ModelSpec | None],
    issues: Issues,
) -> None:
    """Every prompt, network and embedder must be of use to some other part of the experiment, as far as is known."""
    taken = {network and network.takes for network in networks}
    made = frozenset[Kind]().union(*(network.makes for network in _whole(networks)))
    given = set(prompts)
    for index, kind in enumerate(prompts):
        if kind is not None and taken and not taken & {kind, None}:
            issues.append((f"prompts[{index}]", f"no network takes {kind} as its first input"))
    for index, network in enumerate(networks):
        if network is not None and given and not given & {network.takes, None}:
            issues.append((f"networks[{index}]", f"it takes {network.takes}, and no prompt is {network.takes}"))
    for index, spec in enumerate(embedders):
        if spec is not None and taken and None not in taken and spec.signature.input not in made:
            issues.append((f"embedding_models[{index}]", f"{spec.name} measures {spec.signature.input}, none is made"))


def _check_twins(config: ExperimentConfig, twins: Twins, prompts: Sequence[Content | None], issues: Issues) -> None:
    if not twins.of_each_run:
        issues.append(("twins", "must hold noise, prompt or both"))
    if -1 in config.seeds:
        issues.append(("twins", "need fixed seeds: a run of seed -1 cannot be repeated with one thing changed"))
    if twins.noise and twins.noise.step >= config.max_length:
        too_late = f"should be less than max_length {config.max_length}, not {twins.noise.step}"
        issues.append(("twins.noise.step", too_late))
    if twins.prompt:
        _check_duplicates("twins.prompt.changes", twins.prompt.changes, [], issues)
        for index, changes in enumerate(twins.prompt.changes):
            path = f"twins.prompt.changes[{index}]"
            issues.extend((path, fault) for fault in _lacks(prompts, changes, twins.prompt.count))


def _lacks(prompts: Sequence[Content | None], changes: int, count: int) -> Iterator[str]:
    for index, prompt in enumerate(prompts):
        if prompt is not None and variety(prompt, changes) < count:
            things = "pixels" if prompt.kind is Kind.IMAGE else "letters and digits"
            few = f"{changes} changes" if changes > changeable(prompt) else f"{count} different twins"
            yield f"prompts[{index}] has too few {things} ({changeable(prompt)}) for {few}"
