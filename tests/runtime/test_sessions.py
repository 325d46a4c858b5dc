"""Sessions: what was said is kept by the runtime, whatever happens to workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from panic_tda.content import Text
from panic_tda.errors import QueueFull, SessionLost, SessionNotFound, WorkerBusy
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.runtime.result import Affinity, Result
from panic_tda.runtime.sessions import Sessions, transcript
from support.threads import beside
from support.times import StillTime
from support.trouble import trouble_spec
from support.waiting import eventually, is_running

TROUBLE = trouble_spec()
STRICT = [Affinity.STRICT_QUEUE, Affinity.STRICT_FAIL_FAST]


@pytest.fixture
def pool() -> Iterator[ProcessExecutor]:
    executor = ProcessExecutor(size=2)
    yield executor
    executor.close()


def sessions_of(executor: Executor, **options: float) -> Sessions:
    return Sessions(executor, ttl_s=options.get("ttl_s", 3_600), most=int(options.get("most", 10)))


def answer(result: Result) -> str:
    (outcome,) = result.outputs
    assert isinstance(outcome, Text)
    return outcome.value


def test_a_session_reads_the_whole_conversation() -> None:
    executor = InProcessExecutor()
    sessions = sessions_of(executor)
    key = sessions.open()
    assert answer(sessions.ask(key, TROUBLE, "one", seed=1)) == "one 1"
    assert answer(sessions.ask(key, TROUBLE, "two", seed=2)) == "User: one\nAssistant: one 1\nUser: two\nAssistant: 2"
    assert [turn.asked for turn in sessions.history(key)] == ["one", "two"]
    assert transcript([], "alone") == "alone"
    executor.close()


def test_fifty_interleaved_calls_of_two_sessions_never_mix(pool: ProcessExecutor) -> None:
    sessions = sessions_of(pool)
    keys = {name: sessions.open() for name in ("a", "b")}

    def ask(number: int) -> None:
        name = "ab"[number % 2]
        sessions.ask(keys[name], TROUBLE, f"{name}{number}", seed=number)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, range(50)))
    for name, key in keys.items():
        turns = sessions.history(key)
        assert len(turns) == 25
        assert {turn.asked[0] for turn in turns} == {name}
        other = "ab".replace(name, "")
        assert not any(f"User: {other}" in turn.answered for turn in turns)
        assert all(turns[0].asked in turn.answered for turn in turns)


def test_settings_are_of_the_session_or_of_the_call() -> None:
    executor = InProcessExecutor()
    sessions = sessions_of(executor)
    key = sessions.open(parameters={"temperature": 1.5})
    reader = trouble_spec("Reader", options=(("parameters", True),))
    assert answer(sessions.ask(key, reader, "x")) == "{'temperature': 1.5}"
    assert answer(sessions.ask(key, reader, "x", parameters={"temperature": 1.0})) == "{'temperature': 1.0}"
    assert answer(sessions.ask(sessions.open(), reader, "x")) == "{'temperature': 0.5}"
    executor.close()


def test_a_hint_stays_with_its_worker_while_that_is_free(pool: ProcessExecutor) -> None:
    sessions = sessions_of(pool)
    keys = [sessions.open() for _ in range(2)]
    busy = beside(lambda: sessions.ask(keys[0], TROUBLE, "sleep 0.5"))
    assert eventually(lambda: pool.snapshot().waiting == 0)
    first = sessions.ask(keys[1], trouble_spec("Other"), "x").worker
    assert busy.result(timeout=60).worker != first
    for _ in range(3):
        assert sessions.ask(keys[1], trouble_spec("Other"), "y").worker == first


def test_a_hint_goes_on_elsewhere_with_its_history_when_its_worker_was_killed(pool: ProcessExecutor) -> None:
    sessions = sessions_of(pool)
    key = sessions.open()
    killed = sessions.ask(key, TROUBLE, "one", seed=1).process
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: not is_running(killed))
    later = sessions.ask(key, TROUBLE, "two", seed=2)
    assert later.process != killed
    assert answer(later).startswith("User: one\nAssistant: one 1\n")


@pytest.mark.parametrize("affinity", STRICT)
def test_a_strict_session_is_lost_with_its_worker(pool: ProcessExecutor, affinity: Affinity) -> None:
    sessions = sessions_of(pool)
    key = sessions.open(affinity=affinity)
    killed = sessions.ask(key, TROUBLE, "one", seed=1).process
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: not is_running(killed))
    with pytest.raises(SessionLost):
        sessions.ask(key, TROUBLE, "two", seed=2)
    assert [turn.asked for turn in sessions.history(key)] == ["one"]


def test_a_strict_call_whose_worker_dies_is_not_repeated(pool: ProcessExecutor) -> None:
    sessions = sessions_of(pool)
    key = sessions.open(affinity=Affinity.STRICT_QUEUE)
    sessions.ask(key, TROUBLE, "one")
    with pytest.raises(SessionLost, match="SIGKILL"):
        sessions.ask(key, trouble_spec(options=(("deadly", True),)), "two")


def test_strict_queue_waits_for_its_worker_and_fail_fast_does_not(pool: ProcessExecutor, tmp_path: Path) -> None:
    sessions = sessions_of(pool)
    queueing, hasty = (sessions.open(affinity=affinity) for affinity in STRICT)
    first = sessions.ask(queueing, TROUBLE, "one")
    assert sessions.ask(hasty, TROUBLE, "one").worker == first.worker
    other = sessions.open(affinity=Affinity.STRICT_QUEUE)
    assert sessions.ask(other, TROUBLE, "one").worker == first.worker
    slow = trouble_spec("Slow", options=(("slow", 0.8), ("mark", str(tmp_path / "loading"))))
    busy = beside(lambda: sessions.ask(other, slow, "x"))
    assert eventually((tmp_path / "loading").exists)
    with pytest.raises(WorkerBusy):
        sessions.ask(hasty, TROUBLE, "two")
    waited = sessions.ask(queueing, TROUBLE, "two")
    assert waited.worker == first.worker
    assert waited.started_at >= busy.result(timeout=60).completed_at


def test_sessions_end_after_their_time_and_not_while_they_are_used() -> None:
    time = StillTime()
    executor = InProcessExecutor()
    sessions = Sessions(executor, ttl_s=100, clock=time.clock)
    used, unused = sessions.open(), sessions.open()
    time.seconds += 90
    sessions.ask(used, TROUBLE, "one")
    time.seconds += 90
    sessions.ask(used, TROUBLE, "two")
    with pytest.raises(SessionNotFound, match=r"no session"):
        sessions.ask(unused, TROUBLE, "one")
    assert len(sessions) == 1
    sessions.close(used)
    sessions.close(used)
    assert len(sessions) == 0
    executor.close()


def test_a_session_has_seeds_that_follow_each_other_and_a_time_of_its_own_to_end() -> None:
    time = StillTime()
    executor = InProcessExecutor()
    sessions = Sessions(executor, ttl_s=100, clock=time.clock)
    short, long = sessions.open(seed=7, ttl_s=10, model="Trouble"), sessions.open()
    assert [sessions.ask(short, TROUBLE, "x").seeds for _ in range(2)] == [(7,), (8,)]
    assert sessions.ask(short, TROUBLE, "x", seed=3).seeds == (3,)
    time.seconds += 9
    found = sessions.standing(short)
    assert (found.model, found.seed, found.ttl_s, found.idle_s, len(found.turns)) == ("Trouble", 7, 10, 9, 3)
    time.seconds += 2  # to have been looked at is not to have been used
    assert [each.id for each in sessions.standings()] == [long]
    with pytest.raises(SessionNotFound, match=short):
        sessions.standing(short)
    executor.close()


def test_only_so_many_sessions_may_be_open_and_ended_ones_make_room() -> None:
    time = StillTime()
    executor = InProcessExecutor()
    sessions = Sessions(executor, ttl_s=100, most=2, clock=time.clock)
    sessions.open()
    sessions.open()
    with pytest.raises(QueueFull, match="2 sessions are open"):
        sessions.open()
    time.seconds += 101
    sessions.open()
    executor.close()
