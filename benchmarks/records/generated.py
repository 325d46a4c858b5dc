"""What several benchmarks begin with: an experiment that is created, and a record of one that is generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from panic_tda.lab.generate import generate
from panic_tda.lab.perform import create
from panic_tda.lab.validation import validate_config
from panic_tda.lab.workbench import Task, Workbench
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.store.database import Record, open_record
from panic_tda.store.model_versions import register

DUMMY_NETWORK = ["DummyT2I", "DummyI2T"]


@contextmanager
def created(
    record: Record, config: Mapping[str, Any], executor: InProcessExecutor | None = None, **options: Any
) -> Iterator[tuple[Workbench, Task]]:
    """A bench and the experiment on it, with all its runs and no step; the executor is closed when the block ends."""
    experiment = validate_config(config, folder=Path())
    executor = executor or InProcessExecutor()
    bench = Workbench(record, executor, **options)
    key = create(bench, experiment)
    with record.writing() as connection:
        task = Task(key, experiment, register(connection, experiment.models().values()))
    yield bench, task
    executor.close()


def fill(path: Path, prompts: list[str], runs: int, length: int) -> None:
    """A new record of ``runs`` × ``length`` dummy invocations, without a vector; the prompts share the runs."""
    config = {
        "network": DUMMY_NETWORK,
        "prompts": prompts,
        "num_runs": runs // len(prompts),
        "embedding_models": ["DummyText"],
        "max_length": length,
    }
    with open_record(path) as record, created(record, config, batch_size=512) as (bench, task):
        generate(bench, [task])
