"""Retries, pauses and typed errors, on a real server that fails in every way it can."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from panic_tda.content import Content, Text
from panic_tda.errors import (
    EndpointUnavailable,
    InvalidOutput,
    ModelCallFailed,
    ModelError,
    ModelLoadError,
    PrerequisiteError,
)
from panic_tda.models.model import ModelSpec
from panic_tda.models.remote import connection
from panic_tda.models.remote.breaker import PAUSE_S
from support.openai_server import (
    CHAT,
    FORBIDDEN,
    Fault,
    OpenAIServer,
    answer,
    chat_answer,
    cut,
    drip,
    flood,
    hang,
    page,
    redirect,
    serving,
    status,
)
from support.remote import generator, remote_spec, server, still
from support.times import StillTime

__all__ = ["server", "still"]

KEY = "sk-0123456789-very-secret"


def asked(spec: ModelSpec, *texts: str, **parameters: Any) -> list[Content | ModelError]:
    with generator(spec) as model:
        return list(model.generate([Text(text) for text in texts], range(len(texts)), spec.with_defaults(parameters)))


def texts(outcomes: list[Content | ModelError]) -> list[str]:
    assert all(isinstance(outcome, Text) for outcome in outcomes), outcomes
    return [outcome.value for outcome in outcomes if isinstance(outcome, Text)]


def fault_of(spec: ModelSpec) -> ModelError:
    [outcome] = asked(spec, "hello")
    assert isinstance(outcome, ModelError)
    return outcome


@pytest.mark.parametrize(
    ("faults", "pauses"),
    [
        ([status(500), status(500)], [0.5, 1.0]),
        ([status(408), status(409), status(503)], [0.5, 1.0, 2.0]),
        ([status(429, Retry_After="7")], [7.0]),
        ([status(429, Retry_After="Fri, 02 Jan 2026 12:00:30 GMT")], [30.0]),
        ([status(429, Retry_After="0.1")], [0.5]),
        ([page(502)], [0.5]),
        ([cut], [0.5]),
    ],
)
def test_a_fault_that_passes_costs_a_pause_and_nothing_else(
    server: OpenAIServer, still: StillTime, faults: list[Fault], pauses: list[float]
) -> None:
    undisturbed = texts(asked(remote_spec(server.url), "hello"))
    server.fail(*faults)
    assert texts(asked(remote_spec(server.url), "hello")) == undisturbed
    assert still.slept == pauses
    assert all(each.body == server.asked[0].body for each in server.asked)
    assert len(server.asked) == len(faults) + 1


def test_a_server_that_hangs_is_not_waited_for_longer_than_the_timeout(server: OpenAIServer, still: StillTime) -> None:
    server.fail(hang)
    assert texts(asked(remote_spec(server.url, timeout=0.3), "hello"))
    server.fail(drip)
    slow = remote_spec(server.url, timeout=0.3)
    with pytest.MonkeyPatch.context() as patch:
        # The server dawdles in real time, so the deadline must be real.
        from panic_tda.models.remote import pauses

        patch.setattr(pauses, "REAL_TIMES", pauses.Times(sleep=still.sleep))
        assert texts(asked(slow, "hello"))
    assert len(server.asked) == 2


LASTING: list[tuple[Fault, type[ModelError], str, int]] = [
    (status(500), EndpointUnavailable, r"does not answer \(status 500: out of order\)", 4),
    (page(502), EndpointUnavailable, r"does not answer \(status 502: an HTML page\)", 4),
    (cut, EndpointUnavailable, r"does not answer \(RemoteProtocolError: ", 4),
    (status(429, Retry_After="3600"), EndpointUnavailable, "it asks to be left alone for 3600 s", 1),
    (page(200), InvalidOutput, "the answer of .* is not a JSON object but an HTML page", 1),
    (answer(b'{"choices": ['), InvalidOutput, "is not a JSON object but", 1),
    (answer([1]), InvalidOutput, r"is not a JSON object but \[1\]", 1),
    (flood, InvalidOutput, "the answer of .* is more than 1,000,000 bytes", 1),
    (redirect, ModelLoadError, "but at http://elsewhere.example/v1/chat/completions .307.; redirects are not", 1),
    (status(401), PrerequisiteError, r"refuses requests without a key \(401: out of order\)", 1),
    (status(403), PrerequisiteError, r"\(403: out of order\)", 1),
    (status(404), ModelLoadError, r"/chat/completions is not there, or does not know the model 'm' \(404: ", 1),
    (status(400), ModelCallFailed, r"refused this input \(400: out of order\)", 1),
    (status(413, "x\n" * 500), ModelCallFailed, r"\(413: (x )+", 1),
    (answer({"error": {"message": "overloaded"}}), ModelCallFailed, "says: overloaded", 1),
    (answer({}), InvalidOutput, "the answer holds no choice with a message", 1),
]


@pytest.mark.parametrize(("fault", "error", "message", "requests"), LASTING)
def test_a_fault_that_lasts_is_a_typed_error_in_one_line(
    server: OpenAIServer,
    still: StillTime,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    error: type[ModelError],
    message: str,
    requests: int,
) -> None:
    monkeypatch.setattr(connection, "LARGEST_ANSWER", 1_000_000)
    server.always = fault
    found = fault_of(remote_spec(server.url))
    assert type(found) is error
    assert server.url.removesuffix("/v1").removeprefix("http://") in found.message or error is InvalidOutput
    assert found.message.startswith("Far")
    with pytest.raises(error, match=message):
        raise found
    assert "\n" not in found.message
    assert len(found.message) < 500
    assert len(server.asked) == requests


def test_where_nobody_listens_the_error_names_the_address(still: StillTime) -> None:
    with serving() as gone:
        url = gone.url
    found = fault_of(remote_spec(url))
    assert isinstance(found, EndpointUnavailable)
    assert f"{url} does not answer (ConnectError: " in found.message
    assert len(still.slept) == 3


def test_an_input_that_is_refused_harms_no_neighbour(server: OpenAIServer) -> None:
    first, refused, last = asked(remote_spec(server.url), "a", FORBIDDEN, "c")
    assert isinstance(refused, ModelCallFailed)
    assert "this is against our policy" in refused.message
    assert len(texts([first, last])) == 2
    assert server.paths == [CHAT] * 3


@pytest.mark.parametrize("concurrency", [1, 3])
def test_requests_go_out_together_up_to_the_limit_and_the_order_is_kept(server: OpenAIServer, concurrency: int) -> None:
    inputs = [f"text {number}" for number in range(12)]
    spec = remote_spec(server.url, concurrency=concurrency, timeout=5)
    outcomes = texts(asked(spec, *inputs, instruction="Say:"))
    assert outcomes == [chat_answer(f"Say:\n{text}", seed) + "\nand more" for seed, text in enumerate(inputs)]
    assert server.most_at_once <= concurrency


def test_requests_really_go_out_together(server: OpenAIServer, still: StillTime) -> None:
    server.fail(*[meet(server, 3)] * 3)
    assert len(texts(asked(remote_spec(server.url, concurrency=3, timeout=20), "a", "b", "c"))) == 3
    assert server.most_at_once == 3
    assert still.slept == []


def meet(server: OpenAIServer, number: int) -> Fault:
    """Answers when so many requests are there at once."""

    def fault(handler: Any, body: dict[str, Any]) -> None:
        while server.at_once < number and len(server.asked) < number:
            if server.released.wait(0.001):
                return
        answer({"choices": [{"message": {"content": "we are here"}, "finish_reason": "stop"}]})(handler, body)

    return fault


def test_five_failures_open_the_circuit_and_a_probe_closes_it(server: OpenAIServer, still: StillTime) -> None:
    server.always = status(500, "broken")
    spec = remote_spec(server.url, concurrency=1)
    outcomes = asked(spec, *"abcdefgh")
    assert {type(outcome) for outcome in outcomes} == {EndpointUnavailable}
    assert len(server.asked) == 5 * 4
    refused = outcomes[-1]
    assert isinstance(refused, EndpointUnavailable)
    # Five times 0.5 + 1 + 2 seconds went by, and the pause is 30 seconds.
    assert refused.message == (
        f"Far: {server.url} has not answered since 12:00:17 UTC (status 500: broken) and is left alone until "
        f"12:00:47 UTC"
    )
    assert "resume --retry-failed" in refused.hint
    server.fail()
    server.always = None
    assert [type(outcome) for outcome in asked(spec, "a")] == [EndpointUnavailable]
    assert server.asked == []
    still.sleep(PAUSE_S)
    assert len(texts(asked(spec, *"abc"))) == 3


def test_a_probe_is_one_request_without_retries(server: OpenAIServer, still: StillTime) -> None:
    server.always = status(503)
    spec = remote_spec(server.url, concurrency=1)
    asked(spec, *"abcde")
    still.sleep(PAUSE_S)
    server.fail()
    assert {type(outcome) for outcome in asked(spec, *"abc")} == {EndpointUnavailable}
    assert len(server.asked) == 1


def test_requests_that_come_with_the_probe_wait_for_it_and_are_made(server: OpenAIServer, still: StillTime) -> None:
    server.always = status(503)
    asked(remote_spec(server.url), *"abcdefgh")
    server.always = None
    still.sleep(PAUSE_S)
    assert len(texts(asked(remote_spec(server.url, concurrency=4), *"abcdefgh"))) == 8


def test_models_at_one_address_share_the_circuit_and_others_do_not(server: OpenAIServer, still: StillTime) -> None:
    server.always = status(500)
    asked(remote_spec(server.url, concurrency=1), *"abcde")
    server.fail()
    server.always = None
    assert [type(outcome) for outcome in asked(remote_spec(server.url, model="other"), "a")] == [EndpointUnavailable]
    with serving() as other:
        assert texts(asked(remote_spec(other.url), "a"))


def test_refused_inputs_and_refused_keys_do_not_open_the_circuit(server: OpenAIServer, still: StillTime) -> None:
    server.always = status(400)
    asked(remote_spec(server.url), *"abcdefgh")
    server.always = status(401)
    asked(remote_spec(server.url), *"abcdefgh")
    server.always = None
    assert len(texts(asked(remote_spec(server.url), "a"))) == 1


def test_pages_instead_of_answers_open_it(server: OpenAIServer, still: StillTime) -> None:
    server.always = page(200)
    outcomes = asked(remote_spec(server.url, concurrency=1), *"abcdef")
    assert [type(outcome) for outcome in outcomes] == [InvalidOutput] * 5 + [EndpointUnavailable]


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch, still: StillTime) -> Any:
    monkeypatch.setenv("SOME_KEY", KEY)
    with serving(KEY) as started:
        yield started


def test_the_key_is_read_when_a_request_is_made(locked: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = remote_spec(locked.url, key_env="SOME_KEY")
    with generator(spec) as model:

        def ask() -> Content | ModelError:
            return model.generate([Text("a")], [1], spec.with_defaults({}))[0]

        assert isinstance(ask(), Text)
        monkeypatch.setenv("SOME_KEY", "another")
        assert isinstance(ask(), PrerequisiteError)
        monkeypatch.delenv("SOME_KEY")
        without = ask()
    assert isinstance(without, PrerequisiteError)
    assert without.message == f"Far: the environment variable SOME_KEY with the key of {locked.url} is not set"
    assert [each.headers.get("Authorization") for each in locked.asked] == [f"Bearer {KEY}", "Bearer another"]


@pytest.mark.parametrize(
    "fault",
    [
        status(401, f"Incorrect API key provided: {KEY}"),
        status(401, "x" * 190 + KEY),
        status(500, f"your key {KEY} broke us"),
        status(400, f"{KEY}"),
        answer(f"<<{KEY}>>".encode(), 400),
        answer(KEY.encode()),
        answer({"error": KEY}),
    ],
)
def test_no_error_repeats_the_key(
    locked: OpenAIServer, caplog: pytest.LogCaptureFixture, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    locked.always = fault
    found = fault_of(remote_spec(locked.url, key_env="SOME_KEY"))
    assert KEY[:8] not in f"{found.message} {found.hint} {found!r} {caplog.text}"


@pytest.mark.parametrize("key", [f"{KEY}\nX-Evil: 1", f"{KEY}\x7f", f"{KEY}é"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("SOME_KEY", key)
    with pytest.raises(PrerequisiteError, match="what the environment variable SOME_KEY holds is no key") as found:
        asked(remote_spec(server.url, key_env="SOME_KEY"), "a")
    assert KEY not in str(found.value)
    assert server.asked == []


def test_a_refused_key_names_address_and_variable(locked: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "wrong")
    found = fault_of(remote_spec(locked.url, key_env="SOME_KEY"))
    assert isinstance(found, PrerequisiteError)
    assert found.message.startswith(f"Far: {locked.url} refuses the key in SOME_KEY (401: Incorrect API key provided")
    assert found.hint == "export SOME_KEY=…"


def test_an_unknown_model_is_named(server: OpenAIServer) -> None:
    found = fault_of(remote_spec(server.url, model="no-such-model"))
    assert isinstance(found, ModelLoadError)
    assert "does not know the model 'no-such-model' (404: The model `no-such-model` does not exist)" in found.message


def test_no_proxy_of_the_environment_stands_before_this_machine(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert texts(asked(remote_spec(server.url), "a"))
