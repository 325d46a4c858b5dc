"""Tunings that begin by themselves, by a clock that the test puts forward and back."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from panic_tda.server.schedule import Schedule
from panic_tda.settings import Settings
from support.checkpoints import Twins, require_libraries, twins
from support.servers import BEARER, Running, running
from support.tuning import NAME, tiny_embedder
from support.waiting import eventually

__all__ = ["twins"]

require_libraries()
pytest.importorskip("datasets")

BERLIN = ZoneInfo("Europe/Berlin")


@dataclass
class Clock:
    """Stands still until it is put to another time."""

    shows: str
    looks: int = 0

    def __call__(self) -> datetime:
        self.looks += 1
        return datetime.fromisoformat(self.shows)

    def put(self, shows: str) -> None:
        """Returns when somebody has looked at the new time, and acted upon it."""
        self.shows, before = shows, self.looks
        assert eventually(lambda: self.looks > before + 4)


@pytest.fixture
def schedule(twins: Twins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Schedule:
    """Due at 02:30, with pairs that come through a pipe."""
    tiny_embedder(twins, tmp_path / "cache", monkeypatch)
    monkeypatch.setattr("panic_tda.training.process.child.FAREWELL_S", 0.2)
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "tune.json").write_text(json.dumps({"model": NAME, "corpus": {"pairs": ["pipe.jsonl"]}}))
    return Schedule("30 2 * * *", BERLIN, tmp_path / "tune.json", Clock("2026-10-25T02:29:59+02:00"), glance_s=0.01)


def due(server: Running) -> list[Any]:
    return [line for line in server.log if line["event"] == "finetune due"]


def test_a_due_time_is_met_once_and_skipped_while_a_tuning_is_at_work(schedule: Schedule, tmp_path: Path) -> None:
    clock = schedule.clock
    assert isinstance(clock, Clock)
    with running(Settings(executor="inprocess"), schedule=schedule) as server:
        assert server.get("/finetunes").json() == []
        clock.put("2026-10-25T02:30:00+02:00")
        assert due(server)[0]["due"] == "2026-10-25T02:30:00+02:00"
        [first] = server.get("/finetunes").json()
        assert (first["by"], first["model"]) == ("schedule", NAME)

        clock.put("2026-10-25T02:29:59+02:00")  # somebody puts it back
        clock.put("2026-10-25T02:30:00+02:00")
        clock.put("2026-10-25T02:30:00+01:00")  # the same time of day comes again
        assert len(due(server)) == 1
        clock.put("2026-10-26T02:30:00+01:00")
        assert (due(server)[1]["due"], due(server)[1]["state"]) == ("2026-10-26T02:30:00+01:00", "skipped")
        assert due(server)[1]["reason"].startswith(first["id"])

        (tmp_path / "tune.json").write_text("{}")
        clock.put("2026-10-29T12:00:00+01:00")  # of those that were missed, one
        assert "model: is required" in due(server)[2]["fault"]
        assert [each["state"] for each in server.get("/finetunes").json()] == ["skipped", "running"]
        assert server.post(f"/finetunes/{first['id']}/cancel", headers=BEARER).status_code == 202
    assert len(due(server)) == 3
