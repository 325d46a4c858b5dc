"""Settings: a TOML file, overridden by ``PANIC_TDA_*`` in the environment, overridden by command-line flags."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from panic_tda.errors import ConfigurationError

ENVIRONMENT_PREFIX = "PANIC_TDA_"
_OTHER_VARIABLES = {"PANIC_TDA_CACHE", "PANIC_TDA_TOKEN"}
EXECUTORS = ("auto", "inprocess", "process", "ray", "remote")
_RULE = "{match = {task, model, strategy, min_parameters, needs_gpu, session}, to = EXECUTOR}"


@dataclass(frozen=True, slots=True)
class Rule:
    """Models that match all of it run in the executor ``to``; what is empty, 0 or None matches every model."""

    to: str
    task: str = ""
    model: str = ""
    strategy: str = ""
    min_parameters: float = 0
    needs_gpu: bool | None = None
    session: bool | None = None

    def __str__(self) -> str:
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "to"}
        said = ", ".join(f"{name} = {value!r}" for name, value in given.items() if value or value is False)
        return f"{said or 'everything'} → {self.to}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that may be set for all commands at once. Zero or empty means: choose for me."""

    db: str = "panic-tda.sqlite"
    """Path or SQLAlchemy URL of the database."""
    executor: str = "auto"
    """Where models run: inprocess, process (survives crashes), ray (a cluster), remote (a server); auto: what suits."""
    remote: str = ""
    """Address of the server of the executor `remote`: another panic-tda, started with `panic-tda serve`."""
    rules: tuple[Rule, ...] = ()
    """Which models run elsewhere: tables in the file, JSON in the environment; the first that matches wins."""
    workers: int = 0
    """Workers of the executors `process` and `ray`, 0: half of the cores; calls at once of `remote`, 0: four."""
    batch_size: int = 0
    """Inputs for each model call; 0 takes each model's own, measured or from the catalogue."""
    memory_budget: int = 0
    """Megabytes that loaded models may take on each device; 0 takes three quarters of its memory."""
    threads: int = 0
    """Threads of models and diagrams; 0 takes half of the cores for a model (in a worker one) and all for diagrams."""
    call_timeout: int = 0
    """Seconds that a model call may take; 0: as long as it likes in process, ten minutes in a worker."""
    offline: bool = False
    """Never fetch weights, and ask no model at an address outside this machine."""
    device: str = "auto"
    """Where torch computes: cpu, cuda or mps; auto takes the best that is there."""
    dtype: str = "auto"
    """Type of numbers of torch models: bf16, fp16 or fp32; auto takes each model's own, and fp32 on a CPU."""
    tier: str = "exact"
    """How far vectors may depend on the batch, for models that have both: exact, or seeded, which is faster."""
    weights: tuple[tuple[str, str], ...] = ()
    """Folders of weights by model: a table in the file, `NAME=FOLDER` with `:` between them in the environment."""

    @property
    def memory_budget_bytes(self) -> int:
        """Bytes that loaded models may take on each device; 0 takes three quarters of its memory."""
        return self.memory_budget * 1_000_000

    def updated(self, changes: Mapping[str, Any]) -> Settings:
        """A copy with the changes that are not None."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})


def load_settings(path: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads the file (if one is given) and the environment; raises ``ConfigurationError`` with every fault."""
    issues: list[str] = []
    changes = _from_file(path, issues) if path else {}
    types = get_type_hints(Settings)
    for setting in fields(Settings):
        variable = ENVIRONMENT_PREFIX + setting.name.upper()
        if environment.get(variable):
            changes[setting.name] = _parsed(variable, environment[variable], types[setting.name], issues)
    known = {ENVIRONMENT_PREFIX + name.upper() for name in types} | _OTHER_VARIABLES
    issues += [
        f"{variable} is not a setting (known: {', '.join(sorted(known))})"
        for variable in environment
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in known
    ]
    issues += [
        f"{name} must not be negative, it is {value}"
        for name, value in changes.items()
        if types.get(name) is int and isinstance(value, int) and value < 0
    ]
    issues += _unknown_executors(changes)
    if issues:
        raise ConfigurationError(issues)
    return Settings().updated(changes)


