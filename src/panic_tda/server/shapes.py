"""What answers look like: told in the OpenAPI document, and held against the answers by the tests.

Routes make plain dictionaries. Nothing is checked against these shapes while the server answers.
"""

from __future__ import annotations

from typing import Any

from fastapi import Response
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

FAULTS = {
    400: "The request is wrong.",
    401: "The token is missing or wrong.",
    404: "There is no such model, experiment, program or version.",
    409: "The model has another version, or others perform the experiment.",
    410: "The session is lost.",
    413: "The body is too large.",
    422: "The model failed on this input.",
    424: "The model cannot run here: weights, packages or memory are missing.",
    429: "Too many requests; `Retry-After` says when to come back.",
    501: "The server lacks what this needs.",
    503: "The queue is full, the server is closing, or the database is away.",
    504: "The call took too long.",
}
"""What each status of an error means."""


class Shape(BaseModel):
    """An object that has these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class FaultFacts(Shape):
    """``code`` is the name of the error as on the command line; ``hint`` says what to do."""

    message: str
    type: str
    param: str | None
    code: str | None
    hint: str


class Fault(Shape):
    """An answer that is an error."""

    error: FaultFacts


class Usage(Shape):
    """Tokens that were read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


Documented = dict[int | str, dict[str, Any]]
"""The ``responses`` of a route."""

FAULT_ANSWERS: Documented = {status: {"description": said, "model": Fault} for status, said in FAULTS.items()}


def answered(shape: Any = None, *, text: str = "") -> Documented:
    """What a route answers when all is well: JSON of that shape, or instead (when asked for) text of that type."""
    said: dict[str, Any] = {"description": "The answer."}
    if shape is not None:
        said["model"] = shape
    if text:
        said["content"] = {text: {}}
    return {200: said}


def written(answer: Any) -> Response:
    """An answer as JSON at once: FastAPI would first walk through every number of it."""
    return Response(to_json(answer), media_type="application/json")
