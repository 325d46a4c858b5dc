"""An executor says whether it is well by working."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from panic_tda.models.catalogue import find
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.executors import named_executor
from panic_tda.runtime.health import health
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.settings import Settings
from support.models import fake_spec
from support.trouble import trouble_spec
from support.waiting import eventually


@pytest.fixture(params=["inprocess", "process"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made = named_executor(request.param, Settings(workers=2))
    assert eventually(lambda: made.snapshot().workers == made.workers)
    yield made
    made.close()


def test_a_well_executor_answers_for_each_model(executor: Executor) -> None:
    found = health(executor, [find("PixelStats"), find("DummyI2T"), fake_spec()])
    assert found.is_well
    assert executor.snapshot().models.keys() == {"PixelStats", "DummyI2T", "Fake"}


def test_without_a_model_a_dummy_is_asked(executor: Executor) -> None:
    assert health(executor).is_well
    assert executor.snapshot().models.keys() == {"DummyText"}


def test_a_model_that_does_not_load_is_named(executor: Executor) -> None:
    found = health(executor, [fake_spec("Broken", loader="support.models:load_badly")])
    assert not found.is_well
    assert "Broken does not load" in found.faults[0]


def test_weights_that_are_broken_are_named_though_the_model_is_in_memory() -> None:
    spec = find("MiniLM")
    executor = InProcessExecutor()
    assert health(executor, [spec]).is_well
    broken = replace(spec, weights=(replace(spec.weights[0], sha256="0" * 64),))
    (fault,) = health(executor, [broken]).faults
    assert "is damaged or another version" in fault
    executor.close()


def test_a_killed_worker_is_missed_until_it_is_back() -> None:
    executor = ProcessExecutor(size=2)
    assert eventually(lambda: len(executor.pids()) == 2)
    for pid in executor.pids():
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: len(executor.pids()) < 2)
    assert eventually(lambda: health(executor).is_well)
    assert executor.restarts == 2
    executor.close()


def test_a_model_that_kills_its_worker_is_named() -> None:
    executor = ProcessExecutor(size=1)
    deadly = trouble_spec(options=(("deadly", True),))
    assert "SIGKILL" in " ".join(health(executor, [deadly]).faults)
    executor.close()
