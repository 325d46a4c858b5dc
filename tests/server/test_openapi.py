"""Whatever a client sends, the server answers as its own OpenAPI document says, and never with a fault of its own."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from panic_tda.settings import Settings
from server.fuzzing import EXPERIMENT, PROGRAM, furnish, schemathesis
from support.servers import BEARER, Running, running

EXAMPLES = 6
"""``make fuzz`` tries more, and each bound of each value, which takes a minute."""

IMAGE = {"image": "aGVsbG8=", "mode": "RGB"}
MESSAGE = {"role": "user", "content": "go"}
RIGHT: dict[str, Any] = {
    "/v1/embeddings": {"model": "DummyText", "input": ["a", "b"], "encoding_format": "float", "input_type": "query"},
    "/v1/chat/completions": {"model": "Nobody", "messages": [MESSAGE], "seed": 1, "temperature": 0.5, "stop": ["x"]},
    "/v1/completions": {"model": "Nobody", "prompt": "go", "max_tokens": 2, "stream": True, "n": 1},
    "/v1/images/generations": {"model": "DummyT2I", "prompt": "a", "seed": 1, "size": "auto", "parameters": {}},
    "/v1/calls": {"model": "DummyI2T", "version": "1", "inputs": [IMAGE], "seeds": [1], "parameters": {}},
    "/v1/check": {"model": "DummyI2T", "version": "1"},
    "/experiments": EXPERIMENT,
    "/programs": PROGRAM | {"parameters": {}, "replace": True},
    "/programs/Caption/run": {"inputs": {"text": "a"}, "seed": 1},
    "/versions/MiniLM/promote": {"number": 3, "force": False},
    "/finetunes": {"model": "Nobody", "corpus": {"stdlib": True}, "training": {"epochs": 1}, "min_pairs": 20},
    "/finetunes/pairs": {"corpus": {"pairs": ["nowhere.jsonl"]}, "min_pairs": 20, "held_out": 0.5},
    "/similarity": {"a": "x", "b": "y", "model": "DummyText"},
    "/sessions": {"model": "DummyT2I", "affinity": "hint", "ttl": 60, "seed": 1, "parameters": {}},
    "/sessions/Caption/messages": {"text": "go", "seed": 1, "parameters": {}},
}
"""A body for each route that has one, which is well or at least well formed."""

HOSTILE = {
    "not a number": "NaN",
    "infinite": "-Infinity",
    "beyond floats": "1e999",
    "5,000 digits": "9" * 5000,
    "beyond 64 bits": "9223372036854775808",
    "half a character": '"\\ud800"',
    "null byte": '"a\\u0000b"',
    "deep": "[" * 900 + "]" * 900,
    "too deep": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "nothing": "null",
    "true": "true",
    "object": '{"": {"__proto__": []}}',
}
MARK = "put it here"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with a program and an experiment."""
    database = tmp_path_factory.mktemp("api") / "record.sqlite"
    with running(Settings(db=str(database), executor="inprocess", threads=1)) as server:
        furnish(server)
        yield server


def test_schemathesis_finds_no_fault_and_no_answer_that_the_document_does_not_know(api: Running) -> None:
    done = schemathesis(api, EXAMPLES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: " in done.stdout
    assert not [line for line in api.log if "fault" in line]


def test_the_document_names_every_route_that_is_tried(api: Running) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    with_bodies = {path for path, methods in paths.items() for each in methods.values() if "requestBody" in each}
    assert {path.replace("Caption", "{name}").replace("MiniLM", "{name}") for path in RIGHT} == with_bodies


def places(value: Any) -> Iterator[Any]:
    """Copies of a value with the mark in the place of each of its parts, and as one more key."""
    yield MARK
    if isinstance(value, dict):
        yield value | {MARK: 1}
        for key, part in value.items():
            yield from (value | {key: other} for other in places(part))
    if isinstance(value, list):
        for at, part in enumerate(value):
            yield from ([*value[:at], other, *value[at + 1 :]] for other in places(part))


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_value_in_no_place_is_a_fault_of_the_server(api: Running, hostile: str) -> None:
    for path, right in RIGHT.items():
        for body in places(right):
            answer = posted(api, path, json.dumps(body).replace(f'"{MARK}"', hostile))
            assert answer.status_code < 500, f"{path} {body}: {answer.text}"
            if answer.status_code >= 400:
                assert answer.json()["error"]["message"]


def posted(server: Running, path: str, content: str | bytes, kind: str = "application/json") -> Any:
    return server.client.post(path, content=content, headers=BEARER | {"Content-Type": kind})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 2_000, json.dumps({"nonsense": "x"}).encode("utf-16")])
@pytest.mark.parametrize("path", RIGHT)
def test_what_is_no_json_is_a_bad_request(api: Running, path: str, content: bytes) -> None:
    answer = posted(api, path, content)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data", "application/json; charset=\xff", "💥" * 99])
def test_no_content_type_is_a_fault_of_the_server(api: Running, kind: str) -> None:
    for path, right in RIGHT.items():
        head = BEARER | {"Content-Type": kind}
        sent = {key.encode(): value.encode("utf-8") for key, value in head.items()}
        answer = api.client.post(path, content=json.dumps(right), headers=sent)
        assert answer.status_code < 500, answer.text


HEADS = {
    "no token at all": b"Authorization: \r\n",
    "a token that is no text": b"Authorization: Bearer \xff\xfe\x00\r\n",
    "20 kB of token": b"Authorization: Bearer " + b"x" * 20_000 + b"\r\n",
    "90 kB of header": b"X-Long: " + b"y" * 90_000 + b"\r\n",
    "2,000 headers": b"X-One: 1\r\n" * 2_000,
    "an id that is none": b"X-Request-Id: \xf0\x9f\x92\xa5\r\n",
    "less than no length": b"Content-Length: -1\r\n",
    "a length that is none": b"Content-Length: 99999999999999999999999999\r\n",
    "a superscript length": b"Content-Length: \xb2\r\n",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n",
    "chunks of nothing": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "another protocol": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_no_header_is_a_fault_of_the_server(api: Running, head: bytes) -> None:
    start = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    for line in (b"GET /v1/models", b"POST /v1/embeddings", b"POST /programs", b"DELETE /programs/x"):
        assert not said(api, line + start + head + b"\r\n{}").startswith(b"HTTP/1.1 5")


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GET /\r\n\r\n", b"GET \xff HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 4096]
    + [b"GET http://[ HTTP/1.1\r\nHost: [\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"A" * 100_000],
)
def test_what_is_no_request_is_refused_and_harms_nobody(api: Running, data: bytes) -> None:
    assert not said(api, data).startswith(b"HTTP/1.1 5")
    assert api.get("/healthz").json() == {"status": "ok"}


def said(server: Running, data: bytes) -> bytes:
    """What the server says to these bytes; the client says no more after them."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as line:
        try:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            return line.recv(4096)
        except ConnectionError:  # it hangs up on nonsense
            return b""


def test_nothing_of_all_this_was_a_defect(api: Running) -> None:
    assert not [line["fault"] for line in api.log if "fault" in line]
