"""Who performs an experiment: joining, leaving, dying, and coming back too late."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.errors import RecordBusy
from panic_tda.store.database import Record
from panic_tda.store.experiments import delete_experiment, find_experiment
from panic_tda.store.performers import (
    Performer,
    count_performers,
    database_time,
    dismiss_gone,
    hold,
    join,
    leave,
    refuse_if_busy,
    renew,
    status_of,
)
from panic_tda.store.tables import performers
from support.records import plant

ANCIENT = datetime(2001, 1, 1, tzinfo=UTC)


@pytest.fixture
def key(record: Record) -> str:
    with record.writing() as connection:
        return plant(connection)[0]


def joined(record: Record, key: str, *, lease_s: float = 60, **changes: Any) -> Performer:
    """A new performer, with what is different about it."""
    performer = Performer(key, lease_s)
    with record.writing() as connection:
        join(connection, performer)
        if changes:
            mine = performers.c.id == performer.id
            connection.execute(sa.update(performers).where(mine).values(**changes))
    return performer


def left(record: Record, performer: Performer, status: str) -> None:
    with record.writing() as connection:
        leave(connection, performer, status)


def status(record: Record, key: str) -> str:
    with record.reading() as connection:
        return status_of(connection, find_experiment(connection, key))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_an_experiment_runs_from_the_first_to_join_to_the_last_to_leave(record: Record, key: str) -> None:
    assert status(record, key) == "pending"
    first, second = joined(record, key), joined(record, key)
    left(record, first, "interrupted")
    assert status(record, key) == "running"
    left(record, second, "interrupted")
    assert status(record, key) == "interrupted"
    with record.reading() as connection:
        assert find_experiment(connection, key).completed_at is None


def test_what_is_completed_is_so_although_another_has_not_left_yet(record: Record, key: str) -> None:
    first, second = joined(record, key), joined(record, key)
    left(record, first, "completed")
    assert status(record, key) == "completed"
    left(record, second, "interrupted")
    assert status(record, key) == "completed"
    with record.reading() as connection:
        assert find_experiment(connection, key).completed_at is not None


def test_joining_says_what_the_experiment_was_before_and_joining_twice_is_joining_once(
    record: Record, key: str
) -> None:
    performer = Performer(key, 60)
    with record.writing() as connection:
        assert join(connection, performer) == "pending"
        join(connection, performer)
        assert count_performers(connection, key) == 1


@pytest.mark.parametrize(
    "changes", [{"expires_at": ANCIENT, "host": "elsewhere"}, {"expires_at": ANCIENT}], ids=["there", "here"]
)
def test_one_whose_time_has_run_out_is_gone(record: Record, key: str, changes: dict[str, Any]) -> None:
    joined(record, key, **changes)
    assert status(record, key) == "interrupted"
    joined(record, key)
    with record.reading() as connection:
        assert count_performers(connection, key) == 1


def test_one_that_died_on_this_machine_is_gone_at_once(record: Record, key: str) -> None:
    joined(record, key, pid=dead_pid())
    assert status(record, key) == "interrupted"
    with record.writing() as connection:
        dismiss_gone(connection, key)
        assert count_performers(connection, key) == 0


@pytest.mark.parametrize("changes", [{"pid": os.getppid()}, {"pid": 1, "host": "elsewhere"}], ids=["here", "there"])
def test_nobody_changes_an_experiment_that_another_performs(record: Record, key: str, changes: dict[str, Any]) -> None:
    joined(record, key, **changes)
    pid, host = changes["pid"], changes.get("host", socket.gethostname())
    busy = f"experiment {key} is being performed by process {pid} on {host}"
    with record.writing() as connection:
        with pytest.raises(RecordBusy, match=busy) as caught:
            refuse_if_busy(connection, find_experiment(connection, key))
        with pytest.raises(RecordBusy):
            delete_experiment(connection, key)
    assert f"resume {key} --take-over" in caught.value.hint


def test_an_experiment_that_nobody_performs_any_more_can_be_deleted(record: Record, key: str) -> None:
    left(record, joined(record, key), "interrupted")
    with record.writing() as connection:
        delete_experiment(connection, key)


def test_a_process_of_another_user_counts_as_alive(record: Record, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError

    joined(record, key, pid=dead_pid())
    monkeypatch.setattr(os, "kill", refuse)
    assert status(record, key) == "running"


def test_signs_of_life_keep_a_performer_and_do_not_bring_one_back(record: Record, key: str) -> None:
    late, gone = joined(record, key), joined(record, key)
    with record.writing() as connection:
        connection.execute(sa.update(performers).values(expires_at=ANCIENT))
        renew(connection, late)
        dismiss_gone(connection, key)
        renew(connection, gone)
        hold(connection, [late])
        with pytest.raises(RecordBusy, match=f"experiment {key} was taken over from this process"):
            hold(connection, [late, gone])


def test_one_that_others_dismissed_records_nothing_when_it_leaves(record: Record, key: str) -> None:
    old, new = joined(record, key, host="elsewhere"), Performer(key, 60)
    with record.writing() as connection:
        join(connection, new, take_over=True)
        assert count_performers(connection, key) == 1
    left(record, old, "completed")
    assert status(record, key) == "running"
    left(record, new, "failed")
    assert status(record, key) == "failed"


def test_one_that_holds_its_place_is_not_dismissed_before_its_commit(postgresql_location: str) -> None:
    """In SQLite nobody else writes meanwhile; in PostgreSQL the row is locked."""
    from panic_tda.store.database import open_record

    with open_record(postgresql_location) as record:
        with record.writing() as connection:
            key = plant(connection)[0]
        performer = joined(record, key, host="elsewhere")
        with record.writing() as mine, record.writing() as other:
            hold(mine, [performer])
            other.execute(sa.text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
                join(other, Performer(key, 60), take_over=True)
            other.rollback()


def test_the_time_is_that_of_the_database(record: Record) -> None:
    with record.reading() as connection:
        assert abs(database_time(connection) - datetime.now(UTC)) < timedelta(minutes=1)
