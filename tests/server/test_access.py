"""Who may ask, how often, and how much; and what the log tells of it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from panic_tda.errors import RequestError
from panic_tda.server.access import is_loopback
from panic_tda.server.limits import TokenBuckets
from panic_tda.server.serving import listen
from panic_tda.settings import Settings
from support.servers import BEARER, TOKEN, Running, running

SETTINGS = Settings(executor="inprocess")


def test_what_changes_something_needs_the_token(server: Running) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = server.post("/experiments", {}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
    assert server.post("/experiments", {}, headers=BEARER).status_code == 400


def test_every_route_that_changes_something_needs_the_token(server: Running) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    asking = {"/v1/embeddings", "/v1/chat/completions", "/v1/completions", "/v1/images/generations"}
    asking |= {"/v1/calls", "/v1/check", "/similarity", "/programs/{name}/run"}
    for path, methods in paths.items():
        for method in methods.keys() - {"get"}:
            answer = server.client.request(method, path.replace("{name}", "x"), json={})
            assert (answer.status_code == 401) == (path not in asking), path


def test_from_afar_asking_needs_the_token_too_and_only_being_there_is_told() -> None:
    with running(SETTINGS, open_to_all=False) as server:
        assert server.get("/v1/models").status_code == 401
        assert server.get("/metrics").status_code == 401
        assert server.get("/v1/models", headers=BEARER).status_code == 200
        assert server.get("/healthz").json() == {"status": "ok"}


def test_a_page_of_another_site_cannot_ask_by_a_name_of_its_own() -> None:
    with running(SETTINGS, hosts=("127.0.0.1",)) as server:
        assert server.get("/healthz", headers={"Host": "evil.example"}).status_code == 400
        assert server.get("/healthz").status_code == 200


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() -> None:
    body = b'{"model": "' + b"x" * 2000 + b'"}'
    head = {"Content-Type": "application/json"}
    with running(SETTINGS, largest_body=1000) as server:
        said = server.client.post("/v1/embeddings", content=body, headers=head)
        unsaid = server.client.post("/v1/embeddings", content=iter([body[:900], body[900:]]), headers=head)
        assert (said.status_code, unsaid.status_code) == (413, 413)
        assert "1,000 bytes" in unsaid.json()["error"]["message"]
        assert server.post("/v1/embeddings", {"model": "DummyText", "input": "x"}).status_code == 200


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    with running(SETTINGS, requests_per_s=0.5) as server:
        assert server.get("/healthz").status_code == 200
        refused = server.get("/healthz")
    assert refused.status_code == 429
    assert 1 <= float(refused.headers["retry-after"]) <= 2
    assert refused.json()["error"]["type"] == "rate_limit_error"


def test_a_bucket_holds_two_seconds_and_fills_steadily() -> None:
    now = [0.0]
    buckets = TokenBuckets(4, clock=lambda: now[0])
    assert [buckets.wait_s("a") for _ in range(8)] == [0] * 8
    assert buckets.wait_s("a") == 0.25
    assert buckets.wait_s("b") == 0
    now[0] = 0.25
    assert buckets.wait_s("a") == 0
    assert buckets.wait_s("a") == 0.25


def test_each_request_has_an_id_in_its_answer_and_in_the_log() -> None:
    with running(SETTINGS) as server:
        own = server.get("/healthz", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"]
        drawn = server.get("/nowhere", headers={"X-Request-Id": "no such\tid"}).headers["x-request-id"]
    assert own == "mine-1"
    assert [(line["id"], line["path"], line["status"]) for line in server.log] == [
        ("mine-1", "/healthz", 200),
        (drawn, "/nowhere", 404),
    ]


def test_what_nobody_foresaw_is_in_the_log_and_not_in_the_answer() -> None:
    def broken(name: str) -> None:
        raise KeyError(f"secret of {name}")

    with running(SETTINGS, find=broken) as server:  # type: ignore[arg-type]
        answer = server.post("/v1/embeddings", {"model": "x", "input": "y"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert server.log[0]["id"] in answer.json()["error"]["message"]
    assert "KeyError: 'secret of x'" in server.log[0]["fault"]


def test_a_port_that_is_taken_is_a_request_error() -> None:
    with listen("127.0.0.1", 0) as ear, pytest.raises(RequestError, match="cannot listen on 127"):
        listen("127.0.0.1", ear.getsockname()[1])


def test_nothing_listens_after_it_was_closed() -> None:
    with running(SETTINGS) as server:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=5)


@pytest.mark.parametrize(
    ("host", "here"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("lab", False)]
)
def test_only_loopback_is_this_machine_alone(host: str, here: bool) -> None:
    assert is_loopback(host) is here
