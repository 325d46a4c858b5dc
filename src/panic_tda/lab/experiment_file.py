"""Reading an experiment file: JSON, YAML or TOML, or standard input."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from panic_tda.errors import ConfigurationError

_FORMATS = (".json", ".yaml", ".yml", ".toml")


def read_experiment_file(source: str | Path) -> dict[str, Any]:
    """The file's content as it stands, unchecked but for being a mapping; ``-`` reads JSON or YAML from stdin."""
    name = "stdin" if str(source) == "-" else str(source)
    try:
        text = sys.stdin.read() if name == "stdin" else Path(source).read_text(encoding="utf-8")
        content = _parse(text, ".yaml" if name == "stdin" else Path(source).suffix.lower())
    except OSError as fault:
        raise ConfigurationError([f"{name}: {fault.strerror or fault}"]) from fault
    except (ValueError, RecursionError) as fault:
        raise ConfigurationError([f"{name}: {_one_line(fault)}"]) from fault
    if not isinstance(content, dict):
        raise ConfigurationError([f"{name}: an experiment is a mapping of keys, not a {type(content).__name__}"])
    return content


def folder_of(source: str | Path) -> Path:
    """The folder that paths inside the file are relative to."""
    return Path.cwd() if str(source) == "-" else Path(source).parent


def _parse(text: str, suffix: str) -> Any:
    if suffix == ".json":
        return json.loads(text)
    if suffix == ".toml":
        return tomllib.loads(text)
    if suffix not in _FORMATS:
        raise ValueError(f"unknown format {suffix!r}: use one of {', '.join(_FORMATS)}")
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise ValueError(_one_line(fault)) from fault


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split()) or type(fault).__name__
