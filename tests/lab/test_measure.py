"""Measuring a model, and what later experiments make of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from cli.plugins import add_models
from panic_tda.content import Image, Text
from panic_tda.errors import ModelCallFailed
from panic_tda.lab.forecast import forecast
from panic_tda.lab.laboratory import load_config, open_bench, perform
from panic_tda.lab.measure import Measurement, measure, trial_inputs
from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.mock import MockExecutor
from panic_tda.runtime.result import Call, Result, Timings
from panic_tda.signature import Kind
from panic_tda.store.database import Record
from panic_tda.store.settings import read_setting, sanity_key
from support.models import fake_spec

SPEC = fake_spec("Writer", batch_size=3)


class Stopwatch(MockExecutor):
    """Answers as if a batch had taken as long as it is told."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        super().__init__(lambda call: tuple(Text(f"output {number}") for number in range(len(call.inputs))))
        self._seconds = seconds

    def submit(self, call: Call) -> Future[Result]:
        """Like the mock, with timings."""
        result = super().submit(call).result()
        timings = Timings(load_s=2.5, run_s=self._seconds(len(call.inputs)))
        future: Future[Result] = Future()
        future.set_result(replace(result, timings=timings, started_at=datetime.now(UTC)))
        return future


class Watched(InProcessExecutor):
    """Remembers the sizes of the batches it ran."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[str, list[int]] = {}

    def submit(self, call: Call) -> Future[Result]:
        """Like any other executor."""
        self.sizes.setdefault(call.spec.name, []).append(len(call.inputs))
        return super().submit(call)


def measured(record: Record, seconds: Callable[[int], float], spec: ModelSpec = SPEC) -> Measurement:
    with open_bench(record, executor=Stopwatch(seconds)) as bench:
        return measure(bench, spec)


@pytest.mark.parametrize(
    ("seconds", "size"),
    [
        (lambda items: 0.1 * items, 1),
        (lambda items: 1.0, 32),
        (lambda items: 1.0 + 0.1 * items, 32),
        (lambda items: max(1.0, 0.25 * items), 4),
        (lambda items: 1.0 if items <= 8 else items**2, 8),
        (lambda items: (1.0 if items == 32 else 1.04) * items, 1),
    ],
)
def test_the_smallest_batch_within_five_percent_of_the_best_wins(
    sqlite_record: Record, seconds: Callable[[int], float], size: int
) -> None:
    result = measured(sqlite_record, seconds)
    assert result.batch_size == size
    assert result.load_seconds == 2.5
    assert result.seconds_per_item == pytest.approx({n: seconds(n) / n for n in (1, 2, 4, 8, 16, 32)})


def test_the_stored_batch_size_is_used_by_the_next_experiment(
    sqlite_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_models(monkeypatch, SPEC)
    config = {
        "network": ["Writer"],
        "prompts": [f"prompt {number}" for number in range(16)],
        "embedding_models": ["DummyText"],
        "max_length": 2,
    }
    before = Watched()
    sizes = before.sizes
    with open_bench(sqlite_record, executor=before) as bench:
        assert forecast(bench, load_config(config)).models[0]["batch_size"] == 3
        measure(bench, SPEC, sizes=(8,))
    assert set(sizes["Writer"]) == {1, 8, 4}
    executor = Watched()
    monkeypatch.setattr("panic_tda.lab.laboratory.make_executor", lambda *_, **__: executor)
    perform(sqlite_record, load_config(config))
    assert executor.sizes["Writer"] == [8, 8, 8, 8]


def test_a_flag_wins_over_what_was_measured(sqlite_record: Record) -> None:
    measured(sqlite_record, lambda items: 1.0)
    with open_bench(sqlite_record) as bench:
        assert bench.batch_size_of(SPEC) == 32
        assert replace(bench, batch_size=5).batch_size_of(SPEC) == 5
        assert bench.batch_size_of(replace(SPEC, revision=2)) == 3


def test_a_model_that_fails_on_trial_inputs_raises_and_leaves_nothing(sqlite_record: Record) -> None:
    executor = MockExecutor(lambda call: (ModelCallFailed("out of ink"),) * len(call.inputs))
    with open_bench(sqlite_record, executor=executor) as bench, pytest.raises(ModelCallFailed, match="out of ink"):
        measure(bench, SPEC)
    with open_bench(sqlite_record) as bench:
        assert bench.batch_size_of(SPEC) == 3


def test_measuring_judges_real_generators_and_remembers(sqlite_record: Record) -> None:
    shouter = replace(SPEC, synthetic=False, loader="cli.plugins:load_shouter")
    with open_bench(sqlite_record) as bench:
        result = measure(bench, shouter, sizes=(1, 2))
    assert result.verdict is not None
    assert result.verdict.complaint == "every output is repetitive"
    with sqlite_record.reading() as connection:
        remembered = read_setting(connection, sanity_key(shouter.name, shouter.version))
    assert remembered == {
        "complaint": "every output is repetitive",
        "accepted": False,
        "examples": ["'!!!!!!!!'"] * 4,
    }


@pytest.mark.parametrize("name", ["DummyText", "DummyVision"])
def test_embedders_are_measured_but_not_judged(sqlite_record: Record, name: str) -> None:
    with open_bench(sqlite_record) as bench:
        assert measure(bench, find(name), sizes=(1, 2)).verdict is None


def test_synthetic_generators_are_not_remembered_as_rubbish(sqlite_record: Record) -> None:
    with open_bench(sqlite_record) as bench:
        measure(bench, find("DummyT2I"), sizes=(1,))
    with sqlite_record.reading() as connection:
        assert read_setting(connection, sanity_key("DummyT2I", find("DummyT2I").version)) is None


def test_trial_inputs_are_different_sentences_or_pictures_of_them() -> None:
    texts, pictures = trial_inputs(Kind.TEXT, 6), trial_inputs(Kind.IMAGE, 6)
    assert all(isinstance(content, Text) for content in texts)
    assert all(isinstance(content, Image) for content in pictures)
    for contents in (texts, pictures):
        assert len({content.sha256 for content in contents}) == 4
        assert contents[:2] == contents[4:]
        assert all(one != other for one, other in pairwise(contents))
