"""The generate stage: failures stay with their run, loops are true loops, and asking to stop is heard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.errors import TooManyFailures
from panic_tda.lab.perform import create, outcome, perform
from panic_tda.lab.progress import Progress
from panic_tda.lab.status import experiment_status
from panic_tda.lab.validation import validate_config
from panic_tda.models.model import ModelSpec
from panic_tda.store.database import Record
from panic_tda.store.outputs import known_outputs
from panic_tda.store.runs import list_runs, run_trajectory
from panic_tda.store.tables import invocations, outputs, runs
from support.laboratory import bench_on, fakes, performed

__all__ = ["fakes"]

ECHO = {"network": ["Echo"], "embedding_models": ["Ruler"], "max_length": 4, "seeds": [-1]}


def status_of(record: Record) -> dict[str, Any]:
    with record.reading() as connection:
        return experiment_status(connection, "latest")


def test_the_dummies_of_the_earlier_implementation_do_not_stop_on_a_false_loop(record: Record) -> None:
    """Their images of steps 28 and 86 only look alike; identity is the exact pixels."""
    config = {
        "network": ["DummyT2I", "DummyI2T"],
        "prompts": ["Test prompt"],
        "seeds": [42],
        "embedding_models": ["DummyText"],
        "max_length": 120,
    }
    performed(record, config)
    with record.reading() as connection:
        run = run_trajectory(connection, "latest")
    assert len(run["invocations"]) > 87
    assert run["invocations"][1]["text"] == "dummy caption: simple view #849"
    assert run["invocations"][28]["image_sha256"] != run["invocations"][86]["image_sha256"]


def test_a_true_loop_stops_the_run_and_its_period_is_recorded(record: Record, fakes: dict[str, ModelSpec]) -> None:
    config = {
        "network": [{"model": "SmolLM2", "temperature": 0.0, "max_tokens": 4}],
        "prompts": ["yes"],
        "seeds": [3],
        "embedding_models": ["MiniLM"],
        "max_length": 40,
    }
    assert performed(record, config).status == "completed"
    with record.reading() as connection:
        run = run_trajectory(connection, "latest")
    keys = [step["text"] for step in run["invocations"]]
    assert run["stop_reason"] == "loop"
    assert keys[-1] == keys[-1 - run["period"]]
    assert len(set(keys)) == len(keys) - 1


def test_one_failing_run_does_not_harm_the_others(record: Record, fakes: dict[str, ModelSpec]) -> None:
    config = ECHO | {"prompts": ["one", "error on this", "raise here", "two"]}
    result = performed(record, config)
    assert (result.status, result.failures, result.invocations) == ("completed", 2, 8)
    shown = status_of(record)
    assert shown["stop_reasons"] == {"length": 2, "loop": 0, "failed": 2}
    assert {failure["error"] for failure in shown["failures"]} == {"ModelCallFailed"}
    assert all(failure["run_id"] and failure["sequence_number"] == 0 for failure in shown["failures"])


def test_an_experiment_whose_every_run_failed_has_failed(record: Record, fakes: dict[str, ModelSpec]) -> None:
    assert performed(record, ECHO | {"prompts": ["error 1", "error 2"]}).status == "failed"


def test_failed_runs_are_tried_again_only_when_asked(record: Record, fakes: dict[str, ModelSpec]) -> None:
    with bench_on(record) as bench:
        key = create(bench, validate_config(ECHO | {"prompts": ["error", "fine"]}, folder=Path()))
        assert perform(bench, [key])[0].failures == 1
        assert perform(bench, [key])[0].failures == 1
        fakes["Echo"] = replace(fakes["Echo"], loader="support.mended:load")
    with bench_on(record) as bench:
        mended = perform(bench, [key], retry_failed=True)[0]
    assert (mended.status, mended.failures, mended.invocations) == ("completed", 0, 8)


@pytest.mark.parametrize(("share", "stops"), [(0.0, True), (0.24, True), (0.25, False), (1.0, False)])
def test_too_many_failures_stop_the_work(
    record: Record, fakes: dict[str, ModelSpec], share: float, stops: bool
) -> None:
    config = ECHO | {"prompts": ["error", "a", "b", "c"]}
    if not stops:
        assert performed(record, config, fail_on_error=share).status == "completed"
        return
    with pytest.raises(TooManyFailures, match="1 of 4 runs failed"):
        performed(record, config, fail_on_error=share, batch_size=1)
    shown = status_of(record)
    assert shown["status"] == "failed"
    assert shown["stop_reasons"]["failed"] == 1


def test_a_model_that_does_not_load_fails_the_runs_that_need_it_and_no_others(
    record: Record, fakes: dict[str, ModelSpec]
) -> None:
    fakes["Broken"] = replace(fakes["Echo"], name="Broken", loader="support.models:load_badly")
    config = ECHO | {"prompts": ["a"]}
    del config["network"]
    result = performed(record, config | {"networks": [["Echo"], ["Echo", "Broken"]]})
    assert (result.status, result.failures, result.invocations) == ("completed", 1, 5)


def test_drawn_seeds_are_stored_with_each_invocation(record: Record, fakes: dict[str, ModelSpec]) -> None:
    drawn = iter([11, 22, 33, 44])
    performed(record, ECHO | {"prompts": ["a"]}, draw=lambda: next(drawn))
    with record.reading() as connection:
        seeds = connection.execute(sa.select(invocations.c.seed).order_by(invocations.c.sequence_number)).scalars()
        assert list(seeds) == [11, 22, 33, 44]
        assert connection.execute(sa.select(runs.c.seed)).scalar_one() == -1


def test_each_invocation_takes_what_the_one_before_made(record: Record) -> None:
    config = {
        "network": ["DummyT2I", "DummyI2T"],
        "prompts": ["a", "b"],
        "embedding_models": ["DummyText"],
        "max_length": 9,
    }
    performed(record, config)
    with record.reading() as connection:
        for run in connection.execute(sa.select(runs)):
            mine = sa.select(invocations).where(invocations.c.run_id == run.id).order_by(invocations.c.sequence_number)
            given = run.prompt_id
            for step in connection.execute(mine):
                assert step.input_id == given
                given = step.output_id


def test_an_image_prompt_starts_a_network_that_takes_images(record: Record, tmp_path: Path) -> None:
    from PIL import Image as pillow

    pillow.new("RGB", (40, 30), (200, 10, 30)).save(tmp_path / "start.png")
    config = {
        "networks": [["DummyI2T", "DummyT2I"], ["DummyT2I", "DummyI2T"]],
        "prompts": [{"image": "start.png"}, "a text"],
        "embedding_models": ["DummyVision"],
        "max_length": 3,
    }
    with bench_on(record) as bench:
        key = create(bench, validate_config(config, folder=tmp_path))
        (tmp_path / "start.png").unlink()
        result = perform(bench, [key])[0]
    assert (result.runs, result.invocations) == (2, 6)
    with record.reading() as connection:
        assert sum(run["prompt"].startswith("image ") for run in list_runs(connection)) == 1


def test_equal_outputs_are_stored_once(record: Record, fakes: dict[str, ModelSpec]) -> None:
    config = ECHO | {"prompts": ["a"], "seeds": [5], "num_runs": 10}
    performed(record, config)
    with record.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(invocations)).scalar_one() == 40
        assert connection.execute(sa.select(sa.func.count()).select_from(outputs)).scalar_one() == 5


def test_degenerate_outputs_are_marked_and_not_replaced(record: Record) -> None:
    config = {"network": ["DummyT2I", "DummyI2T"], "prompts": ["a"], "embedding_models": ["DummyText"], "max_length": 1}
    performed(record, config)
    with record.reading() as connection:
        assert run_trajectory(connection, "latest")["invocations"][0]["degenerate"] == "constant"


def test_progress_counts_every_invocation_and_ends_with_nothing_left(
    record: Record, fakes: dict[str, ModelSpec]
) -> None:
    told: list[Progress] = []
    performed(record, ECHO | {"prompts": ["a", "b"]}, report=told.append, batch_size=1)
    generate = [progress for progress in told if progress.stage == "generate"]
    assert [progress.done for progress in generate] == [*range(9), 8]
    assert {progress.total for progress in generate} == {8}
    assert generate[0].seconds_left is None
    assert generate[-1].seconds_left == 0


def test_asking_to_stop_ends_the_work_after_the_batch_in_flight(record: Record, fakes: dict[str, ModelSpec]) -> None:
    with bench_on(record, batch_size=1) as bench:
        key = create(bench, validate_config(ECHO | {"prompts": ["a", "b"]}, folder=Path()))
        object.__setattr__(bench, "report", lambda progress: bench.stop.set() if progress.done == 3 else None)
        assert perform(bench, [key])[0].status == "interrupted"
        assert 3 <= outcome(record, key).invocations < 8


def test_failures_of_earlier_sessions_count_against_the_allowed_share(
    record: Record, fakes: dict[str, ModelSpec]
) -> None:
    config = ECHO | {"prompts": ["error 1", "error 2", "a", "b"]}
    with pytest.raises(TooManyFailures):
        performed(record, config, fail_on_error=0.3, batch_size=2)
    with bench_on(record, fail_on_error=0.3) as bench, pytest.raises(TooManyFailures, match="2 of 4 runs"):
        perform(bench, ["latest"])
    assert status_of(record)["status"] == "failed"


def test_an_output_deleted_by_another_process_meanwhile_is_stored_again(
    sqlite_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"network": ["DummyT2I", "DummyI2T"], "prompts": ["a"], "embedding_models": ["DummyText"], "max_length": 3}
    asked = iter(range(100))

    def known(connection: sa.Connection, keys: Any) -> set[str]:
        return set(keys) if next(asked) == 0 else known_outputs(connection, keys)

    monkeypatch.setattr("panic_tda.lab.generate.known_outputs", known)
    monkeypatch.setattr("panic_tda.lab.generate._LARGE_IMAGE", 0)
    assert performed(sqlite_record, config | {"seeds": [1]}).status == "completed"


def test_someone_who_looks_while_it_works_sees_rates_and_the_time_left(
    record: Record, fakes: dict[str, ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panic_tda.lab.generate._SECONDS_BETWEEN_PACES", 0.0)
    seen: list[dict[str, Any]] = []

    def look(progress: Progress) -> None:
        if (progress.stage, progress.done) == ("generate", 4):
            seen.append(status_of(record))

    performed(record, ECHO | {"prompts": ["a"], "max_length": 6}, report=look, batch_size=1)
    assert seen[0]["status"] == "running"
    assert seen[0]["rates"]["Echo"] > 0
    assert seen[0]["seconds_left"] > 0
