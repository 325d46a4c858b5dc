"""A pool of worker processes: what happens there harms only the call it happens to."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from panic_tda.content import Content, Image, Text
from panic_tda.errors import (
    DeviceFault,
    ExecutionTimeout,
    InsufficientMemory,
    InvalidOutput,
    ModelLoadError,
    PanicError,
    QueueFull,
    QueueTimeout,
    WorkerCrashed,
)
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.pool.limits import PoolLimits
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.runtime.result import Call, Result
from support.contents import texts, values
from support.models import fake_spec
from support.threads import beside
from support.trouble import trouble_spec
from support.waiting import eventually, is_running

TROUBLE = trouble_spec()
OTHER = trouble_spec("Other")
MB = 2**20

Pool = Callable[..., ProcessExecutor]


@pytest.fixture
def pool() -> Iterator[Pool]:
    made: list[ProcessExecutor] = []

    def make(size: int = 1, **options: Any) -> ProcessExecutor:
        made.append(ProcessExecutor(size=size, limits=PoolLimits(**options)))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


def ask(executor: ProcessExecutor, *wishes: str, spec: ModelSpec = TROUBLE, seed: int = 7) -> Future[Result]:
    return executor.submit(Call(spec, texts(*wishes), (seed,) * len(wishes)))


def outputs(future: Future[Result]) -> tuple[Any, ...]:
    return future.result(timeout=60).outputs


def said(future: Future[Result]) -> list[str]:
    return values(outputs(future))


def test_a_worker_that_dies_costs_one_transparent_repetition(pool: Pool, tmp_path: Path) -> None:
    executor = pool()
    result = ask(executor, f"once {tmp_path / 'died'} kill").result(timeout=60)
    assert values(result.outputs) == [f"once {tmp_path / 'died'} kill 7"]
    (attempt,) = result.attempts
    assert attempt.error == "WorkerCrashed"
    assert attempt.message.startswith("process-0 was ended by SIGKILL while it ran Trouble")
    assert attempt.message.endswith("it last said: these are my last words")


def test_a_model_that_always_kills_its_worker_fails_its_call_and_the_pool_serves_the_next(pool: Pool) -> None:
    executor = pool()
    with pytest.raises(WorkerCrashed, match="ended with exit code 3"):
        outputs(ask(executor, "exit 3"))
    assert said(ask(executor, "hello")) == ["hello 7"]


def test_one_input_that_kills_costs_its_own_outcome_and_no_other(pool: Pool) -> None:
    wishes = [f"text {number}" for number in range(7)]
    wishes[4] = "kill"
    made = outputs(ask(pool(), *wishes))
    assert [type(outcome).__name__ for outcome in made] == ["Text"] * 4 + ["WorkerCrashed"] + ["Text"] * 2
    assert [outcome.value for outcome in made if isinstance(outcome, Text)] == [
        f"{wish} 7" for wish in wishes if wish != "kill"
    ]


def test_killed_workers_come_back_though_nobody_calls(pool: Pool) -> None:
    executor = pool(3)
    assert eventually(lambda: len(executor.pids()) == 3)
    before = executor.pids()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: len(executor.pids()) == 3 and not set(before) & set(executor.pids()), seconds=10)
    assert executor.restarts == 3


def test_a_lost_accelerator_is_tried_three_times_more_in_fresh_processes(pool: Pool, tmp_path: Path) -> None:
    executor = pool()
    result = ask(executor, f"once {tmp_path / 'began'} device").result(timeout=60)
    assert values(result.outputs) == [f"once {tmp_path / 'began'} device 7"]
    assert result.attempts == (("DeviceFault", "CUDA error: device-side assert triggered"),)
    with pytest.raises(DeviceFault, match="device-side assert"):
        outputs(ask(executor, "device"))
    assert eventually(lambda: executor.restarts == 1 + 4)
    assert said(ask(executor, "hello")) == ["hello 7"]


def test_a_call_that_takes_too_long_fails_in_time_and_its_process_is_gone(pool: Pool) -> None:
    executor = pool(call_timeout_s=1.0)
    (pid,) = said(ask(executor, "pid"))
    started = time.monotonic()
    with pytest.raises(ExecutionTimeout, match="did not answer within 1 s"):
        outputs(ask(executor, "sleep 30"))
    assert time.monotonic() - started < 2
    assert not is_running(int(pid))


def test_slow_and_fast_calls_never_get_each_others_answers(pool: Pool) -> None:
    executor = pool(2, call_timeout_s=0.4)
    calls = [ask(executor, "sleep 30" if number % 10 == 0 else f"fast {number}") for number in range(60)]
    for number, future in enumerate(calls):
        if number % 10 == 0:
            with pytest.raises(ExecutionTimeout):
                outputs(future)
        else:
            assert said(future) == [f"fast {number} 7"]


def test_loading_has_a_time_of_its_own(pool: Pool) -> None:
    slow = trouble_spec("Slow", options=(("slow", 0.4),))
    result = ask(pool(call_timeout_s=0.6), "sleep 0.4", spec=slow).result(timeout=60)
    assert values(result.outputs) == ["slept 0.4"]
    assert min(result.timings.load_s, result.timings.run_s) >= 0.4


def test_a_full_queue_refuses_and_a_call_that_waits_too_long_fails(pool: Pool, tmp_path: Path) -> None:
    executor = pool(max_queue=2, queue_timeout_s=0.3)
    assert eventually(lambda: len(executor.pids()) == 1)
    running = ask(executor, "sleep 1")
    waiting = [ask(executor, f"waiting {number}") for number in range(2)]
    with pytest.raises(QueueFull, match="2 calls wait already"):
        ask(executor, "too much")
    for future in waiting:
        with pytest.raises(QueueTimeout, match=r"waited 0\.3 s"):
            outputs(future)
    assert said(running) == ["slept 1"]


def test_what_a_model_prints_disturbs_nothing(pool: Pool, capfd: pytest.CaptureFixture[str]) -> None:
    assert said(ask(pool(), "print", "after")) == ["quiet", "after 7"]
    assert capfd.readouterr() == ("", "")


def test_an_image_of_twenty_megabytes_arrives(pool: Pool) -> None:
    executor = pool()
    painter = trouble_spec("Painter", signature="text -> image")
    (made,) = outputs(ask(executor, "image", spec=painter))
    assert isinstance(made, Image)
    assert len(made.pixels) == 2600 * 2600 * 3
    echoed: tuple[Content, ...] = outputs(executor.submit(Call(painter, (made,), (1,))))
    assert echoed == (made,)


def test_what_cannot_leave_its_process_is_a_fault_of_the_model(pool: Pool) -> None:
    executor = pool()
    assert isinstance(outputs(ask(executor, "odd"))[0], InvalidOutput)
    assert said(ask(executor, "hello")) == ["hello 7"]


def test_fifty_calls_that_alternate_load_each_model_once(pool: Pool) -> None:
    executor = pool(2)
    for number in range(50):
        assert said(ask(executor, str(number), spec=(TROUBLE, OTHER)[number % 2])) == [f"{number} 7"]
    assert executor.loads == 2


def test_the_least_recently_used_model_leaves_and_its_process_with_it(pool: Pool) -> None:
    executor = pool(1, memory_budget=MB)
    (first,) = said(ask(executor, "pid"))
    (second,) = said(ask(executor, "pid", spec=OTHER))
    (again,) = said(ask(executor, "pid", spec=OTHER))
    assert first != second == again
    assert not is_running(int(first))
    assert executor.loads == 2


def test_a_model_in_use_stays_and_the_caller_that_needs_its_room_waits(pool: Pool) -> None:
    executor = pool(2, memory_budget=MB)
    order: list[str] = []
    busy, waiting = ask(executor, "sleep 0.5"), ask(executor, "b", spec=OTHER)
    busy.add_done_callback(lambda _: order.append("busy"))
    waiting.add_done_callback(lambda _: order.append("waiting"))
    assert said(waiting) == ["b 7"]
    assert order == ["busy", "waiting"]


def test_a_model_larger_than_the_budget_is_refused(pool: Pool) -> None:
    executor = pool(memory_budget=MB)
    with pytest.raises(InsufficientMemory):
        outputs(ask(executor, "a", spec=trouble_spec("Huge", megabytes=2)))


def test_a_batch_that_does_not_fit_is_halved_and_the_size_outlives_the_worker(pool: Pool) -> None:
    executor = pool()
    assert said(ask(executor, *["more than 2"] * 7)) == ["more than 2 7"] * 7
    (pid,) = executor.pids()
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: executor.pids() not in ((), (pid,)))
    assert said(ask(executor, *["more than 2"] * 7)) == ["more than 2 7"] * 7


def test_a_model_that_does_not_load_fails_its_call(pool: Pool) -> None:
    broken = fake_spec("Broken", loader="support.models:load_badly")
    with pytest.raises(ModelLoadError, match="a disk that went away"):
        outputs(ask(pool(), "a", spec=broken))


def test_workers_are_replaced_when_their_time_has_come(pool: Pool) -> None:
    executor = pool(max_requests=2)
    pids = [said(ask(executor, "pid"))[0] for _ in range(5)]
    assert [pids.index(pid) for pid in pids] == [0, 0, 2, 2, 4]


def test_close_finishes_what_runs_drops_the_rest_and_leaves_no_process(pool: Pool, tmp_path: Path) -> None:
    executor = pool()
    (pid,) = said(ask(executor, "pid"))
    running, queued = ask(executor, f"once {tmp_path / 'began'} sleep 0.3"), ask(executor, "queued")
    assert eventually((tmp_path / "began").exists)
    executor.close()
    assert said(running) == ["slept 0.3"]
    with pytest.raises(CancelledError):
        queued.result(timeout=0)
    assert not is_running(int(pid))


_PARENT = """
import signal, sys, time
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.runtime.result import Call
from support.trouble import trouble_spec
from support.contents import texts
signal.signal(signal.SIGINT, signal.default_int_handler)
pool = ProcessExecutor(size=2)
for number in range(2):
    (pid,) = pool.submit(Call(trouble_spec(f"T{number}"), texts("pid"), (1,))).result(60).outputs
