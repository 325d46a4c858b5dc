"""Reading an experiment file: JSON, YAML or TOML, or standard input."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

from panic_tda.errors import ConfigurationError

_FORMATS = (".json", ".yaml", ".yml", ".toml")
_IN_WORDS = {
    type(None): "nothing",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "a yes or no",
}


def read_experiment_file(source: str | Path) -> dict[str, Any]:
    """The file's content as it stands, unchecked but for being a mapping; ``-`` reads JSON or YAML from stdin.

    Raises ``ConfigurationError`` for what cannot be read, or says a key twice.
    """
    return read_mapping(source, "an experiment")


def read_mapping(source: str | Path, what: str) -> dict[str, Any]:
    """The same of a file of another kind; ``what`` it describes."""
    name = "stdin" if str(source) == "-" else str(source)
    try:
        if name == "stdin":
            content = _parse_json_or_yaml(sys.stdin.read())
        else:
            content = _parse(Path(source).read_text(encoding="utf-8-sig"), Path(source).suffix.lower())
    except OSError as fault:
        raise ConfigurationError([f"{name}: {fault.strerror or fault}"]) from fault
    except UnicodeDecodeError as fault:
        raise ConfigurationError([f"{name}: is not UTF-8 text ({fault.reason} at byte {fault.start})"]) from fault
    except RecursionError as fault:
        raise ConfigurationError([f"{name}: is nested too deeply"]) from fault
    except ValueError as fault:
        raise ConfigurationError([f"{name}: {_one_line(fault)}"]) from fault
    if not isinstance(content, dict):
        kind = _IN_WORDS.get(type(content), f"a {type(content).__name__}")
        raise ConfigurationError([f"{name}: {what} is a mapping of keys, not {kind}"])
    return content


def folder_of(source: str | Path) -> Path:
    """The folder that paths inside the file are relative to."""
    return Path.cwd() if str(source) == "-" else Path(source).parent


def _parse(text: str, suffix: str) -> Any:
    if suffix == ".json":
        return _parse_json(text)
    if suffix == ".toml":
        return tomllib.loads(text)
    if suffix in _FORMATS:
        return _parse_yaml(text)
    raise ValueError(f"unknown format {suffix!r}: use one of {', '.join(_FORMATS)}")


def _parse_json_or_yaml(text: str) -> Any:
    """JSON first: YAML reads most of it, but not the escapes of characters beyond 16 bits."""
    try:
        return _parse_json(text)
    except ValueError:
        return _parse_yaml(text)


def _parse_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_mapping)


def _parse_yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Makes plain values only, and refuses a key that occurs twice."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            plain = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            _check_unique(plain)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)
    except (RecursionError, ValueError):
        raise
    except Exception as fault:  # besides its own errors, PyYAML raises whatever a misused tag leads to
        raise ValueError(_one_line(fault)) from fault


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _check_unique(key for key, _ in pairs)
    return dict(pairs)


def _check_unique(keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise ValueError(f"the key {key!r} occurs twice in one mapping")
        seen.add(key)


def _one_line(fault: Exception) -> str:
    text = " ".join(str(fault).split()) or type(fault).__name__
    return "a number has too many digits" if "set_int_max_str_digits" in text else text
