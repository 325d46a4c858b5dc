"""Opening what may be a database of an earlier implementation, and leaving it as it is."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from panic_tda.errors import NotFound, RequestError
from panic_tda.fault_points import arm, disarm
from panic_tda.store.database import Record, open_record
from panic_tda.store.importing.importing import open_source
from panic_tda.store.tables import experiments
from support.earlier import Earlier
from support.importing import damages, everything, imported, rows


def files(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small database of the Python era in a folder of its own."""
    earlier = Earlier()
    earlier.experiment(runs=1, steps=2)
    (tmp_path / "old").mkdir()
    return earlier.write(tmp_path / "old" / "old.sqlite")


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_the_source_and_its_folder_stay_as_they_are(sqlite_record: Record, source: Path, journal: str) -> None:
    with closing(sqlite3.connect(source)) as database:
        database.execute(f"PRAGMA journal_mode={journal}")
    before = files(source.parent)
    assert imported(source, sqlite_record)["experiments"]["imported"] == 1
    assert files(source.parent) == before


def test_what_a_program_that_has_it_open_wrote_is_read(sqlite_record: Record, source: Path) -> None:
    with closing(sqlite3.connect(source, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=wal")
        database.execute("UPDATE run SET initial_prompt = 'written just now'")
        assert imported(source, sqlite_record)["runs"]["imported"] == 1


def test_a_locked_source_is_one_clear_line(sqlite_record: Record, source: Path) -> None:
    with closing(sqlite3.connect(source, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RequestError, match="database is locked") as found:
            imported(source, sqlite_record)
    assert found.value.hint == "another program writes to it; import when it has ended"


def test_a_missing_source_is_one_clear_line(sqlite_record: Record, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"nowhere.sqlite: No such file"):
        imported(tmp_path / "nowhere.sqlite", sqlite_record)


def test_what_is_no_database_is_one_clear_line(sqlite_record: Record, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(RequestError, match="is no SQLite database"):
        imported(tmp_path / "text", sqlite_record)


def test_a_foreign_database_is_named_with_what_it_has(sqlite_record: Record, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "foreign.sqlite")) as database:
        database.execute("CREATE TABLE recipes (id)")
        database.commit()
    with pytest.raises(RequestError, match="not a database of an earlier panic-tda: it has recipes"):
        imported(tmp_path / "foreign.sqlite", sqlite_record)


def test_tables_of_the_right_names_with_other_columns_are_foreign(sqlite_record: Record, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "foreign.sqlite")) as database:
        for table in ("experimentconfig", "run", "invocation"):
            database.execute(f"CREATE TABLE {table} (id, name)")
        database.commit()
    with pytest.raises(RequestError, match="not a database of an earlier"):
        imported(tmp_path / "foreign.sqlite", sqlite_record)


def test_a_view_is_no_table(sqlite_record: Record, source: Path) -> None:
    with closing(sqlite3.connect(source)) as database:
        database.execute("ALTER TABLE run RENAME TO kept")
        database.execute("CREATE VIEW run AS SELECT * FROM kept")
        database.commit()
    with pytest.raises(RequestError, match="not a database of an earlier"):
        imported(source, sqlite_record)


def test_a_record_of_today_is_for_export(sqlite_record: Record, tmp_path: Path) -> None:
    open_record(tmp_path / "today.sqlite").close()
    with pytest.raises(RequestError, match="a record of this panic-tda") as found:
        imported(tmp_path / "today.sqlite", sqlite_record)
    assert "export db" in found.value.hint


def test_a_damaged_file_is_one_clear_line_and_takes_nothing_along(
    sqlite_record: Record, real_source: Path, tmp_path: Path
) -> None:
    damaged = bytearray(real_source.read_bytes())
    damaged[200_000:700_000] = bytes(500_000)
    (tmp_path / "damaged.sqlite").write_bytes(damaged)
    with pytest.raises(RequestError, match="malformed"):
        imported(tmp_path / "damaged.sqlite", sqlite_record)
    assert rows(sqlite_record, experiments) == []


def test_a_cut_off_file_is_one_clear_line(sqlite_record: Record, real_source: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.sqlite").write_bytes(real_source.read_bytes()[:5_000])
    with pytest.raises(RequestError, match=r"cut.sqlite: "):
        imported(tmp_path / "cut.sqlite", sqlite_record)


def test_experiments_go_by_any_unambiguous_prefix(sqlite_record: Record, source: Path) -> None:
    with pytest.raises(NotFound, match="there is no experiment 'ffff' in the source"):
        imported(source, sqlite_record, experiments=["ffff"])
    assert imported(source, sqlite_record, experiments=["06b0"])["experiments"]["imported"] == 1
    assert imported(source, sqlite_record, experiments=["latest"])["experiments"]["present"] == 1


def test_references_without_an_index_are_looked_up(sqlite_record: Record, source: Path) -> None:
    with open_source(source) as opened:
        (run,) = opened.rows("runs", ("id",))
        assert len(list(opened.rows_with("invocations", "run_id", [run["id"]], ("id",)))) == 2
    with closing(sqlite3.connect(source)) as database:
        database.execute("CREATE INDEX by_run ON invocation (run_id)")
    with open_source(source) as opened:
        assert len(list(opened.rows_with("invocations", "run_id", [run["id"]], ("id",)))) == 2


class _Died(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def dying() -> Iterator[list[int]]:
    """Lets the second commit of an import never happen."""
    commits = [0]

    def die() -> None:
        commits[0] += 1
        if commits[0] == 2:
            raise _Died

    arm("before the commit", die)
    yield commits
    disarm()


def test_each_experiment_is_one_transaction(record: Record, tmp_path: Path, dying: list[int]) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1)
    earlier.experiment(runs=1)
    source = earlier.write(tmp_path / "old.sqlite")
    with pytest.raises(_Died):
        imported(source, record)
    assert [row["id"] for row in rows(record, experiments)] == [earlier.tables["experiments"][0]["id"]]
    assert damages(record) == []
    result = imported(source, record)
    assert result["experiments"] == {"found": 2, "imported": 1, "present": 1, "refused": 0}


def test_two_records_that_import_the_same_agree(
    sqlite_record: Record, postgresql_location: str, real_source: Path, tmp_path: Path
) -> None:
    shutil.copy(real_source, tmp_path / "copy.sqlite")
    imported(real_source, sqlite_record, skip_diagrams=True)
    with open_record(postgresql_location) as other:
        imported(tmp_path / "copy.sqlite", other, skip_diagrams=True)
        here, there = everything(sqlite_record), everything(other)
    assert [len(table) for table in here.values()] == [len(table) for table in there.values()]
    assert here["runs"] == there["runs"]
