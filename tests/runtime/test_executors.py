"""What every executor promises. One suite, run on each of them: they must not be told apart by their results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from panic_tda.content import Text
from panic_tda.errors import (
    ConfigurationError,
    ExecutionTimeout,
    ExecutorClosed,
    InsufficientMemory,
    ModelCallFailed,
    ModelLoadError,
)
from panic_tda.models.model import Placement
from panic_tda.models.purpose import Purpose
from panic_tda.runtime.execution import BatchLimits, execute
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.executors import make_executor
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.mock import MockExecutor
from panic_tda.runtime.result import Call, Result, Timings
from panic_tda.settings import EXECUTORS, Settings
from support.contents import texts, values
from support.models import FakeModel, Prompted, fake_spec, vector_of
from support.servers import running
from support.threads import beside

WRITER = fake_spec("Writer")
EMBEDDER = fake_spec("Embedder", "text -> vector")
PROMPTED = fake_spec("Prompted", "text -> vector", loader="support.models:load_prompted")
BROKEN = fake_spec("Broken", loader="support.models:load_badly")
BUDGET = 2**30
BUDGET_MB = 1_000


def on_fake_models(call: Call) -> tuple[Any, ...]:
    model = Prompted(call.spec) if call.spec is PROMPTED else FakeModel(call.spec)
    return execute(call, model, BatchLimits())


def make_mock() -> Executor:
    return MockExecutor(on_fake_models)


def make_inprocess() -> Executor:
    return make_executor(Settings(executor="inprocess", memory_budget=BUDGET_MB))


def make_process() -> Executor:
    return make_executor(Settings(executor="process", workers=2, memory_budget=BUDGET_MB))


def make_ray() -> Executor:
    return make_executor(Settings(executor="ray", workers=1, memory_budget=BUDGET_MB))


def make_routing() -> Executor:
    return make_executor(Settings(memory_budget=BUDGET_MB))


MAKERS: dict[str, Callable[[], Executor]] = {
    "mock": make_mock,
    "inprocess": make_inprocess,
    "process": make_process,
    "ray": make_ray,
    "auto": make_routing,
}
KNOWN = {spec.name: spec for spec in (WRITER, EMBEDDER, PROMPTED, BROKEN)}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server that knows the fake models."""
    settings = Settings(executor="inprocess", memory_budget=BUDGET_MB)
    with running(settings, find=KNOWN.__getitem__) as server:
        yield server.url


def remote_to(url: str) -> Executor:
    return make_executor(Settings(executor="remote", remote=url))


