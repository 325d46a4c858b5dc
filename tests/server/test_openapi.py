"""Whatever a client sends, the server answers as its own OpenAPI document says, and never with a fault of its own.

``PANIC_TDA_FUZZ=500`` tries that many bodies for each route; ``make fuzz`` does so.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.schemas import BaseSchema

from support.servers import BEARER, Running

EXAMPLES = int(os.environ.get("PANIC_TDA_FUZZ", "8"))
"""Random requests for each route, beside those that try each bound and each type once."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

MODELS = {
    "/v1/embeddings": "DummyText",
    "/v1/chat/completions": "SmolLM2",
    "/v1/completions": "SmolLM2",
    "/v1/images/generations": "DummyT2I",
    "/v1/calls": "DummyI2T",
    "/v1/check": "DummyI2T",
    "/programs": "SmolLM2",
}
"""One that is there, put in the place of most names: few requests would get beyond an unknown one."""


def map_body(context: Any, body: Any) -> Any:
    """The same body with a model that is there, and short answers."""
    path = context.operation.path
    if isinstance(body, dict) and isinstance(body.get("model"), str) and path in MODELS:
        body["model"] = MODELS[path]
        if "completions" in path and isinstance(body.get("max_tokens", 0), int):
            body["max_tokens"] = min(2, body.get("max_tokens", 2))
    return body


@pytest.fixture(scope="module")
def api(server: Running) -> BaseSchema:
    """The document of the server, as schemathesis reads it."""
    found = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    found.hook(map_body)
    return found


routes = schemathesis.pytest.from_fixture("api")
often = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@routes.parametrize()
@often
def test_every_answer_is_as_the_document_says(case: schemathesis.Case) -> None:
    case.call_and_validate(headers=BEARER, checks=CHECKS)
