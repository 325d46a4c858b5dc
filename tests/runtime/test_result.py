from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime, timedelta

import pytest

from panic_tda.content import Text
from panic_tda.runtime.result import Call, Result, Timings
from support.models import fake_spec

STARTED = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def result(timings: Timings) -> Result:
    return Result((Text("out"),), "Fake@1", (3,), timings, STARTED, "worker 1")


def test_a_result_says_what_ran_where_and_for_how_long() -> None:
    assert [field.name for field in fields(Result)] == [
        "outputs", "model", "seeds", "timings", "started_at", "worker", "finish_reason", "usage", "synthetic",
        "attempts", "process",
    ]  # fmt: skip
    assert [field.name for field in fields(Timings)] == ["queue_s", "load_s", "run_s"]


def test_completion_counts_the_run_and_neither_queue_nor_load() -> None:
    assert result(Timings(queue_s=5, load_s=7, run_s=1.5)).completed_at == STARTED + timedelta(seconds=1.5)


def test_a_result_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        result(Timings()).model = "other"  # type: ignore[misc]


def test_calls_do_not_share_their_default_parameters() -> None:
    first, second = (Call(fake_spec(), (Text("in"),), (0,)) for _ in range(2))
    assert first.parameters == {}
    assert first.parameters is not second.parameters
