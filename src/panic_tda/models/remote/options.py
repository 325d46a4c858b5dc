"""What ``model add --option`` may say of a model at an address."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from panic_tda.errors import ConfigurationError
from panic_tda.models.model import Options, Parameter, ParameterValue
from panic_tda.signature import Signature

TASKS = ("text -> text", "image -> text", "text -> image", "text -> vector")

_COMMON = (
    Parameter("task", "", "what the model takes and makes"),
    Parameter("model", "", "its name on the server"),
    Parameter("key_env", "", "name of the environment variable with the key; without it no key is sent"),
    Parameter("tier", "free", "`seeded` where the server honours seeds", choices=("free", "seeded")),
    Parameter("concurrency", 4, "requests on their way at once", minimum=1, maximum=256),
    Parameter("timeout", 120.0, "seconds that a request may take", minimum=0.05, maximum=86_400),
    Parameter(
        "batch_size",
        0,
        "inputs for each call; 0: 32 embeddings, else 4 × concurrency",
        minimum=0,
        maximum=100_000,
    ),
    Parameter("omit", "", "fields the server refuses, which are not sent, with commas between"),
    Parameter("body", "", "further fields of each request, a JSON object"),
)
_CHAT = (
    Parameter(
        "token_limit",
        "max_tokens",
        "what the server calls it",
        choices=("max_tokens", "max_completion_tokens"),
    ),
)
_OF_TASK = {
    "text -> text": _CHAT,
    "image -> text": _CHAT,
    "text -> image": (
        Parameter("size", 1024, "pixels of each side, unless a node says other", minimum=16, maximum=8192),
    ),
    "text -> vector": (
        Parameter("dims", 0, "length of the vectors; required", minimum=1, maximum=1_000_000),
        Parameter("dimensions", False, "ask the server for vectors of that length, which not all can do"),
        Parameter(
            "encoding",
            "float",
            "how vectors are asked for; both are read",
            choices=("float", "base64"),
        ),
    ),
}
_OMITTABLE = {
    "text -> text": ("seed", "temperature", "max_tokens", "top_p"),
    "image -> text": ("seed", "temperature", "max_tokens", "top_p"),
    "text -> image": ("seed", "size", "response_format"),
    "text -> vector": ("encoding_format",),
}
_SENT = {
    "text -> text": ("messages", "max_completion_tokens"),
    "image -> text": ("messages", "max_completion_tokens"),
    "text -> image": ("prompt",),
    "text -> vector": ("input", "dimensions"),
}
_NO_IDENTITY = ("key_env", "concurrency", "timeout", "batch_size")
"""What changes no result."""


def options_of(task: str) -> tuple[Parameter, ...]:
    """Every option of a task, with what it means."""
    return (*_COMMON, *_OF_TASK[task])


class RemoteOptions(NamedTuple):
    """``own`` has a value for every option of the task, ``of_requests`` those given that shape a request."""

    own: Mapping[str, ParameterValue]
    omitted: frozenset[str]
    of_requests: Options


def read_options(given: Mapping[str, ParameterValue]) -> RemoteOptions:
    """Checks and completes the options; raises ``ConfigurationError`` with every fault."""
    task = _task(given.get("task", ""))
    known = {option.name: option for option in options_of(task)}
    complete = {name: option.default for name, option in known.items()}
    complete |= {name: _value(known[name], value) for name, value in given.items() if name in known} | {"task": task}
    issues = [*_faults(known, given, complete), *_faults_of_fields(task, complete)]
    if issues:
        raise ConfigurationError(issues)
    shaping = sorted(name for name in given if name not in (*_NO_IDENTITY, "task", "model", "tier", "dims"))
    of_requests = tuple((name, complete[name]) for name in shaping)
    return RemoteOptions(complete, frozenset(fields(complete["omit"])), of_requests)


def fields(omit: object) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in str(omit).split(",") if name.strip()]


def _task(value: object) -> str:
    try:
        task = str(Signature.parse(str(value)))
    except ValueError:
        task = ""
    if task not in TASKS:
        wanted = ", ".join(each.replace(" ", "") for each in TASKS)
        raise ConfigurationError([f"--option task=… must be one of {wanted}" + (f", not {value!r}" if value else "")])
    return task


def _value(option: Parameter, value: ParameterValue) -> ParameterValue:
    """Words that look like numbers are words where words are wanted, and whole numbers may be any."""
    if isinstance(option.default, str) and not isinstance(value, bool):
        return str(value)
    return float(value) if isinstance(option.default, float) and type(value) is int else value


def _faults(
    known: Mapping[str, Parameter], given: Mapping[str, ParameterValue], complete: Mapping[str, ParameterValue]
) -> Iterator[str]:
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            yield f"unknown option {name!r}; " + (
                f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
            )
        elif fault := known[name].fault(complete[name]):
            yield fault
    for name in ("model", "dims"):
        if name in known and name not in given:
            yield f"--option {name}=… is required: {known[name].description}"


def _faults_of_fields(task: str, complete: Mapping[str, ParameterValue]) -> Iterator[str]:
    omitted = fields(complete["omit"])
    for name in omitted:
        if name not in _OMITTABLE[task]:
            yield f"omit: {name!r} is none of {', '.join(_OMITTABLE[task])}"
    body = parsed_body(complete["body"])
    if body is None:
        yield "body must be a JSON object"
    for name in body or {}:
        if name in {"model", "stream", "n", *_SENT[task], *_OMITTABLE[task]} - set(omitted):
            yield f"body may not hold {name!r}, which is set otherwise"


def parsed_body(text: object) -> dict[str, Any] | None:
    """The fields that an option ``body`` adds; None when it is no JSON object."""
    try:
        found = json.loads(str(text) or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
