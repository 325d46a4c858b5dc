from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.errors import PanicError, RecordUnavailable, RequestError
from panic_tda.store.database import Record, open_record
from panic_tda.store.revisions import HEAD
from panic_tda.store.settings import read_setting, write_setting
from support.postgresql import Server

OPENERS = 6


def revision(record: Record) -> str:
    with record.reading() as connection:
        return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one())


def refused(location: str | Path, **options: Any) -> PanicError:
    with pytest.raises((RequestError, RecordUnavailable)) as caught:
        open_record(location, **options)
    assert "\n" not in caught.value.message
    return caught.value


def test_sqlite_is_durable_and_checks_references(sqlite_record: Record) -> None:
    pragmas = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 60_000}
    for begin in (sqlite_record.reading, sqlite_record.writing):
        with begin() as connection:
            for pragma, value in pragmas.items():
                assert connection.execute(sa.text(f"PRAGMA {pragma}")).scalar_one() == value


def test_a_record_is_closed_by_its_block(sqlite_location: str) -> None:
    with open_record(sqlite_location) as record:
        assert revision(record) == HEAD
    Path(sqlite_location).rename(sqlite_location + ".moved")
    assert not Path(sqlite_location + "-wal").exists()


def test_a_record_says_where_it_is_without_the_password(sqlite_record: Record, sqlite_location: str) -> None:
    assert sqlite_record.location == sqlite_location
    engine = sa.create_engine("postgresql+psycopg://user:secret@host/name")
    assert Record(engine).location == "postgresql+psycopg://user:***@host/name"


def test_a_reader_sees_one_state_from_its_beginning_to_its_end(record: Record) -> None:
    with record.writing() as connection:
        write_setting(connection, "key", "before")
    with record.reading() as reader:
        assert read_setting(reader, "key") == "before"
        with record.writing() as writer:
            write_setting(writer, "key", "after")
        assert read_setting(reader, "key") == "before"
    with record.reading() as reader:
        assert read_setting(reader, "key") == "after"


def write_and_fail(record: Record) -> None:
    with record.writing() as connection:
        write_setting(connection, "key", 1)
        raise ZeroDivisionError


def test_a_block_that_raises_writes_nothing(record: Record) -> None:
    with pytest.raises(ZeroDivisionError):
        write_and_fail(record)
    with record.reading() as connection:
        assert read_setting(connection, "key") is None


def test_writers_wait_for_each_other(record: Record) -> None:
    with record.writing() as connection:
        write_setting(connection, "count", 0)

    def increment(_: int) -> None:
        with record.writing() as connection:
            locked = sa.text("SELECT value FROM settings WHERE key = 'count'")
            if connection.dialect.name == "postgresql":
                locked = sa.text("SELECT value FROM settings WHERE key = 'count' FOR UPDATE")
            connection.execute(locked)
            write_setting(connection, "count", read_setting(connection, "count") + 1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(increment, range(40)))
    with record.reading() as connection:
        assert read_setting(connection, "count") == 40


def at_once(openers: int, open_one: Callable[[int], Record]) -> list[str]:
    start = Barrier(openers)

    def opened(number: int) -> str:
        start.wait(timeout=60)
        with open_one(number) as record:
            return revision(record)

    with ThreadPoolExecutor(openers) as pool:
        return list(pool.map(opened, range(openers)))


def test_threads_may_create_the_same_record_at_once(blank: str) -> None:
    assert at_once(OPENERS, lambda _: open_record(blank)) == [HEAD] * OPENERS


def test_threads_may_create_different_records_at_once(tmp_path: Path) -> None:
    assert at_once(OPENERS, lambda number: open_record(tmp_path / f"{number}.sqlite")) == [HEAD] * OPENERS


def test_processes_may_create_the_same_record_at_once(blank: str) -> None:
    program = f"import sys; sys.stdin.readline(); from panic_tda import open_record; open_record({blank!r}).close()"
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=120)[1] for process in processes] == [""] * 3
    assert [process.returncode for process in processes] == [0] * 3
    with open_record(blank, create=False) as record:
        assert revision(record) == HEAD


def test_a_missing_file_is_only_created_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    fault = refused(path, create=False)
    assert fault.message == f"there is no database at {path}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("location", "message"),
    [
        (":memory:", "a record lives in a file, not in memory"),
        ("sqlite://", "a record lives in a file, not in memory"),
        ("", "a record lives in a file, not in memory"),
        ("{tmp}", "{tmp} is a folder"),
        ("{tmp}/no/such/record.sqlite", "there is no folder {tmp}/no/such"),
        ("mysql://localhost/panic", "mysql is not supported"),
        ("nonsense://x", "nonsense is not supported"),
        ("://x", "'://x' is neither a path nor an SQLAlchemy URL"),
        ("postgresql://host:port/name", "neither a path nor an SQLAlchemy URL"),
        ("{tmp}/" + 300 * "x", "File name too long"),
    ],
)
def test_a_location_that_cannot_be_is_one_clear_error(tmp_path: Path, location: str, message: str) -> None:
    fault = refused(location.replace("{tmp}", str(tmp_path)))
    assert message.replace("{tmp}", str(tmp_path)) in fault.message
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("remember the milk\n" * 100)
    fault = refused(path)
    assert isinstance(fault, RecordUnavailable)
    assert fault.message == f"{path}: file is not a database"
    assert path.read_text() == "remember the milk\n" * 100
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    before = path.read_bytes()
    assert "is not a panic-tda database (it has the tables recipes)" in refused(path).message
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_of_something_else_is_refused_on_a_server_too(blank_postgresql: str) -> None:
    engine = sa.create_engine(blank_postgresql.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE recipes (name text)"))
    engine.dispose()
    assert "is not a panic-tda database (it has the tables recipes)" in refused(blank_postgresql).message


def test_a_server_that_does_not_answer_is_one_clear_error(tmp_path: Path) -> None:
    fault = refused(f"postgresql://user:secret@/name?host={tmp_path}")
    assert isinstance(fault, RecordUnavailable)
    assert "secret" not in str(fault)
    assert "check --db" in fault.hint


def test_a_database_that_the_server_does_not_have_is_one_clear_error(postgresql_server: Server) -> None:
    assert 'database "nowhere" does not exist' in refused(postgresql_server.url("nowhere")).message


def test_postgresql_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert refused("postgresql://localhost/name").hint == "pip install 'panic-tda[postgres]'"


def test_a_refused_file_is_not_kept_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.dbapi2.connect

    def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3.dbapi2, "connect", watched)
    (tmp_path / "notes.txt").write_text("remember the milk\n" * 100)
    refused(tmp_path / "notes.txt")
    assert opened
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
            connection.execute("SELECT 1")
