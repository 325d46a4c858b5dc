"""What is particular to models at another panic-tda: versions, exact contents, and servers that do not answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panic_tda.content import Content, Image, Text
from panic_tda.errors import (
    ConfigurationError,
    EndpointUnavailable,
    ExecutionTimeout,
    InsufficientMemory,
    InvalidOutput,
    ModelCallFailed,
    ModelVersionChanged,
    PanicError,
    PrerequisiteError,
    QueueFull,
    RequestError,
    SignatureError,
    UnknownModel,
)
from panic_tda.models.endpoints import Endpoint
from panic_tda.models.remote.breaker import PAUSE_S, THRESHOLD
from panic_tda.models.remote.pauses import Times
from panic_tda.runtime.executors import make_executor
from panic_tda.runtime.remote.executor import RemoteExecutor
from panic_tda.runtime.remote.wire import decode_fault, decode_outcome, encode_fault, encode_outcome, encode_result
from panic_tda.runtime.result import Attempt, Call, Result, Timings
from panic_tda.settings import Settings
from support.contents import image, texts
from support.models import fake_spec
from support.servers import Running, running

WRITER = fake_spec("Writer")
PAINTER = fake_spec("Painter", "text -> image")
SEER = fake_spec("Seer", "image -> vector")
HUGE = fake_spec("Huge", megabytes=5_000)
KNOWN = {spec.name: spec for spec in (WRITER, PAINTER, SEER, HUGE)}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    budget = Settings(executor="inprocess", memory_budget=1_000)
    with running(budget, find=KNOWN.__getitem__) as opened:
        yield opened


@contextmanager
def asking(url: str, *, timeout_s: float = 30.0, **options: Any) -> Iterator[RemoteExecutor]:
    executor = RemoteExecutor(Endpoint(url, model="", timeout_s=timeout_s), **options)
    yield executor
    executor.close()


def outputs(executor: RemoteExecutor, spec: Any, *inputs: Content, **parameters: Any) -> tuple[Any, ...]:
    return executor.submit(Call(spec, inputs, tuple(range(len(inputs))), parameters)).result(60).outputs


def test_a_version_that_differs_is_an_error_that_says_both(server: Running) -> None:
    newer = replace(WRITER, revision=2)
    with asking(server.url) as executor:
        for asked in (lambda: executor.check(newer), lambda: outputs(executor, newer, Text("a"))):
            with pytest.raises(ModelVersionChanged, match="the caller has Writer@2, here is Writer@1"):
                asked()


def test_images_and_vectors_are_exact_there_and_back(server: Running) -> None:
    local = make_executor(Settings(executor="inprocess"))
    pictures = (image(1), image(2, mode="RGBA"))
    with asking(server.url) as executor:
        for spec, inputs in ((PAINTER, texts("a", "b")), (SEER, pictures)):
            call = Call(spec, inputs, (3, 4))
            here, there = (each.submit(call).result(60).outputs for each in (local, executor))
            for mine, theirs in zip(here, there, strict=True):
                assert encode_outcome(mine) == encode_outcome(theirs)
    local.close()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["RGB", "RGBA"]), st.integers(1, 9), st.integers(1, 9), st.data())
def test_every_image_survives_the_wire(mode: str, width: int, height: int, data: st.DataObject) -> None:
    size = width * height * len(mode)
    picture = Image(mode, width, height, data.draw(st.binary(min_size=size, max_size=size)))
    assert decode_outcome(json.loads(json.dumps(encode_outcome(picture)))) == picture


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1))
def test_every_vector_survives_the_wire(numbers: list[float]) -> None:
    vector = np.array(numbers, np.float32)
    found = decode_outcome(json.loads(json.dumps(encode_outcome(vector))))
    assert np.asarray(found).tobytes() == vector.tobytes()


@pytest.mark.parametrize(
    "fault", [UnknownModel("no x", hint="y"), ConfigurationError(["a", "b"]), QueueFull("full"), PanicError("?")]
)
def test_errors_keep_type_message_and_hint(fault: PanicError) -> None:
    found = decode_fault(encode_fault(fault))
    if type(fault) is not PanicError:
        assert type(found) is type(fault)
    assert fault.message in found.message
    assert found.hint == fault.hint


def test_errors_of_the_server_arrive_with_their_types(server: Running) -> None:
    with asking(server.url) as executor:
        with pytest.raises(InsufficientMemory):
            executor.check(HUGE)
        with pytest.raises(ConfigurationError, match="no parameter 'heat'"):
            outputs(executor, WRITER, Text("a"), heat=3)
        with pytest.raises(SignatureError, match="does not take image"):
            outputs(executor, WRITER, image(1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seeds": []}, "1 inputs have 0 seeds"),
        ({"inputs": [{"image": "AAAA"}]}, "neither a text nor an image"),
        ({"inputs": [{"image": "?"}]}, "base64"),
        ({"inputs": [{}]}, "neither a text nor an image"),
        ({"parameters": {"temperature": [1]}}, "temperature"),
    ],
)
def test_what_is_no_call_is_a_bad_request(server: Running, change: Any, words: str) -> None:
    body = {"model": "Writer", "version": "1", "inputs": [{"text": "a"}], "seeds": [1]} | change
    answer = server.post("/v1/calls", body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_a_server_that_wants_a_token_is_told_apart_from_one_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running(Settings(executor="inprocess"), find=KNOWN.__getitem__, open_to_all=False) as server:
        with asking(server.url) as executor, pytest.raises(PrerequisiteError, match="wants a token"):
            executor.check(WRITER)
        monkeypatch.setenv("PANIC_TDA_TOKEN", server.facilities.rules.token)
        with_token = make_executor(Settings(executor="remote", remote=server.url))
        with_token.check(WRITER)
        with_token.close()


class Clock:
    """A time that passes only while something sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.slept.append(seconds)

    @property
    def times(self) -> Times:
        return Times(clock=lambda: self.now_s, sleep=self.sleep, draw=lambda: 0.0)


