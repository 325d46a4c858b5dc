"""Performing as a whole: checks before work, pins, one performer at a time, faults of the database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.errors import (
    InsufficientMemory,
    ModelVersionChanged,
    NotFound,
    PrerequisiteError,
    RecordBusy,
    RecordError,
    RequestError,
)
from panic_tda.lab.demo import demo_experiment
from panic_tda.lab.laboratory import extend as extend_experiment
from panic_tda.lab.laboratory import load_config, open_bench
from panic_tda.lab.laboratory import perform as perform_experiment
from panic_tda.lab.laboratory import resume as resume_experiment
from panic_tda.lab.perform import create, create_together, extend, perform
from panic_tda.lab.preflight import faults
from panic_tda.lab.validation import validate_config
from panic_tda.models.model import ModelSpec
from panic_tda.models.weights import Weights
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.settings import Settings
from panic_tda.store.database import Record
from panic_tda.store.leases import lease
from panic_tda.store.performers import Performer, join
from panic_tda.store.tables import experiments, metadata, performers, runs
from support.laboratory import bench_on, fakes, performed

__all__ = ["fakes"]

CONFIG: dict[str, Any] = {"network": ["Echo"], "prompts": ["a"], "embedding_models": ["Ruler"], "max_length": 3}


def nothing_was_created(record: Record) -> bool:
    with record.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(experiments)).scalar_one() == 0


def test_a_missing_package_is_found_before_anything_is_created(record: Record, fakes: dict[str, ModelSpec]) -> None:
    fakes["Echo"] = replace(fakes["Echo"], requires=("no_such_package",))
    with pytest.raises(PrerequisiteError, match="no_such_package") as caught:
        performed(record, CONFIG)
    assert caught.value.hint == "pip install no_such_package"
    assert nothing_was_created(record)


def test_missing_weights_are_found_before_anything_is_created(record: Record, fakes: dict[str, ModelSpec]) -> None:
    weights = Weights("no-such-distribution", "1.0", "file.onnx", "0" * 64, 10)
    fakes["Echo"] = replace(fakes["Echo"], weights=(weights,))
    with pytest.raises(PrerequisiteError, match="no-such-distribution"):
        performed(record, CONFIG)
    assert nothing_was_created(record)


def test_a_model_larger_than_the_budget_is_found_before_anything_is_created(
    record: Record, fakes: dict[str, ModelSpec]
) -> None:
    fakes["Echo"] = replace(fakes["Echo"], memory_bytes=3 * 2**30)
    with pytest.raises(InsufficientMemory, match=r"Echo needs 3\.00 GiB \(estimated\), the memory budget is 1\.00 GiB"):
        performed(record, CONFIG, executor=InProcessExecutor(memory_budget=2**30))
    assert nothing_was_created(record)


def test_every_fault_of_every_model_is_listed(fakes: dict[str, ModelSpec]) -> None:
    executor = InProcessExecutor(memory_budget=1)
    broken = replace(fakes["Echo"], requires=("no_such_package",))
    assert len(faults({"Echo": broken, "Ruler": fakes["Ruler"]}, executor)) == 3
    executor.close()


def test_an_experiment_keeps_to_the_versions_it_was_started_with(record: Record, fakes: dict[str, ModelSpec]) -> None:
    key = performed(record, CONFIG).id
    fakes["Echo"] = replace(fakes["Echo"], revision=2)
    with bench_on(record) as bench, pytest.raises(ModelVersionChanged, match=f"{key} was started with Echo@1"):
        perform(bench, [key])


def test_extending_needs_something_to_add_and_never_shrinks(record: Record, fakes: dict[str, ModelSpec]) -> None:
    key = performed(record, CONFIG).id
    with bench_on(record) as bench:
        with pytest.raises(RequestError, match="nothing to extend"):
            extend(bench, key)
        with pytest.raises(RequestError, match="cannot shrink"):
            extend(bench, key, max_length=2)
        with pytest.raises(NotFound):
            extend(bench, "no-such-id", max_length=9)


def test_a_fault_of_the_database_is_one_clear_error_and_the_work_resumes(
    sqlite_record: Record, fakes: dict[str, ModelSpec]
) -> None:
    with bench_on(sqlite_record) as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
        with sqlite_record.writing() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER full BEFORE INSERT ON invocations WHEN NEW.sequence_number = 1 "
                "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            )
        with pytest.raises(RecordError, match="disk is full") as caught:
            perform(bench, [key])
        assert "resume" in caught.value.hint
        with sqlite_record.writing() as connection:
            connection.exec_driver_sql("DROP TRIGGER full")
        assert perform(bench, [key])[0].status == "completed"


def test_more_runs_than_any_database_takes_in_one_list(record: Record, fakes: dict[str, ModelSpec]) -> None:
    result = performed(record, CONFIG | {"num_runs": 1_200, "max_length": 1})
    assert (result.status, result.runs, result.invocations) == ("completed", 1_200, 1_200)


def test_from_python_perform_resume_and_extend(sqlite_record: Record) -> None:
    config = {"network": ["DummyT2I", "DummyI2T"], "prompts": ["a"], "embedding_models": ["DummyText"], "max_length": 4}
    settings = Settings(batch_size=2)
    first = perform_experiment(sqlite_record, load_config(config), settings=settings)
    assert resume_experiment(sqlite_record).invocations == first.invocations == 4
    assert extend_experiment(sqlite_record, first.id[:20], prompts=["b"]).invocations == 8
    with sqlite_record.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(runs)).scalar_one() == 2


def test_a_bench_closes_the_executor_it_made_and_not_the_one_it_was_given(sqlite_record: Record) -> None:
    mine = InProcessExecutor()
    with open_bench(sqlite_record, executor=mine) as bench:
        assert bench.executor is mine
    assert mine.resident() == frozenset()
    mine.submit  # noqa: B018  # still there
    mine.close()


def test_the_demonstration_has_three_networks_and_a_fast_form() -> None:
    whole, fast = demo_experiment(), demo_experiment(fast=True)
    assert len(whole.networks) == len(fast.networks) == 3
    assert fast.count_runs() < whole.count_runs()
    assert fast.config.max_length < whole.config.max_length


def performed_elsewhere(record: Record, key: str) -> None:
    with record.writing() as connection:
        elsewhere = Performer(key, 60)
        join(connection, elsewhere)
        connection.execute(sa.update(performers).values(host="another-machine", pid=1))
        with_runs = connection.execute(sa.select(runs.c.id)).scalars().all()
        lease(connection, elsewhere, "generate", with_runs)


def test_what_is_refused_while_another_performs_changes_nothing(record: Record, fakes: dict[str, ModelSpec]) -> None:
    with bench_on(record) as bench:
        key = create(bench, validate_config(CONFIG | {"prompts": ["a", "error"]}, folder=Path()))
        perform(bench, [key])
        performed_elsewhere(record, key)
        before = everything(record)
        with pytest.raises(RecordBusy, match="process 1 on another-machine"):
            extend(bench, key, max_length=9)
        assert everything(record) == before
        assert perform(bench, [key], take_over=True)[0].status == "completed"


def everything(record: Record) -> list[list[Any]]:
    with record.reading() as connection:
        return [sorted(map(str, connection.execute(sa.select(table)))) for table in metadata.sorted_tables]


def test_runs_added_meanwhile_keep_an_experiment_from_being_called_completed(
    record: Record, fakes: dict[str, ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panic_tda.lab.perform.generate", lambda bench, tasks: None)
    assert performed(record, CONFIG).status == "interrupted"


def test_several_experiments_are_created_all_or_none(record: Record, fakes: dict[str, ModelSpec]) -> None:
    fakes["Giant"] = replace(fakes["Echo"], name="Giant", memory_bytes=2**60)
    good = validate_config(CONFIG, folder=Path())
    bad = validate_config(CONFIG | {"network": ["Giant"]}, folder=Path())
    with bench_on(record) as bench, pytest.raises(InsufficientMemory):
        create_together(bench, [good, bad])
    assert nothing_was_created(record)
