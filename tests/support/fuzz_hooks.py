"""What schemathesis sends, put within reach: names are known, and answers of language models short.

Loaded by schemathesis itself, through ``SCHEMATHESIS_HOOKS``.
"""

from __future__ import annotations

import itertools
from typing import Any

import schemathesis

MODELS = {
    "/v1/embeddings": "DummyText",
    "/v1/chat/completions": "SmolLM2",
    "/v1/completions": "SmolLM2",
    "/v1/images/generations": "DummyT2I",
    "/v1/calls": "DummyI2T",
    "/v1/check": "DummyI2T",
    "/programs": "SmolLM2",
    "/sessions": "SmolLM2",
    "/similarity": "DummyText",
}
NAMES = {
    "/v1/models/{name}": "MiniLM",
    "/programs/{name}": "Caption",
    "/programs/{name}/run": "Caption",
    "/experiments/{name}": "latest",
    "/experiments/{name}/events": "latest",
    "/versions/{name}/rollback": "MiniLM",
}
CORPUS: dict[str, Any] = {"pairs": ["nowhere.jsonl"]}
"""Nothing is read, and nothing tuned, for as long as a fuzz takes."""
LONGEST = {"max_tokens": 2, "max_completion_tokens": 2, "n": 2}
"""Enough of a language model."""

_every_other = itertools.cycle((True, False))


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Puts names that are there in the place of others: of models always, in paths every second time."""
    path, body = case.operation.path, case.body
    if path in NAMES and case.method != "DELETE" and next(_every_other):
        case.path_parameters["name"] = NAMES[path]
    if isinstance(body, dict) and path in ("/finetunes", "/finetunes/pairs") and isinstance(body.get("corpus"), dict):
        case.body = body | {"corpus": CORPUS}
    if isinstance(body, dict) and path in MODELS and isinstance(body.get("model"), str):
        case.body = body | {"model": MODELS[path]} | (_short(body) if "completions" in path else {})


def _short(body: dict[str, Any]) -> dict[str, Any]:
    asked = {name: body[name] for name in LONGEST if isinstance(body.get(name), int)}
    return {"max_tokens": 2} | {name: min(value, LONGEST[name]) for name, value in asked.items()}
