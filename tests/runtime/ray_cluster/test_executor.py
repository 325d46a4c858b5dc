"""Actors of a Ray cluster: what happens to one harms only its call."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from panic_tda.content import Image
from panic_tda.errors import ConfigurationError, ExecutionTimeout, PrerequisiteError, WorkerCrashed
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.pool.limits import PoolLimits
from panic_tda.runtime.ray_cluster import executor as ray_executor
from panic_tda.runtime.ray_cluster.executor import RayExecutor
from panic_tda.runtime.result import Call, Result
from support.contents import texts, values
from support.trouble import trouble_spec
from support.waiting import eventually, is_running

TROUBLE = trouble_spec()
OTHER = trouble_spec("Other")
MB = 2**20


@pytest.fixture
def pool(ray_cluster: None) -> Iterator[RayExecutor]:
    made = RayExecutor(size=1, limits=PoolLimits(call_timeout_s=5, memory_budget=MB))
    yield made
    made.close()


def ask(executor: RayExecutor, *wishes: str, spec: ModelSpec = TROUBLE) -> Result:
    return executor.submit(Call(spec, texts(*wishes), (7,) * len(wishes))).result(timeout=120)


def test_an_actor_that_dies_costs_one_transparent_repetition(pool: RayExecutor, tmp_path: Path) -> None:
    result = ask(pool, f"once {tmp_path / 'died'} kill")
    assert values(result.outputs) == [f"once {tmp_path / 'died'} kill 7"]
    assert [attempt.error for attempt in result.attempts] == ["WorkerCrashed"]
    with pytest.raises(WorkerCrashed, match="ray-0 ended while it ran Trouble"):
        ask(pool, "exit 3")
    assert values(ask(pool, "hello").outputs) == ["hello 7"]


def test_a_killed_actor_is_replaced_when_it_is_needed(pool: RayExecutor) -> None:
    (pid,) = values(ask(pool, "pid").outputs)
    os.kill(int(pid), signal.SIGKILL)
    assert eventually(lambda: not is_running(int(pid)))
    assert values(ask(pool, "pid").outputs) != [pid]


def test_models_that_do_not_fit_together_take_turns(pool: RayExecutor) -> None:
    pids = [values(ask(pool, "pid", spec=spec).outputs)[0] for spec in (TROUBLE, OTHER, OTHER)]
    assert pids[0] != pids[1] == pids[2]
    assert pool.loads == 2


def test_large_images_travel(pool: RayExecutor) -> None:
    (made,) = ask(pool, "image", spec=trouble_spec("Painter", signature="text -> image")).outputs
    assert isinstance(made, Image)
    assert len(made.pixels) == 2600 * 2600 * 3


def test_a_call_that_takes_too_long_fails_and_its_process_is_gone(ray_cluster: None) -> None:
    executor = RayExecutor(size=1, limits=PoolLimits(call_timeout_s=0.5))
    (pid,) = values(ask(executor, "pid").outputs)
    with pytest.raises(ExecutionTimeout, match="did not answer within 1 s"):
        ask(executor, "sleep 30")
    assert eventually(lambda: not is_running(int(pid)))
    executor.close()


def test_more_workers_than_the_cluster_has_room_for_are_refused(ray_cluster: None) -> None:
    with pytest.raises(ConfigurationError, match="5 workers of 1 CPUs are more than the cluster's 4 CPUs"):
        RayExecutor(size=5)


def test_a_model_that_needs_a_gpu_is_refused_where_there_is_none(pool: RayExecutor) -> None:
    with pytest.raises(PrerequisiteError, match="the cluster has no GPU"):
        pool.check(trouble_spec(device="cuda"))


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_executor, "find_spec", lambda _: None)
    with pytest.raises(PrerequisiteError) as caught:
        RayExecutor()
    assert caught.value.hint == "pip install 'panic-tda[ray]'"
