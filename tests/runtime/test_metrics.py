"""What executors count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from panic_tda.errors import WorkerCrashed
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.executors import named_executor
from panic_tda.runtime.metrics import COLUMNS, Histogram, rows
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.runtime.result import Call
from panic_tda.settings import Settings
from support.contents import texts
from support.models import fake_spec
from support.trouble import trouble_spec


@pytest.fixture(params=["inprocess", "process"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made = named_executor(request.param, Settings(workers=1))
    yield made
    made.close()


def test_calls_items_and_faults_are_counted_by_model(executor: Executor) -> None:
    for wishes in (("a", "b"), ("error", "c", "number")):
        executor.submit(Call(fake_spec(), texts(*wishes), (0,) * len(wishes))).result(60)
    model = executor.snapshot().models["Fake"]
    assert (model.calls, model.items) == (2, 5)
    assert model.errors == {"ModelCallFailed": 1, "InvalidOutput": 1}
    assert [sum(each.counts) for each in (model.queue, model.load, model.run)] == [2, 1, 2]
    assert executor.snapshot().resident == {"Fake": 2**20}
    assert executor.snapshot().waiting == 0


def test_repetitions_and_restarts_are_counted(tmp_path: Path) -> None:
    executor = ProcessExecutor(size=1)
    executor.submit(Call(trouble_spec(), texts(f"once {tmp_path / 'a'} kill"), (0,))).result(60)
    with pytest.raises(WorkerCrashed):
        executor.submit(Call(trouble_spec(), texts("kill"), (0,))).result(60)
    found = executor.snapshot()
    assert found.models["Trouble"].repeated == {"WorkerCrashed": 1}
    assert found.models["Trouble"].errors == {"WorkerCrashed": 1}
    (row,) = rows(found)
    assert len(row) == len(COLUMNS)
    assert row[:4] == ("Trouble", "2", "1", "1 WorkerCrashed, 1 WorkerCrashed (repeated)")
    executor.close()


def test_a_histogram_counts_each_time_once() -> None:
    histogram = Histogram()
    for seconds in (0.0, 0.001, 0.0011, 5.0, 1e6):
        histogram.add(seconds)
    assert sum(histogram.counts) == 5
    assert (histogram.counts[0], histogram.counts[1], histogram.counts[-1]) == (2, 1, 1)
    assert histogram.mean_s == pytest.approx((5.0021 + 1e6) / 5)