def _unknown_executors(changes: Mapping[str, Any]) -> list[str]:
    named = {"executor": changes.get("executor", "auto")}
    named |= {f"rule {number}": rule.to for number, rule in enumerate(changes.get("rules", ()), 1)}
    return [
        f"{where}: unknown executor {name!r} (there is: {', '.join(EXECUTORS)})"
        for where, name in named.items()
        if name not in EXECUTORS
    ]


def _rules(where: str, value: object, issues: list[str]) -> tuple[Rule, ...]:
    """One rule for each table; what is wrong with one is told with its number."""
    if not isinstance(value, list):
        issues.append(f"{where} must be a list of {_RULE}, not {value!r}")
        return ()
    rules = []
    for number, table in enumerate(value, 1):
        try:
            rules.append(_rule(table))
        except (TypeError, KeyError, AttributeError):
            issues.append(f"{where}, rule {number} must be {_RULE}, not {table!r}")
    return tuple(rules)


def _rule(table: Any) -> Rule:
    rule = Rule(table["to"], **table.get("match", {}))
    optional = (bool, type(None))
    types = {"min_parameters": (int, float), "needs_gpu": optional, "session": optional}
    if table.keys() - {"match", "to"} or not all(
        isinstance(getattr(rule, field.name), types.get(field.name, str)) for field in fields(rule)
    ):
        raise TypeError("a value of the wrong type, or a word too many")
    return rule


def _from_file(path: Path, issues: list[str]) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        issues.append(f"{path}: {reason}")
        return {}
    types = get_type_hints(Settings)
    for name, value in content.items():
        if name not in types:
            issues.append(f"{path}: unknown setting {name!r} (known: {', '.join(types)})")
        elif name == "rules":
            content[name] = _rules(f"{path}: rules", value, issues)
        elif name == "weights":
            content[name] = _folders(path, value, issues)
        elif type(value) is not types[name]:
            issues.append(f"{path}: {name} must be of type {types[name].__name__}, not {value!r}")
    return content


def _folders(path: Path, value: object, issues: list[str]) -> tuple[tuple[str, str], ...]:
    """A table of folders; relative ones are relative to the settings file."""
    if not isinstance(value, dict) or not all(isinstance(folder, str) for folder in value.values()):
        issues.append(f"{path}: weights must be a table of folders, not {value!r}")
        return ()
    return tuple((name, str(path.parent / Path(folder).expanduser())) for name, folder in value.items())


def _parsed(variable: str, text: str, wanted: type, issues: list[str]) -> object:
    if wanted is bool and text.lower() in ("1", "true", "yes", "0", "false", "no", ""):
        return text.lower() in ("1", "true", "yes")
    if wanted is int and re.fullmatch("-?[0-9]+", text):
        return int(text)
    if wanted is str:
        return text
    if variable == f"{ENVIRONMENT_PREFIX}WEIGHTS":
        return _pairs(text, issues)
    if variable == f"{ENVIRONMENT_PREFIX}RULES":
        try:
            return _rules(variable, json.loads(text), issues)
        except ValueError:
            return _rules(variable, text, issues)
    issues.append(f"{variable} must be of type {wanted.__name__}, not {text!r}")
    return None


def _pairs(text: str, issues: list[str]) -> tuple[tuple[str, str], ...]:
    pairs = [part.partition("=") for part in text.split(os.pathsep) if part]
    issues += [
        f"{ENVIRONMENT_PREFIX}WEIGHTS must be NAME=FOLDER{os.pathsep}NAME=FOLDER…, not {''.join(pair)!r}"
        for pair in pairs
        if not all(pair)
    ]
    return tuple((name, folder) for name, _, folder in pairs)