@pytest.fixture(params=[*MAKERS, "remote"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "ray":
        request.getfixturevalue("ray_cluster")
    is_remote = request.param == "remote"
    made = remote_to(request.getfixturevalue("server")) if is_remote else MAKERS[request.param]()
    yield made
    made.close()


def call(*inputs: str, spec: Any = WRITER, first_seed: int = 0) -> Call:
    return Call(spec, texts(*inputs), tuple(range(first_seed, first_seed + len(inputs))))


def answered(future: Future[Result]) -> Result:
    return future.result(timeout=60)


@pytest.mark.parametrize(("purpose", "measured"), [(Purpose.DOCUMENT, "a"), (Purpose.QUERY, "query: a")])
def test_texts_are_measured_for_their_purpose(executor: Executor, purpose: Purpose, measured: str) -> None:
    asked = Call(PROMPTED, texts("a"), (0,), purpose=purpose)
    [vector] = answered(executor.submit(asked)).outputs
    np.testing.assert_array_equal(np.asarray(vector), np.asarray(vector_of(Text(measured))))


def test_a_result_says_everything_it_must(executor: Executor) -> None:
    before = datetime.now(UTC)
    result = answered(executor.submit(call("a", "b", first_seed=5)))
    assert isinstance(result, Result)
    assert isinstance(result.timings, Timings)
    assert (result.model, result.seeds, result.synthetic) == ("Writer@1", (5, 6), True)
    assert result.worker
    assert result.finish_reason == "stop"
    assert before <= result.started_at <= result.completed_at <= datetime.now(UTC) + timedelta(milliseconds=1)
    assert min(result.timings.queue_s, result.timings.load_s, result.timings.run_s) >= 0


def test_outputs_stand_in_the_order_of_inputs_and_seeds(executor: Executor) -> None:
    result = answered(executor.submit(call("a", "b", "c", first_seed=3)))
    assert result.outputs == on_fake_models(call("a", "b", "c", first_seed=3))
    assert len(result.outputs) == len(result.seeds) == 3


def test_the_seed_of_an_item_is_its_own(executor: Executor) -> None:
    same, other = (answered(executor.submit(call("a", "a", first_seed=first))).outputs for first in (0, 1))
    assert same[1] == other[0]
    assert same[0] != same[1]


def test_item_faults_are_outputs_and_typed(executor: Executor) -> None:
    outputs = answered(executor.submit(call("a", "raise", "error", "number"))).outputs
    assert values(outputs)[1:] == ["ModelCallFailed", "ModelCallFailed", "InvalidOutput"]
    assert isinstance(outputs[0], Text)


def test_embedders_make_vectors(executor: Executor) -> None:
    (vector,) = answered(executor.submit(call("a", spec=EMBEDDER))).outputs
    np.testing.assert_array_equal(np.asarray(vector), vector_of(Text("a")))


def test_an_empty_call_has_an_empty_result(executor: Executor) -> None:
    result = answered(executor.submit(call()))
    assert (result.outputs, result.seeds) == ((), ())


def test_every_future_answers_its_own_call(executor: Executor) -> None:
    calls = [call(f"text {number}", spec=spec) for number in range(20) for spec in (WRITER, EMBEDDER)]
    futures = [executor.submit(asked) for asked in calls]
    results = [answered(future) for future in futures]
    assert [result.model for result in results] == [f"{asked.spec.name}@1" for asked in calls]
    assert [result.outputs for result in results[::2]] == [on_fake_models(asked) for asked in calls[::2]]


def test_calls_may_come_from_many_threads(executor: Executor) -> None:
    with ThreadPoolExecutor(8) as pool:
        calls = [call(f"text {number}") for number in range(100)]
        results = list(pool.map(lambda asked: answered(executor.submit(asked)), calls))
    assert [result.outputs for result in results] == [on_fake_models(asked) for asked in calls]


def test_a_called_model_becomes_resident(executor: Executor) -> None:
    assert executor.resident() == frozenset()
    executor.submit(call("a"))
    assert executor.resident() == {"Writer"}


def test_it_has_a_name_and_room_for_a_call(executor: Executor) -> None:
    assert executor.name in ("mock", *EXECUTORS)
    assert executor.slots >= 1
    executor.check(WRITER)


def test_no_call_is_taken_after_close(executor: Executor) -> None:
    executor.close()
    executor.close()
    with pytest.raises(ExecutorClosed):
        executor.submit(call("a"))


def test_a_model_that_does_not_load_fails_the_call_and_not_the_next(executor: Executor) -> None:
    if isinstance(executor, MockExecutor):
        executor.enqueue_error(ModelLoadError("Broken does not load"))
    with pytest.raises(ModelLoadError, match="Broken does not load"):
        answered(executor.submit(call("a", spec=BROKEN)))
    assert answered(executor.submit(call("a"))).outputs == on_fake_models(call("a"))


def test_in_process_fifty_alternating_calls_load_two_models_once_each() -> None:
    executor = InProcessExecutor(memory_budget=2 * 2**20)
    for _ in range(25):
        executor.submit(call("a"))
        answered(executor.submit(call("a", spec=EMBEDDER)))
    assert executor.loads == 2
    executor.close()


def test_in_process_a_model_larger_than_the_budget_is_refused() -> None:
    executor = InProcessExecutor(memory_budget=2**20)
    huge = fake_spec("Huge", megabytes=2)
    with pytest.raises(InsufficientMemory):
        executor.check(huge)
    with pytest.raises(InsufficientMemory):
        answered(executor.submit(call("a", spec=huge)))
    assert executor.resident() == frozenset()
    executor.close()


class Gate:
    """A loader whose models begin to work when they are let."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.model: FakeModel | None = None

    def load(self, spec: Any, placement: Placement) -> Any:
        gate = self

        class Gated(FakeModel):
            def generate(self, *arguments: Any) -> list[Any]:
                gate.entered.set()
                assert gate.open.wait(timeout=60)
                return super().generate(*arguments)

        self.model = Gated(spec)
        return self.model


def test_in_process_a_call_that_hangs_is_a_typed_error_and_the_next_one_has_a_new_model() -> None:
    gate = Gate()
    models: list[Any] = []

    def load(spec: Any, placement: Placement) -> Any:
        models.append(FakeModel(spec) if models else gate.load(spec, placement))
        return models[-1]

    executor = InProcessExecutor(memory_budget=BUDGET, load=load, call_timeout_s=0.05)
    with pytest.raises(ExecutionTimeout, match=r"did not answer within 0\.05 s") as caught:
        executor.submit(call("a")).result(timeout=60)
    assert "--retry-failed" in caught.value.hint
    assert executor.submit(call("b")).result(timeout=60).outputs == on_fake_models(call("b"))
    executor.close()
    assert (models[0].closed, models[1].closed) == (0, 1)
    gate.open.set()


def test_in_process_close_finishes_the_call_in_progress_and_drops_the_queue() -> None:
    gate = Gate()
    executor = InProcessExecutor(memory_budget=BUDGET, load=gate.load)
    running, queued = executor.submit(call("a")), executor.submit(call("b"))
    assert gate.entered.wait(timeout=60)
    closing = beside(executor.close)
    try:
        with pytest.raises(CancelledError):
            queued.result(timeout=30)
    finally:
        gate.open.set()
    closing.result(timeout=60)
    assert running.result(timeout=60).outputs == on_fake_models(call("a"))
    assert gate.model is not None
    assert gate.model.closed == 1


def test_the_mock_answers_as_told_and_remembers_what_it_was_asked() -> None:
    executor = MockExecutor()
    executor.enqueue("one", ModelCallFailed("two fails"))
    first, second = executor.submit(call("a", "b")), executor.submit(call("c"))
    assert values(answered(first).outputs) == ["one", "ModelCallFailed"]
    assert values(answered(second).outputs) == ["c"]
    assert [asked.inputs for asked in executor.history] == [texts("a", "b"), texts("c")]


def test_an_unknown_executor_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError, match=r"executor 'cloud' \(there is: auto, inprocess, process, ray, remote\)"
    ):
        make_executor(Settings(executor="cloud"))


@pytest.mark.parametrize("name", EXECUTORS)
def test_every_listed_executor_can_be_made(name: str, ray_cluster: None) -> None:
    executor = make_executor(Settings(executor=name, remote="http://127.0.0.1:9"))
    assert executor.name == name
    executor.close()
