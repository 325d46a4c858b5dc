"""Programs where models run in worker processes: known to each worker, gone everywhere, and the same in the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from panic_tda.content import Text
from panic_tda.errors import ProgramNotFound
from panic_tda.lab.perform import create, perform
from panic_tda.lab.programs import Programs
from panic_tda.lab.validation import validate_config
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.runtime.result import Call, Result
from panic_tda.store.database import Record
from support.canonical import canonical
from support.contents import values
from support.laboratory import bench_on, fakes
from support.talkers import MUMBLER, TALKER
from support.threads import beside
from support.trouble import trouble_spec

__all__ = ["fakes"]

WORKERS = 3
MEET: dict[str, Any] = {"signature": "text -> said", "strategy": "direct", "model": "Trouble"}
ASK: dict[str, Any] = {
    "signature": "question -> answer: Literal['yes', 'no']",
    "strategy": "predict",
    "model": "Talker",
    "parameters": {"temperature": 1.0},
}
SAY: dict[str, Any] = {
    "signature": "text, style -> said",
    "strategy": "template",
    "model": "Mumbler",
    "parameters": {"template": "{style} {text}"},
}
CONFIG: dict[str, Any] = {
    "programs": {"Say": SAY, "Ask": ASK},
    "networks": [[{"model": "Say", "style": "dry"}, "Ask"]],
    "prompts": ["a boat", "a car"],
    "seeds": [3, 4],
    "embedding_models": ["DummyText"],
    "max_length": 4,
}


@pytest.fixture(autouse=True)
def models(fakes: dict[str, ModelSpec]) -> None:
    fakes |= {spec.name: spec for spec in (TALKER, MUMBLER, trouble_spec())}


def met(executor: ProcessExecutor, spec: ModelSpec, folder: Path) -> list[Result]:
    """As many calls as there are workers; none is answered before each worker has one."""
    folder.mkdir()
    wish = Text(f"meet {folder} {WORKERS}")
    calls = [executor.submit(Call(spec, (wish,), (7,))) for _ in range(WORKERS)]
    return [call.result(timeout=120) for call in calls]


def test_a_program_runs_on_every_worker_over_one_model_in_each_until_it_is_deleted(
    sqlite_record: Record, tmp_path: Path
) -> None:
    executor = ProcessExecutor(size=WORKERS)
    with Programs(sqlite_record, executor=executor) as programs:
        first, second = (
            programs.create("Meet", MEET),
            programs.create("Again", MEET | {"parameters": {"temperature": 1}}),
        )
        everywhere = {f"process-{number}" for number in range(WORKERS)}
        for spec, folder in ((first, "once"), (second, "twice")):
            results = met(executor, spec, tmp_path / folder)
            assert {result.worker for result in results} == everywhere
            assert [values(result.outputs) for result in results] == [["1"]] * WORKERS
        resident = executor.snapshot().resident
        assert {resident[name] for name in (first.name, second.name, "Trouble")} == {WORKERS}
        programs.delete("Meet")
        for call in [beside(lambda: programs.run("Meet", text="hello")) for _ in range(WORKERS)]:
            with pytest.raises(ProgramNotFound, match="there is no program 'Meet'"):
                call.result(timeout=60)
        assert programs.run("Again", text="hello").outputs == {"said": "hello 0"}
    executor.close()


def test_an_experiment_of_programs_gives_the_same_record_in_worker_processes(
    sqlite_record: Record, tmp_path: Path
) -> None:
    found = []
    for executor in (None, ProcessExecutor(size=2)):
        with bench_on(sqlite_record, executor=executor) as bench:
            key = create(bench, validate_config(CONFIG, folder=tmp_path))
            assert perform(bench, [key])[0].status == "completed"
            found.append(canonical(sqlite_record, key))
    assert found[0] == found[1]
    assert len(found[0]["invocations"]) == 4 * 4
