"""What is said about an experiment: how far, how fast, how long still."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cli.plugins import add_models
from panic_tda.lab import perform as performing
from panic_tda.lab.forecast import forecast
from panic_tda.lab.laboratory import load_config, open_bench, perform, resume
from panic_tda.lab.progress import Progress
from panic_tda.lab.status import STAGES, experiment_status
from panic_tda.models import measurements
from panic_tda.models.catalogue import find
from panic_tda.models.weights import Weights
from panic_tda.settings import Settings
from panic_tda.store.database import Record
from panic_tda.store.settings import pace_key, write_setting
from panic_tda.store.tables import runs
from support.measurements import measurement
from support.models import fake_spec

CONFIG: dict[str, Any] = {
    "networks": [["DummyT2I", "DummyI2T"], ["DummyI2T2", "DummyT2I2"][::-1]],
    "prompts": ["a", "b"],
    "seeds": [-1],
    "embedding_models": ["DummyText", "DummyVision"],
    "max_length": 5,
}


def status(record: Record, name: str = "latest") -> dict[str, Any]:
    with record.reading() as connection:
        return experiment_status(connection, name)


def remember(record: Record, **paces: float) -> None:
    with record.writing() as connection:
        for name, seconds in paces.items():
            write_setting(connection, pace_key(name, "1"), seconds)


def interrupted(record: Record, **changes: Any) -> str:
    """Performs an experiment until the first batch is done, and returns its id."""
    stop = threading.Event()

    def after_a_batch(progress: Progress) -> None:
        if progress.done:
            stop.set()

    with open_bench(record, Settings(batch_size=1), progress=after_a_batch, stop=stop) as bench:
        key = performing.create(bench, load_config(CONFIG | changes))
        assert performing.perform(bench, [key])[0].status == "interrupted"
    return key


def test_a_new_experiment_is_at_nothing_of_what_it_expects(sqlite_record: Record) -> None:
    with open_bench(sqlite_record) as bench:
        key = performing.create(bench, load_config(CONFIG))
    found = status(sqlite_record)
    assert (found["id"], found["status"], found["runs"]) == (key, "pending", 4)
    assert found["stages"]["generate"] == {"done": 0, "total": 20}
    assert tuple(found["stages"]) == STAGES
    assert found["stop_reasons"] == {"length": 0, "loop": 0, "failed": 0}
    assert found["completed_at"] is None
    assert found["models"] == dict.fromkeys(load_config(CONFIG).models(), "1")


def test_a_completed_experiment_is_at_all_of_what_it_expects(sqlite_record: Record) -> None:
    outcome = perform(sqlite_record, load_config(CONFIG))
    found = status(sqlite_record)
    assert found["status"] == "completed"
    assert found["stages"] == {
        "generate": {"done": 20, "total": 20},
        "embed": {"done": outcome.embeddings, "total": outcome.embeddings},
        "diagrams": {"done": 8, "total": 8},
        "lyapunov": {"done": 0, "total": 0},
    }
    assert found["stop_reasons"] == {"length": 4, "loop": 0, "failed": 0}
    assert found["created_at"] < found["completed_at"]
    assert found["seconds_left"] == 0
    assert found["rates"].keys() == {"DummyT2I", "DummyI2T", "DummyT2I2", "DummyI2T2", "DummyText", "DummyVision"}
    assert all(rate > 0 for rate in found["rates"].values())


def test_one_step_is_counted_as_one(sqlite_record: Record) -> None:
    key = interrupted(sqlite_record)
    found = status(sqlite_record, key)
    with sqlite_record.reading() as connection:
        lengths = list(connection.execute(sa.select(runs.c.length)).scalars())
    assert found["status"] == "interrupted"
    assert 0 < sum(lengths) < 20
    assert found["stages"]["generate"] == {"done": sum(lengths), "total": 20}
    assert resume(sqlite_record, key).status == "completed"


def test_a_run_that_stopped_early_expects_no_more(sqlite_record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    add_models(monkeypatch, fake_spec("Writer", loader="cli.plugins:load_parrot"))
    changes = {"networks": [["Writer"]], "seeds": [3], "embedding_models": ["DummyText"], "max_length": 50}
    perform(sqlite_record, load_config(CONFIG | changes))
    found = status(sqlite_record)
    assert found["stop_reasons"] == {"length": 0, "loop": 2, "failed": 0}
    assert found["stages"]["generate"] == {"done": 4, "total": 4}
    assert found["stages"]["embed"] == {"done": 1, "total": 1}


def test_failures_are_listed_with_run_and_step(sqlite_record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    add_models(monkeypatch, fake_spec("Writer"))
    changes = {"networks": [["Writer"]], "prompts": ["fine", "error please"], "embedding_models": ["DummyText"]}
    perform(sqlite_record, load_config(CONFIG | changes))
    found = status(sqlite_record)
    assert found["status"] == "completed"
    assert found["stop_reasons"] == {"length": 1, "loop": 0, "failed": 1}
    (failure,) = found["failures"]
    assert failure.keys() == {
        *("stage", "model", "run_id", "sequence_number", "output_id", "error", "message", "occurred_at"),
    }
    assert (failure["stage"], failure["model"], failure["sequence_number"]) == ("generate", "Writer", 0)
    assert failure["message"] == "Writer refuses 'error please'"


def test_the_time_left_is_calls_left_times_the_pace_of_each_model(sqlite_record: Record) -> None:
    with open_bench(sqlite_record) as bench:
        performing.create(bench, load_config(CONFIG))
    remember(sqlite_record, DummyT2I=2.0, DummyI2T=0.5, DummyT2I2=10.0)
    assert status(sqlite_record)["seconds_left"] is None
    remember(sqlite_record, DummyI2T2=1.0)
    assert status(sqlite_record)["seconds_left"] == 2 * (3 * 2.0 + 2 * 0.5 + 3 * 10.0 + 2 * 1.0)
    assert status(sqlite_record)["rates"] == {"DummyT2I": 0.5, "DummyI2T": 2.0, "DummyT2I2": 0.1, "DummyI2T2": 1.0}


def test_a_forecast_counts_calls_by_model(sqlite_record: Record) -> None:
    with open_bench(sqlite_record) as bench:
        found = forecast(bench, load_config(CONFIG | {"seeds": [1, 2, 3]}))
    assert (found.runs, found.invocations, found.feasible, found.warnings) == (12, 60, True, [])
    assert {model["name"]: model["calls"] for model in found.models} == {
        "DummyT2I": 18,
        "DummyI2T": 12,
        "DummyT2I2": 18,
        "DummyI2T2": 12,
        "DummyText": 24,
        "DummyVision": 36,
    }
    assert found.estimated_seconds is None


def test_a_forecast_takes_the_last_pace_or_else_what_was_measured(
    sqlite_record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(CONFIG | {"networks": [["DummyT2I", "DummyI2T"]], "prompts": ["a"]})
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))
    for name in ("DummyT2I", "DummyI2T"):
        measurements.remember(measurement(find(name), batch_size=4, seconds_per_item={1: 9.0, 4: 3.0}))
    with open_bench(sqlite_record) as bench:
        assert forecast(bench, config).estimated_seconds is None
        remember(sqlite_record, DummyText=0.5, DummyVision=0.25)
        measuring = 2 * 0.5 + 3 * 0.25
        assert forecast(bench, config).estimated_seconds == 5 * 3.0 + measuring
        remember(sqlite_record, DummyT2I=1.0)
        assert forecast(bench, config).estimated_seconds == 3 * 1.0 + 2 * 3.0 + measuring


def test_a_forecast_names_every_model_that_cannot_run_here_and_what_to_do(
    sqlite_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Weights("no-such-package", "1.0", "model.bin", "0" * 64, 1)
    add_models(
        monkeypatch,
        replace(fake_spec("Weightless"), weights=(absent,)),
        fake_spec("Giant", megabytes=10**9),
        fake_spec("Bare", requires=("no_such_package",)),
    )
    config = load_config(CONFIG | {"networks": [["Weightless", "Giant", "Bare"]], "embedding_models": ["DummyText"]})
    with open_bench(sqlite_record) as bench:
        found = forecast(bench, config)
    problems = {model["name"]: " ".join(model["problems"]) for model in found.models}
    assert not found.feasible
    assert "panic-tda model download Weightless" in problems["Weightless"]
    assert "Giant" in problems["Giant"]
    assert "pip install no_such_package" in problems["Bare"]
    assert problems["DummyText"] == ""


def test_repeating_a_fixed_seed_is_warned_of(sqlite_record: Record) -> None:
    with open_bench(sqlite_record) as bench:
        repeated = forecast(bench, load_config(CONFIG | {"seeds": [5, -1], "num_runs": 2}))
        drawn = forecast(bench, load_config(CONFIG | {"num_runs": 2}))
    assert repeated.warnings == [
        "num_runs repeats the fixed seeds [5]: models of tier exact give the same trajectory each time"
    ]
    assert drawn.warnings == []