RESULT = Result(
    (Text("made"),), "Writer@1", (0,), Timings(), Times().now(), "w", attempts=(Attempt("WorkerCrashed", "gone"),)
)
FULL = {"error": {"message": "the queue is full", "code": "QueueFull"}}
TOO_LONG = {"error": {"message": "Writer did not answer within 1 s", "code": "ExecutionTimeout"}}


@contextmanager
def scripted(answer: Callable[[int], tuple[int, Any]]) -> Iterator[tuple[str, list[Any]]]:
    """A server that answers request 0, 1, … as told; status 0 hangs up. Yields its address and what it was asked."""
    asked: list[Any] = []
    numbers = count()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, body = answer(next(numbers))
            if not status:
                self.close_connection = True
                return
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("fault", [(0, None), (502, "<html>"), (503, FULL), (500, {"x": 1})])
def test_a_call_is_repeated_with_the_same_seeds_after_faults_that_pass(fault: tuple[int, Any]) -> None:
    clock = Clock()
    with (
        scripted(lambda number: fault if number < 3 else (200, encode_result(RESULT))) as (url, asked),
        asking(url, times=clock.times) as executor,
    ):
        assert outputs(executor, WRITER, Text("a")) == (Text("made"),)
    assert len(asked) == 4
    assert all(each == asked[0] for each in asked)
    assert clock.slept == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((504, TOO_LONG), ExecutionTimeout),
        ((422, {"error": {"message": "m", "code": "ModelCallFailed"}}), ModelCallFailed),
        ((404, {"detail": "Not Found"}), InvalidOutput),
        ((200, [1]), InvalidOutput),
        ((200, {"outputs": []}), InvalidOutput),
        ((200, encode_result(replace(RESULT, model="Writer@7"))), ModelVersionChanged),
        ((200, encode_result(replace(RESULT, outputs=()))), InvalidOutput),
    ],
)
def test_an_answer_that_is_final_is_not_asked_for_again(answer: tuple[int, Any], error: type[PanicError]) -> None:
    with scripted(lambda _: answer) as (url, asked), asking(url, times=Clock().times) as executor:
        with pytest.raises(error):
            outputs(executor, WRITER, Text("a"))
        assert len(asked) == 1


def test_an_answer_that_takes_too_long_is_a_timeout() -> None:
    release = threading.Event()

    def slow(_: int) -> tuple[int, Any]:
        release.wait(30)
        return 0, None

    with scripted(slow) as (url, _), asking(url, timeout_s=0.2) as executor:
        with pytest.raises(ExecutionTimeout, match=r"did not answer within 0\.2 s"):
            outputs(executor, WRITER, Text("a"))
        release.set()


def test_after_five_failures_the_server_is_left_alone_until_a_probe_succeeds() -> None:
    clock, broken = Clock(), threading.Event()
    broken.set()

    def answer(_: int) -> tuple[int, Any]:
        return (500, {}) if broken.is_set() else (200, encode_result(RESULT))

    with scripted(answer) as (url, asked), asking(url, times=clock.times) as executor:
        for _ in range(THRESHOLD):
            with pytest.raises(EndpointUnavailable, match="does not answer"):
                outputs(executor, WRITER, Text("a"))
        before = len(asked)
        with pytest.raises(EndpointUnavailable, match="left alone until"):
            outputs(executor, WRITER, Text("a"))
        assert len(asked) == before
        clock.now_s += PAUSE_S
        broken.clear()
        assert outputs(executor, WRITER, Text("a")) == (Text("made"),)


def test_a_server_is_needed_and_a_network_when_it_is_elsewhere() -> None:
    with pytest.raises(ConfigurationError, match="needs the address of a server"):
        make_executor(Settings(executor="remote"))
    with pytest.raises(ConfigurationError, match="http"):
        make_executor(Settings(executor="remote", remote="lab:8420"))
    with pytest.raises(PrerequisiteError, match="offline"):
        make_executor(Settings(executor="remote", remote="http://lab.example:8420", offline=True))


def test_nobody_at_the_address_is_a_typed_error() -> None:
    clock = Clock()
    with (
        asking("http://127.0.0.1:9", times=clock.times) as executor,
        pytest.raises(EndpointUnavailable, match="ConnectError"),
    ):
        executor.check(WRITER)
    assert len(clock.slept) == 3


def test_the_result_tells_where_the_model_ran(server: Running) -> None:
    with asking(server.url) as executor:
        result = executor.submit(Call(WRITER, texts("a"), (0,))).result(60)
    assert result.worker == f"{server.url.removeprefix('http://')} inprocess"
    assert executor.snapshot().models["Writer"].calls == 1


def test_wrong_requests_are_request_errors() -> None:
    assert issubclass(type(decode_fault({"type": "UnknownModel", "message": "m"})), RequestError)
