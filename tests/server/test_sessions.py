"""Conversations over HTTP."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from panic_tda.content import Content, Text
from panic_tda.errors import UnknownModel
from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec, Parameter, Parameters, Placement
from panic_tda.runtime.sessions import Sessions
from panic_tda.settings import Settings
from support.models import FakeModel, fake_spec
from support.servers import BEARER, Running, running
from support.times import StillTime
from support.trouble import trouble_spec
from support.waiting import eventually, is_running

HEAT = Parameter("temperature", 0.5, "of the answer", minimum=0.0, maximum=2.0)
ORDER = Parameter("instruction", "rephrase", "what to do")


class Listener(FakeModel):
    """Answers with the first letters of all that the user said, once each, and how often he said something."""

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Any]:
        lines = [cast("Text", each).value.splitlines() for each in inputs]
        said = [[line.removeprefix("User: ") for line in each if not line.startswith("Assistant:")] for each in lines]
        return [Text(f"{''.join(sorted({line[0] for line in each}))} {len(each)}") for each in said]


def load_listener(spec: ModelSpec, placement: Placement) -> Listener:
    return Listener(spec)


MODELS = {
    "Listener": fake_spec("Listener", loader=f"{__name__}:load_listener"),
    "Trouble": trouble_spec(),
    "Reader": trouble_spec("Reader", options=(("parameters", True),), parameters=(HEAT, ORDER)),
    "Painter": fake_spec("Painter", "text -> image"),
}


def known(name: str) -> ModelSpec:
    if name not in MODELS:
        raise UnknownModel(f"unknown model {name!r}")
    return MODELS[name]


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(Settings(executor="inprocess"), find=known) as opened:
        opened.client.headers.update(BEARER)
        yield opened


@pytest.fixture
def pool() -> Iterator[Running]:
    with running(Settings(executor="process", workers=1), find=known) as opened:
        opened.client.headers.update(BEARER)
        yield opened


def opened(server: Running, model: str = "Trouble", **settings: Any) -> str:
    answer = server.post("/sessions", {"model": model, **settings})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def said(server: Running, key: str, text: str, **settings: Any) -> Any:
    return server.post(f"/sessions/{key}/messages", {"text": text, **settings})


def test_a_session_is_opened_asked_looked_at_and_ended(server: Running) -> None:
    key = opened(server, seed=7, ttl=60)
    first, second = said(server, key, "one").json(), said(server, key, "two").json()
    assert (first["answer"], first["seed"], first["session"]) == ("one 7", 7, key)
    assert (second["answer"], second["seed"]) == ("User: one\nAssistant: one 7\nUser: two\nAssistant: 8", 8)
    whole = server.get(f"/sessions/{key}").json()
    assert [turn["asked"] for turn in whole["history"]] == ["one", "two"]
    expected = {"model": "Trouble", "affinity": "hint", "ttl": 60.0, "seed": 7, "turns": 2}
    assert {name: whole[name] for name in expected} == expected
    [listed] = [each for each in server.get("/sessions").json() if each["id"] == key]
    assert listed.keys() == whole.keys() - {"history"}
    assert server.client.delete(f"/sessions/{key}").json() == {"deleted": key}
    for gone in (server.get(f"/sessions/{key}"), said(server, key, "three"), server.client.delete(f"/sessions/{key}")):
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "SessionNotFound")


def test_fifty_interleaved_calls_of_two_sessions_never_mix(server: Running) -> None:
    keys = {name: opened(server, "Listener") for name in "ab"}

    def ask(number: int) -> int:
        name = "ab"[number % 2]
        return int(said(server, keys[name], f"{name}{number}").status_code)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(50))) == {200}
    for name, key in keys.items():
        history = server.get(f"/sessions/{key}").json()["history"]
        assert {turn["asked"] for turn in history} == {f"{name}{number}" for number in range("ab".index(name), 50, 2)}
        assert [turn["answered"] for turn in history] == [f"{name} {number}" for number in range(1, 26)]


def test_settings_are_of_the_session_or_of_one_message(server: Running) -> None:
    key = opened(server, "Reader", parameters={"temperature": 1.5})
    assert "'temperature': 1.5" in said(server, key, "x").json()["answer"]
    assert "'temperature': 0.25" in said(server, key, "x", parameters={"temperature": 0.25}).json()["answer"]
    assert "'temperature': 1.5" in said(server, key, "x").json()["answer"]
    assert "rephrase" not in said(server, key, "x").json()["answer"]
    assert "'instruction': 'sing'" in said(server, key, "x", parameters={"instruction": "sing"}).json()["answer"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"model": "Nobody"}, 404, "Nobody"),
        ({"model": "Painter"}, 400, "answers texts with texts"),
        ({"model": "Reader", "parameters": {"heat": 1}}, 400, "no parameter 'heat'"),
        ({"model": "Reader", "parameters": {"temperature": 3}}, 400, "at most 2"),
        ({"model": "Reader", "ttl": 0}, 400, "ttl"),
        ({"model": "Reader", "affinity": "loose"}, 400, "affinity"),
        ({"model": "Reader", "temperature": 1}, 400, "temperature"),
    ],
)
def test_what_no_session_can_be_is_refused(server: Running, body: Any, status: int, words: str) -> None:
    before = len(server.get("/sessions").json())
    answer = server.post("/sessions", body)
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text
    assert len(server.get("/sessions").json()) == before


def test_sessions_are_looked_at_with_the_token_only(server: Running) -> None:
    nobody = {"Authorization": ""}
    for method, path in (
        ("GET", "/sessions"),
        ("GET", "/sessions/x"),
        ("POST", "/sessions"),
        ("DELETE", "/sessions/x"),
    ):
        assert server.client.request(method, path, headers=nobody).status_code == 401


def test_an_answer_that_fails_leaves_the_conversation_as_it_was(server: Running) -> None:
    key = opened(server)
    assert said(server, key, "more than 0").status_code == 422
    assert server.get(f"/sessions/{key}").json()["history"] == []


def test_a_session_ends_after_its_own_time_and_looking_at_it_does_not_prolong_it() -> None:
    time = StillTime()
    with running(Settings(executor="inprocess"), find=known) as server:
        server.client.headers.update(BEARER)
        server.facilities.sessions = Sessions(server.facilities.executor, clock=time.clock, most=2)
        short, long = opened(server, ttl=10), opened(server)
        full = server.post("/sessions", {"model": "Trouble"})
        assert (full.status_code, full.headers["retry-after"]) == (503, "1")
        time.seconds += 9
        assert server.get(f"/sessions/{short}").json()["idle_s"] == 9
        time.seconds += 2
        assert said(server, short, "late").status_code == 404
        assert said(server, long, "in time").status_code == 200


def test_a_strict_session_is_lost_with_its_worker_and_others_go_on(pool: Running) -> None:
    strict, loose = opened(pool, affinity="strict_queue"), opened(pool)
    for key in (strict, loose):
        assert said(pool, key, "one", seed=1).status_code == 200
    pid = int(said(pool, opened(pool), "pid").json()["answer"])
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not is_running(pid))
    lost = said(pool, strict, "two")
    assert (lost.status_code, lost.json()["error"]["code"]) == (410, "SessionLost")
    assert said(pool, loose, "three", seed=3).json()["answer"].startswith("User: one\nAssistant: one 1\n")


def test_a_worker_that_is_at_work_is_said_at_once_to_those_who_will_not_wait(pool: Running, tmp_path: Path) -> None:
    hasty, other = opened(pool, affinity="strict_fail_fast"), opened(pool)
    assert said(pool, hasty, "one").status_code == 200
    folder = tmp_path / "meeting"
    folder.mkdir()
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(said, pool, other, f"meet {folder} 2")
        assert eventually(lambda: len(list(folder.iterdir())) == 1)
        busy = said(pool, hasty, "two")
        (folder / "enough").touch()
        assert working.result(timeout=60).status_code == 200
    assert (busy.status_code, busy.json()["error"]["code"], busy.headers["retry-after"]) == (503, "WorkerBusy", "1")
    assert said(pool, hasty, "two").status_code == 200


def test_a_language_model_of_the_catalogue_remembers_what_it_was_told() -> None:
    with running(Settings(executor="inprocess", threads=1), find=find) as server:
        server.client.headers.update(BEARER)
        settings = {"parameters": {"temperature": 0, "max_tokens": 24}}
        key = opened(server, "SmolLM2", **settings)
        assert "Paris" in said(server, key, "What is the capital of France?").json()["answer"]
        [turn] = server.get(f"/sessions/{key}").json()["history"]
        assert turn["asked"] == "What is the capital of France?"
