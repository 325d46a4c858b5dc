"""More clients than the server has threads: who waits for one model keeps nobody else waiting."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import httpx2
import pytest

from panic_tda.models.language import Ending, Prompt, Sampling, Usage
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.settings import Settings
from support.models import fake_spec
from support.servers import Running, running
from support.waiting import eventually

CROWD = 70


class Slow:
    """A language model that begins to write when it may, and writes one word."""

    may: ClassVar[threading.Event]
    asked: ClassVar[list[int]]

    def write(self, prompt: Prompt, seed: int, sampling: Sampling, emit: Any) -> Ending:
        self.asked.append(seed)
        self.may.wait(60)
        emit("word")
        return Ending("stop", Usage(1, 1))

    def close(self) -> None:
        """Nothing to free."""


def load_slow(spec: ModelSpec, placement: Placement) -> Slow:
    return Slow()


SLOW = fake_spec("Slow", loader=f"{__name__}:load_slow")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Any:
    Slow.may, Slow.asked = threading.Event(), []
    monkeypatch.setattr("panic_tda.services.language.find", lambda name: SLOW)
    with running(Settings(executor="inprocess"), find=lambda name: SLOW) as server:
        yield server
        Slow.may.set()


def asked(server: Running, seed: int, **options: Any) -> Any:
    body = {"model": "Slow", "messages": [{"role": "user", "content": "go"}], "seed": seed, "stream": seed % 2 == 0}
    with httpx2.Client(base_url=server.url, trust_env=False, **options) as client:
        return client.post("/v1/chat/completions", json=body)


def at_work(server: Running) -> int:
    """How many requests are there that have no answer."""
    return len(server.serving._server.server_state.tasks)


def test_a_crowd_at_one_model_does_not_keep_others_waiting(slow: Running) -> None:
    with ThreadPoolExecutor(CROWD) as crowd:
        waiting = [crowd.submit(asked, slow, seed, timeout=120) for seed in range(CROWD)]
        assert eventually(lambda: at_work(slow) == CROWD and len(Slow.asked) == 1)
        assert slow.get("/v1/models", timeout=20).status_code == 200
        assert not any(each.done() for each in waiting)
        Slow.may.set()
        assert [each.result().status_code for each in waiting] == [200] * CROWD
    assert sorted(Slow.asked) == list(range(CROWD))


def test_who_leaves_while_waiting_is_never_written_for(slow: Running) -> None:
    with ThreadPoolExecutor(CROWD) as crowd:
        first = crowd.submit(asked, slow, 1000, timeout=120)
        assert eventually(lambda: Slow.asked == [1000])
        left = [crowd.submit(asked, slow, seed, timeout=0.5) for seed in range(CROWD)]
        assert all(isinstance(each.exception(), httpx2.TimeoutException) for each in left)
        assert eventually(lambda: at_work(slow) == 1)
        last = crowd.submit(asked, slow, 2000, timeout=120)
        Slow.may.set()
        assert (first.result().status_code, last.result().status_code) == (200, 200)
    assert Slow.asked == [1000, 2000]