while len(pool.pids()) < 2:
    time.sleep(0.01)
for number in range(2):
    pool.submit(Call(trouble_spec(f"T{number}"), texts("sleep 60"), (1,)))
print(*pool.pids(), flush=True)
if sys.argv[1] == "exit":
    sys.exit()
time.sleep(60)
"""


@pytest.mark.parametrize("how", ["exit", "SIGTERM", "SIGKILL", "SIGINT"])
def test_no_worker_outlives_its_pool_however_that_ends(how: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, how],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
        restore_signals=True,
    )
    assert parent.stdout is not None
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(workers) == 2
    if how != "exit":
        parent.send_signal(signal.Signals[how])
    parent.wait(timeout=30)
    parent.stdout.close()
    assert eventually(lambda: not any(map(is_running, workers)), seconds=10)


def test_in_chaos_every_caller_gets_its_own_answer_or_a_typed_error(pool: Pool) -> None:
    """500 calls; some kill, poison or hang their worker, and 15 workers more are killed, all drawn from one seed."""
    executor, draw = pool(3, call_timeout_s=0.5), random.Random(11)
    deeds = ["sleep 30"] * 3 + ["kill"] * 5 + ["device"] * 2 + ["odd"] * 6
    wishes = [deeds.pop() if deeds and draw.random() < 0.05 else f"text {number}" for number in range(500)]
    calls = [ask(executor, wish, seed=number) for number, wish in enumerate(wishes)]

    def disturb() -> None:
        for future in calls[30::30]:
            future.exception(timeout=120)
            with suppress(ProcessLookupError, IndexError):  # one that is gone already was killed by its call
                os.kill(draw.choice(executor.pids()), signal.SIGKILL)

    disturbing = beside(disturb)
    for number, (wish, future) in enumerate(zip(wishes, calls, strict=True)):
        fault = future.exception(timeout=120)
        if fault is None:
            (outcome,) = future.result().outputs
            assert isinstance(outcome, PanicError) or outcome == Text(f"{wish} {number}")
        else:
            assert isinstance(fault, (WorkerCrashed, DeviceFault, ExecutionTimeout))
    answered = sum(future.exception() is None for future in calls)
    disturbing.result(timeout=60)
    assert answered >= 450
    assert eventually(lambda: len(executor.pids()) == 3, seconds=10)
    last = executor.pids()
    executor.close()
    assert not any(map(is_running, last))
