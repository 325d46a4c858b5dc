"""Checking an experiment before anything runs: every fault at once, each with its path in the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from panic_tda.content import Content, Image, Text, decode_image
from panic_tda.errors import ConfigurationError, PanicError
from panic_tda.lab.config import TAGS, ExperimentConfig, ImagePrompt, NodeConfig
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.network import Network, Node
from panic_tda.models.catalogue import UnknownModel, find, nearest_names
from panic_tda.models.model import ModelSpec, parameter_faults
from panic_tda.signature import Kind, broken_links

Issues: TypeAlias = list[tuple[str, str]]
LoadPrompt: TypeAlias = Callable[[ImagePrompt], Image]


def validate_config(data: Mapping[str, Any], *, folder: Path, load_image: LoadPrompt | None = None) -> Experiment:
    """The experiment that a file's content describes; image paths are relative to ``folder``.

    ``load_image`` replaces reading image prompts from files. Raises ``ConfigurationError`` with one line for
    each fault: unknown keys, unknown or mistyped models (with the nearest names), parameters, networks that do
    not chain or close, empty lists, numbers out of range, duplicates, prompts that no network takes.
    """
    data, single = _one_network_spelled_out(data)
    issues: Issues = []
    config = _structure(data, issues)
    _check_networks(data.get("networks"), issues)
    _check_embedders(data.get("embedding_models"), issues)
    for key in ("networks", "prompts", "seeds", "embedding_models"):
        _check_duplicates(key, data.get(key), issues)
    if config is not None and not issues:
        experiment = _assemble(config, load_image or (lambda prompt: _read_image(folder / prompt.image)), issues)
        if not issues:
            return experiment
    raise ConfigurationError(list(dict.fromkeys(f"{_spelling(path, single)}: {fault}" for path, fault in issues)))


def _one_network_spelled_out(data: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    plain = dict(data)
    if "network" not in plain or "networks" in plain:
        return plain, False
    return {"networks": [plain.pop("network")]} | plain, True


def _spelling(path: str, single: bool) -> str:
    return path.replace("networks[0]", "network", 1) if single else path


def _structure(data: dict[str, Any], issues: Issues) -> ExperimentConfig | None:
    try:
        return ExperimentConfig.model_validate(data)
    except ValidationError as fault:
        issues.extend((_path(error["loc"]), _sentence(error)) for error in fault.errors(include_url=False))
    return None


def _path(location: Sequence[int | str]) -> str:
    parts = [part for part in location if part not in TAGS]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


def _sentence(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return f"unknown key; {_nearest_key(str(error['loc'][-1]))}"
    if error["type"] == "missing":
        return "is required"
    message = error["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
    return f"{message[0].lower()}{message[1:]}, not {_shown(error['input'])}"


def _nearest_key(name: str) -> str:
    hint = nearest_names(name, [*ExperimentConfig.model_fields, "network", "max_dim", "max_points", "image"])
    return hint if hint.startswith("did") else f"the keys are {', '.join(ExperimentConfig.model_fields)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _check_networks(networks: object, issues: Issues) -> None:
    for index, network in _items(networks):
        path = f"networks[{index}]"
        nodes = [_check_node(f"{path}[{position}]", node, issues) for position, node in _items(network)]
        specs = [spec for spec in nodes if spec is not None]
        if nodes and len(specs) == len(nodes):
            faults = broken_links([spec.name for spec in specs], [spec.signature for spec in specs])
            issues.extend((path, fault) for fault in faults)


def _items(value: object) -> Iterator[tuple[int, Any]]:
    return iter(enumerate(value)) if isinstance(value, list) else iter(())


def _check_node(path: str, node: object, issues: Issues) -> ModelSpec | None:
    name = node.get("model") if isinstance(node, dict) else node
    if not isinstance(name, str):
        return None
    spec = _find(path, name, issues)
    if spec is not None and not spec.signature.is_generator:
        issues.append((path, f"{name} is an embedder ({spec.signature}); networks are made of generators"))
        return None
    if spec is not None and isinstance(node, dict):
        given = {str(key): value for key, value in node.items() if key != "model"}
        issues.extend((path, fault) for fault in parameter_faults(spec, given))
    return spec


def _find(path: str, name: str, issues: Issues) -> ModelSpec | None:
    try:
        return find(name)
    except UnknownModel as fault:
        issues.append((path, f"{fault.message}; {fault.hint}"))
        return None


def _check_embedders(names: object, issues: Issues) -> None:
    for index, name in _items(names):
        path = f"embedding_models[{index}]"
        spec = _find(path, name, issues) if isinstance(name, str) else None
        if spec is not None and spec.signature.is_generator:
            issues.append((path, f"{name} is a generator ({spec.signature}); embedders make vectors"))


def _check_duplicates(key: str, values: object, issues: Issues) -> None:
    seen: dict[Hashable, int] = {}
    for index, value in _items(values):
        identity = json.dumps(value, sort_keys=True, default=repr)
        if identity in seen:
            issues.append((f"{key}[{index}]", f"is the same as {key}[{seen[identity]}]"))
        seen.setdefault(identity, index)


def _assemble(config: ExperimentConfig, load_image: LoadPrompt, issues: Issues) -> Experiment:
    networks = tuple(_network(entries) for entries in config.networks)
    prompts = [_prompt(f"prompts[{index}]", entry, load_image, issues) for index, entry in enumerate(config.prompts)]
    contents = tuple(prompt for prompt in prompts if prompt is not None)
    experiment = Experiment(config, networks, contents, tuple(find(name) for name in config.embedding_models))
    if not issues:
        _check_fit(experiment, issues)
    return experiment


def _network(entries: Sequence[str | NodeConfig]) -> Network:
    return Network(tuple(_node(entry) for entry in entries))


def _node(entry: str | NodeConfig) -> Node:
    if isinstance(entry, str):
        return Node(entry)
    given = entry.model_extra or {}
    values = find(entry.model).with_defaults(given)
    return Node(entry.model, tuple(sorted((name, values[name]) for name in given)))


def _prompt(path: str, entry: str | ImagePrompt, load_image: LoadPrompt, issues: Issues) -> Content | None:
    try:
        content = Text(entry) if isinstance(entry, str) else load_image(entry)
    except PanicError as fault:
        issues.append((path, fault.message))
        return None
    if isinstance(entry, ImagePrompt) and entry.sha256 not in (None, content.sha256):
        issues.append((path, f"{entry.image} has other pixels than its sha256 says"))
    return content


def _read_image(path: Path) -> Image:
    try:
        return decode_image(path.read_bytes(), "")
    except OSError as fault:
        raise ConfigurationError([f"{path} cannot be read as an image: {fault.strerror or 'unknown format'}"]) from None
    except PanicError:
        raise
    except Exception as fault:  # an image library may raise anything on hostile bytes
        raise ConfigurationError([f"{path} cannot be read as an image: {fault}"]) from fault


def _check_fit(experiment: Experiment, issues: Issues) -> None:
    """Every prompt, network and embedder must be of use to some other part of the experiment."""
    taken = {network.takes for network in experiment.networks}
    given = {prompt.kind for prompt in experiment.prompts}
    made = frozenset[Kind]().union(*(network.makes for network in experiment.networks))
    for index, prompt in enumerate(experiment.prompts):
        if prompt.kind not in taken:
            issues.append((f"prompts[{index}]", f"no network takes {prompt.kind} as its first input"))
    for index, network in enumerate(experiment.networks):
        if network.takes not in given:
            issues.append((f"networks[{index}]", f"it takes {network.takes}, and no prompt is {network.takes}"))
    for index, spec in enumerate(experiment.embedders):
        if spec.signature.input not in made:
            issues.append((f"embedding_models[{index}]", f"{spec.name} measures {spec.signature.input}, none is made"))
