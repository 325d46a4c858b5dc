"""Whatever a model does: its attempt is recorded with a typed error, the other runs go on, and resume completes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from panic_tda.content import Text
from panic_tda.lab.perform import Outcome, create, perform
from panic_tda.lab.status import experiment_status
from panic_tda.lab.validation import validate_config
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.store.database import Record
from panic_tda.store.progress import recorded_failures
from panic_tda.store.runs import list_runs, run_trajectory
from support.canonical import Canonical, canonical
from support.faults import BAD, EMBEDDER, FAULTS, GENERATOR, broken
from support.laboratory import bench_on, fakes
from support.models import load
from support.trouble import trouble_spec

__all__ = ["fakes"]

GOOD = ("a", "b", "c", "d")
LENGTH = 4
GENERATING = {
    "exception": "ModelCallFailed",
    "wrong type": "InvalidOutput",
    "image of 0 bytes": "ModelCallFailed",
    "wrong batch length": "InvalidOutput",
    "hang": "ExecutionTimeout",
}
EMBEDDING = {
    "exception": "ModelCallFailed",
    "wrong type": "InvalidOutput",
    "NaN vector": "InvalidOutput",
    "wrong batch length": "InvalidOutput",
}


def config(*prompts: str, embedder: str = "Ruler") -> dict[str, Any]:
    names: dict[str, Any] = {"network": ["Faulty"], "embedding_models": [embedder]}
    return names | {"prompts": list(prompts), "seeds": [1], "max_length": LENGTH}


@pytest.fixture(autouse=True)
def faulty(fakes: dict[str, ModelSpec]) -> None:
    fakes |= {spec.name: spec for spec in (GENERATOR, EMBEDDER)}


def begun(record: Record, wanted: dict[str, Any]) -> str:
    with bench_on(record) as bench:
        return create(bench, validate_config(wanted, folder=Path()))


def went_on(record: Record, key: str, *, call_timeout_s: float = 0, **options: Any) -> Outcome:
    """Each time in a new executor, as a new process would have."""
    with bench_on(record, batch_size=1, executor=InProcessExecutor(call_timeout_s=call_timeout_s)) as bench:
        return perform(bench, [key], **options)[0]


def failures(record: Record, key: str) -> list[dict[str, Any]]:
    with record.reading() as connection:
        return recorded_failures(connection, key)


def undisturbed(record: Record, wanted: dict[str, Any]) -> Canonical:
    key = begun(record, wanted)
    went_on(record, key)
    return canonical(record, key)


def test_no_fault_is_left_out() -> None:
    assert {*GENERATING, *EMBEDDING, "empty caption"} == FAULTS.keys()


@pytest.mark.parametrize(("fault", "error"), GENERATING.items())
def test_a_generator_that_fails_always(sqlite_record: Record, fault: str, error: str) -> None:
    wanted = config(BAD, *GOOD)
    key = begun(sqlite_record, wanted)
    with broken(fault):
        outcome = went_on(sqlite_record, key, call_timeout_s=0.2 if fault == "hang" else 0)
    assert (outcome.status, outcome.invocations, outcome.failures) == ("completed", LENGTH * len(GOOD), 1)
    [attempt] = failures(sqlite_record, key)
    assert (attempt["stage"], attempt["model"], attempt["sequence_number"]) == ("generate", "Faulty", 0)
    assert attempt["error"] == error
    assert went_on(sqlite_record, key).failures == 1
    assert went_on(sqlite_record, key, retry_failed=True).invocations == LENGTH * (1 + len(GOOD))
    assert canonical(sqlite_record, key) == undisturbed(sqlite_record, wanted)


@pytest.mark.parametrize(("fault", "error"), EMBEDDING.items())
def test_an_embedder_that_fails_always(sqlite_record: Record, fault: str, error: str) -> None:
    wanted = config(BAD, *GOOD, embedder="FaultyRuler")
    key = begun(sqlite_record, wanted)
    with broken(fault, "FaultyRuler"):
        outcome = went_on(sqlite_record, key)
    assert (outcome.status, outcome.embeddings, outcome.failures) == ("completed", LENGTH * len(GOOD), LENGTH)
    attempts = failures(sqlite_record, key)
    assert {(each["stage"], each["model"], each["error"]) for each in attempts} == {("embed", "FaultyRuler", error)}
    with sqlite_record.reading() as connection:
        bad = next(run["id"] for run in list_runs(connection, key) if run["prompt"] == BAD)
        steps = run_trajectory(connection, bad)["invocations"]
    assert {each["output_id"] for each in attempts} == {Text(step["text"]).sha256 for step in steps}
    went_on(sqlite_record, key, retry_failed=True)
    assert canonical(sqlite_record, key) == undisturbed(sqlite_record, wanted)


def test_an_empty_caption_is_an_output_and_marked_degenerate(sqlite_record: Record) -> None:
    key = begun(sqlite_record, config(BAD))
    with broken("empty caption"):
        outcome = went_on(sqlite_record, key)
    assert (outcome.status, outcome.failures) == ("completed", 0)
    with sqlite_record.reading() as connection:
        first = run_trajectory(connection, "latest")["invocations"][0]
    assert (first["text"], first["degenerate"]) == ("", "empty")


@pytest.mark.parametrize(("every", "failed"), [(1, 5), (2, 0), (3, 0)])
def test_an_exception_on_every_kth_call_is_outlasted_by_one_more_try(
    sqlite_record: Record, fakes: dict[str, ModelSpec], every: int, failed: int
) -> None:
    calls = itertools.count(1)

    def loaded(spec: ModelSpec, placement: Any) -> Any:
        model = load(spec, placement)
        if spec.name == "Echo":
            model.generate = shaken(model.generate)  # type: ignore[method-assign]
        return model

    def shaken(generate: Any) -> Any:
        def called(*arguments: Any) -> Any:
            if next(calls) % every == 0:
                raise RuntimeError("out of luck")
            return generate(*arguments)

        return called

    wanted = config(BAD, *GOOD) | {"network": ["Echo"]}
    key = begun(sqlite_record, wanted)
    with bench_on(sqlite_record, batch_size=1, executor=InProcessExecutor(load=loaded)) as bench:
        assert perform(bench, [key])[0].failures == failed
    assert {attempt["error"] for attempt in failures(sqlite_record, key)} == ({"ModelCallFailed"} if failed else set())
    went_on(sqlite_record, key, retry_failed=True)
    assert canonical(sqlite_record, key) == undisturbed(sqlite_record, wanted)


def test_a_model_that_does_not_load_once_is_loaded_when_its_runs_are_tried_again(
    sqlite_record: Record, fakes: dict[str, ModelSpec]
) -> None:
    key = begun(sqlite_record, config(*GOOD))
    fakes["Faulty"] = replace(GENERATOR, loader="support.models:load_badly")
    assert went_on(sqlite_record, key).status == "failed"
    assert {attempt["error"] for attempt in failures(sqlite_record, key)} == {"ModelLoadError"}
    fakes["Faulty"] = GENERATOR
    assert went_on(sqlite_record, key, retry_failed=True).status == "completed"


def test_a_worker_that_dies_is_recorded_as_a_repetition_and_changes_nothing_else(
    record: Record, tmp_path: Path, fakes: dict[str, ModelSpec]
) -> None:
    """The second experiment finds the file that keeps it from dying."""
    fakes["Trouble"] = trouble_spec()
    wishes = [f"once {tmp_path / 'generating'} kill", "fine"]
    wanted = config(*wishes) | {"network": ["Trouble"], "max_length": 1}
    keys = []
    for workers in (1, 2):
        keys.append(begun(record, wanted | {"num_runs": workers}))
        with bench_on(record, executor=ProcessExecutor(size=workers)) as bench:
            assert perform(bench, keys[-1:])[0].failures == 0
    with record.reading() as connection:
        first, second = (experiment_status(connection, key)["retries"] for key in keys)
    assert first == [{"stage": "generate", "model": "Trouble", "error": "WorkerCrashed", "count": 1}]
    assert second == []
