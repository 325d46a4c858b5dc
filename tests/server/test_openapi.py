"""Whatever a client sends, the server answers, and never with a fault of its own."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.servers import BEARER, Running

EXAMPLES = 15
MODELS = ["DummyText", "DummyT2I", "DummyI2T", "Nobody"]
"""So that some requests get beyond the name."""


WILD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "integer": st.integers(0, 3) | st.integers(),
    "number": st.floats(0, 1) | st.floats(allow_nan=False, allow_infinity=False),
    "string": st.text(max_size=9) | st.sampled_from(["a red apple", "1", "RGB", "\ud83d\ude00", "\0"]),
}


def fitting(schema: Any, components: Any) -> st.SearchStrategy[Any]:
    """Values of the type that a schema of OpenAPI asks for; bounds and patterns are not kept to."""
    if "$ref" in schema:
        return fitting(components[schema["$ref"].rpartition("/")[2]], components)
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return st.one_of([fitting(each, components) for each in schema["anyOf"]])
    if schema.get("type") == "array":
        return st.lists(fitting(schema["items"], components), max_size=2)
    if schema.get("type") == "object" and "properties" in schema:
        fields = {name: fitting(each, components) for name, each in schema["properties"].items()}
        needed = {name: fields.pop(name) for name in schema.get("required", ())}
        return st.fixed_dictionaries(needed, optional=fields)
    return LEAVES.get(schema.get("type", ""), WILD)


@st.composite
def bodies(draw: st.DrawFn, document: Any, operation: Any) -> Any:
    """A body of the right shape with a model that may be there; one in three has a field of any kind at all."""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    body = draw(fitting(schema, document["components"]["schemas"]))
    if not isinstance(body, dict):
        return body
    body |= {"model": draw(st.sampled_from(MODELS))} if "model" in body else {}
    if body and draw(st.integers(0, 2)) == 0:
        body[draw(st.sampled_from(sorted(body)))] = draw(WILD)
    return body


PATHS = [
    *("/v1/embeddings", "/v1/chat/completions", "/v1/completions", "/v1/images/generations"),
    *("/v1/calls", "/v1/check", "/experiments", "/programs", "/programs/{name}/run", "/versions/{name}/promote"),
    *("/finetunes", "/sessions", "/sessions/{name}/messages"),
]


@pytest.mark.parametrize("path", PATHS)
def test_no_body_is_a_fault_of_the_server(server: Running, path: str) -> None:
    document = server.get("/openapi.json").json()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(bodies(document, document["paths"][path]["post"]))
    def answered(body: Any) -> None:
        answer = server.client.post(
            path.replace("{name}", "Nobody"),
            content=json.dumps(body),
            headers=BEARER | {"Content-Type": "application/json"},
        )
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.json()["error"]["message"]

    answered()


def test_the_document_names_every_route_that_is_tried(server: Running) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    with_bodies = {path for path, methods in paths.items() for each in methods.values() if "requestBody" in each}
    assert with_bodies == set(PATHS)


@given(name=st.text(min_size=1, max_size=30))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_is_a_fault_of_the_server(server: Running, name: str) -> None:
    path = quote(name, safe="")
    for asked in (
        f"/v1/models/{path}",
        f"/experiments/{path}",
        f"/experiments/{path}/events",
        f"/programs/{path}",
        f"/finetunes/{path}",
    ):
        assert server.get(asked).status_code < 500


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 2_000, json.dumps({"model": "x"}).encode("utf-16")])
def test_what_is_no_json_is_a_bad_request(server: Running, content: bytes) -> None:
    answer = server.client.post("/v1/embeddings", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
