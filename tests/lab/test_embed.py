"""The embed stage reads what lacks a vector in pages, however long the runs are."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import sqlalchemy as sa

from panic_tda.content import Content
from panic_tda.lab.embed import embed
from panic_tda.lab.validation import validate_config
from panic_tda.lab.workbench import Task, Workbench
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.result import Call, Result
from panic_tda.store.database import Record
from panic_tda.store.model_versions import register
from panic_tda.store.tables import embeddings
from support.contents import image, numbered
from support.laboratory import EMBEDDER, bench_on, fakes
from support.models import fake_spec
from support.records import grow, plant

__all__ = ["fakes"]


class Listening(InProcessExecutor):
    """Remembers the size of every batch, and tells the bench to stop at one of them."""

    def __init__(self, stop_at: int = 0) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.bench: Workbench | None = None
        self._stop_at = stop_at

    def submit(self, call: Call) -> Future[Result]:
        self.batches.append(len(call.inputs))
        if self.bench and len(self.batches) == self._stop_at:
            self.bench.stop.set()
        return super().submit(call)


def task_of(record: Record, outputs: Sequence[Content], embedder: ModelSpec) -> Task:
    """An experiment with one run that made these outputs."""
    network = ["Painter", "Reader"]
    config = {"network": network, "prompts": ["a"], "embedding_models": [embedder.name], "max_length": len(outputs)}
    experiment = validate_config(config, folder=Path())
    with record.writing() as connection:
        key, (run_id,) = plant(connection, max_length=len(outputs))
        grow(connection, run_id, outputs)
        return Task(key, experiment, register(connection, experiment.models().values()))


def embedded(record: Record) -> int:
    with record.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(embeddings)).scalar_one())


def test_a_run_of_more_outputs_than_a_page_is_embedded_whole_in_full_batches(
    record: Record, fakes: dict[str, ModelSpec]
) -> None:
    task = task_of(record, numbered(4_100), EMBEDDER)
    executor = Listening()
    with bench_on(record, executor=executor, batch_size=1_024) as bench:
        embed(bench, task)
        embed(bench, task)
    assert executor.batches == [1_024] * 4 + [4]
    assert embedded(record) == 4_100


def test_images_are_loaded_for_their_batch(record: Record, fakes: dict[str, ModelSpec]) -> None:
    looker = fakes["Looker"] = fake_spec("Looker", "image -> vector")
    task = task_of(record, [image(number) for number in range(10)], looker)
    executor = Listening()
    with bench_on(record, executor=executor, batch_size=4) as bench:
        embed(bench, task)
    assert executor.batches == [4, 4, 2]
    assert embedded(record) == 10


def test_asked_to_stop_it_stores_what_is_in_flight_and_begins_nothing(
    record: Record, fakes: dict[str, ModelSpec]
) -> None:
    task = task_of(record, numbered(100), EMBEDDER)
    executor = Listening(stop_at=2)
    with bench_on(record, executor=executor, batch_size=10) as bench:
        executor.bench = bench
        embed(bench, task)
        assert (executor.batches, embedded(record)) == ([10, 10], 20)
        bench.stop.clear()
        embed(bench, task)
    assert embedded(record) == 100
