"""Measuring a model, and what later experiments make of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from panic_tda.content import Image, Text
from panic_tda.errors import ModelCallFailed
from panic_tda.lab.forecast import forecast
from panic_tda.lab.laboratory import load_config, open_bench, perform
from panic_tda.lab.measuring.measure import Measured, best_batch, measure, sizes_to_try
from panic_tda.lab.measuring.trial_inputs import DISTINCT, trial_inputs
from panic_tda.lab.status import seconds_per_item
from panic_tda.models.catalogue import find
from panic_tda.models.measurements import read_measurements, remember
from panic_tda.models.model import MemorySource, ModelSpec, Tier
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.result import Call, Result
from panic_tda.signature import Kind
from panic_tda.store.database import Record
from panic_tda.store.settings import read_setting, sanity_key, write_setting
from support.heavy_models import heavy_spec
from support.measurements import measurement
from support.models import fake_spec

BUDGET = 2**30


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing that was measured elsewhere, and nothing left behind."""
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))


class Watched(InProcessExecutor):
    """Remembers the sizes of the batches it ran."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[str, list[int]] = {}

    def submit(self, call: Call) -> Future[Result]:
        """Like any other executor."""
        self.sizes.setdefault(call.spec.name, []).append(len(call.inputs))
        return super().submit(call)


def measured(record: Record, spec: ModelSpec, *sizes: int) -> Measured:
    return measure(record, spec, budget_bytes=BUDGET, sizes=sizes)


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
def test_the_smallest_batch_within_five_percent_of_the_best_wins(seconds: Callable[[int], float], size: int) -> None:
    assert best_batch({n: seconds(n) / n for n in (1, 2, 4, 8, 16, 32)}) == size


@pytest.mark.parametrize(("own", "largest"), [(1, 32), (32, 32), (64, 64), (500, 256)])
def test_powers_of_two_are_tried_up_to_32_or_the_models_own_batch_size(own: int, largest: int) -> None:
    assert sizes_to_try(fake_spec(batch_size=own))[-1] == largest


def test_what_was_measured_is_what_later_experiments_are_planned_and_performed_with(
    sqlite_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {
        "network": ["DummyT2I", "DummyI2T"],
        "prompts": [f"prompt {number}" for number in range(16)],
        "embedding_models": ["DummyText"],
        "max_length": 2,
    }
    before = find("DummyT2I")
    found = measured(sqlite_record, before, 2).measurement
    remember(replace(found, batch_size=8, peak_bytes={8: 300_000_000}, seconds_per_item={8: 0.1}))
    after = find("DummyT2I")
    assert (after.batch_size, after.memory_bytes, after.memory_source) == (8, 300_000_000, MemorySource.MEASURED)
    assert after.version == before.version
    with open_bench(sqlite_record) as bench:
        planned = {model["name"]: model for model in forecast(bench, load_config(config)).models}
    assert (planned["DummyT2I"]["batch_size"], planned["DummyT2I"]["memory_source"]) == (8, "measured")
    assert (planned["DummyI2T"]["batch_size"], planned["DummyI2T"]["memory_source"]) == (64, "estimated")
    executor = Watched()
    monkeypatch.setattr("panic_tda.lab.laboratory.make_executor", lambda *_, **__: executor)
    perform(sqlite_record, load_config(config))
    assert executor.sizes["DummyT2I"] == [8, 8]


def test_the_time_of_an_experiment_is_estimated_from_what_was_measured(sqlite_record: Record) -> None:
    spec = find("DummyText")
    remember(measurement(spec, batch_size=4, seconds_per_item={1: 1.0, 4: 0.25}))
    with sqlite_record.reading() as connection:
        assert seconds_per_item(connection, spec.name, spec.version) == 0.25
        assert seconds_per_item(connection, spec.name, "another") is None


def test_a_flag_wins_and_what_an_earlier_release_kept_in_the_record_counts_until_the_model_is_measured_here(
    sqlite_record: Record,
) -> None:
    spec = find("DummyText")
    with sqlite_record.writing() as connection:
        kept = {"batch_size": 16, "seconds_per_item": {"1": 0.5, "16": 0.1}}
        write_setting(connection, f"measurement:{spec.name}@{spec.version}", kept)
        assert seconds_per_item(connection, spec.name, spec.version) == 0.1
    with open_bench(sqlite_record) as bench:
        assert bench.batch_size_of(spec) == 16
        assert bench.batch_size_of(replace(spec, revision=2)) == spec.batch_size
        remember(measurement(spec, batch_size=4))
        assert bench.batch_size_of(find(spec.name)) == 4
        assert replace(bench, batch_size=5).batch_size_of(find(spec.name)) == 5


def test_a_model_that_fails_on_trial_inputs_raises_and_leaves_nothing(sqlite_record: Record) -> None:
    with pytest.raises(ModelCallFailed, match="ran out of memory on a single item"):
        measured(sqlite_record, heavy_spec(fit=1))
    assert read_measurements() == {}


def test_a_tier_that_does_not_hold_contradicts_the_catalogue_in_words(sqlite_record: Record) -> None:
    found = measured(sqlite_record, heavy_spec("Gregarious", minds="neighbours"), 1)
    assert found.measurement.tier is Tier.SEEDED
    assert found.contradiction == (
        "Gregarious is seeded here, and the catalogue says exact: in a batch of 3 an item gives another result than "
        "alone; from now on it counts as seeded on this machine"
    )
    assert measured(sqlite_record, heavy_spec("Loner"), 1).contradiction == ""


def test_measuring_judges_real_generators_and_remembers(sqlite_record: Record) -> None:
    shouter = fake_spec("Writer", synthetic=False, loader="cli.plugins:load_shouter")
    result = measured(sqlite_record, shouter, 1, 2)
    assert result.verdict is not None
    assert result.verdict.complaint == "every output is repetitive"
    with sqlite_record.reading() as connection:
        remembered = read_setting(connection, sanity_key(shouter.name, shouter.version))
    assert remembered == {"complaint": "every output is repetitive", "accepted": False, "examples": ["'!!!!!!!!'"] * 4}


def test_synthetic_generators_are_not_remembered_as_rubbish(sqlite_record: Record) -> None:
    measured(sqlite_record, find("DummyT2I"), 1)
    with sqlite_record.reading() as connection:
        assert read_setting(connection, sanity_key("DummyT2I", find("DummyT2I").version)) is None


def test_trial_inputs_are_different_sentences_or_pictures_of_them() -> None:
    texts, pictures = trial_inputs(Kind.TEXT, 6), trial_inputs(Kind.IMAGE, 6)
    assert all(isinstance(content, Text) for content in texts)
    assert all(isinstance(content, Image) for content in pictures)
    for contents in (texts, pictures):
        assert len({content.sha256 for content in contents}) == DISTINCT
        assert contents[:2] == contents[4:]
        assert all(one != other for one, other in pairwise(contents))
