"""Migrations and metadata must bring a database to the same schema, and upgrades must lose nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

import panic_tda.store.revisions as module
from panic_tda.content import Content
from panic_tda.errors import FutureRecord, RecordUnavailable
from panic_tda.store.database import Record, _engine, _url, open_record
from panic_tda.store.outputs import encode_row, insert_outputs, load_outputs
from panic_tda.store.revisions import HEAD, REVISIONS, create, upgrade
from panic_tda.store.settings import read_setting, write_setting
from panic_tda.store.tables import INVOCATION_EMBEDDINGS, metadata
from support.contents import image, numbered
from support.records import EMBEDDER, grow, measure, plant, vector

OLD_CONTENTS: list[Content] = [*numbered(3), image(1)]
MIGRATIONS = Path(module.__file__).parent / "migrations"


@pytest.fixture
def engine(blank: str) -> Iterator[Engine]:
    """An engine on a database without tables."""
    made = _engine(_url(blank))
    yield made
    made.dispose()


def described(connection: Connection) -> dict[str, Any]:
    """Everything about the schema that the database tells."""
    inspector = sa.inspect(connection)
    told: dict[str, Any] = {}
    for view in inspector.get_view_names():
        told[view] = " ".join(str(inspector.get_view_definition(view)).split())
    for table in inspector.get_table_names():
        columns = [(row["name"], str(row["type"]), row["nullable"]) for row in inspector.get_columns(table)]
        told[table] = {
            "columns": columns,
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(map(repr, inspector.get_foreign_keys(table))),
            "unique": sorted(map(repr, inspector.get_unique_constraints(table))),
            "checks": sorted(map(repr, inspector.get_check_constraints(table))),
            "indexes": sorted(map(repr, inspector.get_indexes(table))),
        }
    return told


def revision(location: str) -> str:
    with closing(sqlite3.connect(location)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_the_revisions_are_those_of_the_migration_scripts() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == REVISIONS
    assert scripts.get_heads() == [HEAD]


def test_migrations_leave_nothing_that_the_metadata_would_change(engine: Engine) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_a_new_record_has_the_schema_that_the_migrations_make(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        by_migrations = described(connection)
        connection.execute(sa.text("DROP VIEW invocation_embeddings"))
        connection.execute(sa.text("DROP TABLE alembic_version"))
        metadata.drop_all(connection)
        assert described(connection) == {}
    assert create(engine)
    with engine.connect() as connection:
        assert described(connection) == by_migrations
    assert by_migrations.keys() - metadata.tables.keys() == {"alembic_version", "invocation_embeddings"}
    upgrade(engine)


def test_where_there_is_a_table_already_nothing_is_created(engine: Engine) -> None:
    assert create(engine)
    assert not create(engine)


def test_the_view_joins_invocations_to_their_vectors(record: Record) -> None:
    a, b = numbered(2)
    with record.writing() as connection:
        _, (run_id,) = plant(connection)
        grow(connection, run_id, [a, image(1), a, b])
        measure(connection, [a])
        view = sa.table(
            "invocation_embeddings",
            *map(sa.column, ("run_id", "sequence_number", "embedding_model", "embedding_model_version", "vector")),
        )
        rows = connection.execute(sa.select(view).order_by(view.c.sequence_number)).all()
    assert [tuple(row)[:4] for row in rows] == [(run_id, 0, EMBEDDER.name, "1"), (run_id, 2, EMBEDDER.name, "1")]
    assert bytes(rows[0].vector) == vector(a.sha256).tobytes()


def test_the_view_is_the_one_that_the_tables_describe(sqlite_record: Record) -> None:
    with sqlite_record.reading() as connection:
        stored = connection.execute(sa.text("SELECT sql FROM sqlite_master WHERE type = 'view'")).scalars().all()
    assert [sql.split() for sql in stored] == [INVOCATION_EMBEDDINGS.split()]


def make_old(engine: Engine) -> None:
    """A record at the first revision, with an output in it."""
    upgrade(engine, REVISIONS[0])
    with engine.begin() as connection:
        insert_outputs(connection, [encode_row(content) for content in OLD_CONTENTS])


def test_an_old_record_is_upgraded_with_its_rows(engine: Engine, blank: str) -> None:
    make_old(engine)
    engine.dispose()
    with open_record(blank) as record, record.writing() as connection:
        loaded = load_outputs(connection, [content.sha256 for content in OLD_CONTENTS])
        assert sorted(map(repr, loaded.values())) == sorted(map(repr, OLD_CONTENTS))
        write_setting(connection, "new", True)
        assert read_setting(connection, "new") is True
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one() == HEAD


def test_an_old_file_is_copied_before_it_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    old = _engine(_url(str(path)))
    make_old(old)
    old.dispose()
    open_record(path).close()
    (backup,) = tmp_path.glob("record.sqlite.backup-0001-*")
    assert (revision(str(backup)), revision(str(path))) == (REVISIONS[0], HEAD)
    for copy in (backup, path):
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("SELECT count(*) FROM outputs").fetchone() == (4,)


def test_a_record_that_is_up_to_date_is_neither_copied_nor_touched(sqlite_location: str) -> None:
    open_record(sqlite_location).close()
    before = Path(sqlite_location).read_bytes()
    open_record(sqlite_location).close()
    assert Path(sqlite_location).read_bytes() == before
    assert [path.name for path in Path(sqlite_location).parent.iterdir()] == ["record.sqlite"]


def stamp(location: str, revision: str) -> None:
    engine = _engine(_url(location))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()


def test_a_record_of_a_newer_panic_tda_is_refused(location: str) -> None:
    stamp(location, "0999")
    with pytest.raises(FutureRecord, match=rf"has schema revision 0999, this panic-tda knows up to {HEAD}") as caught:
        open_record(location)
    assert "upgrade panic-tda" in caught.value.hint


def test_a_newer_file_is_left_as_it_is(sqlite_location: str) -> None:
    stamp(sqlite_location, "0999")
    before = Path(sqlite_location).read_bytes()
    with pytest.raises(FutureRecord):
        open_record(sqlite_location)
    assert Path(sqlite_location).read_bytes() == before
    assert [path.name for path in Path(sqlite_location).parent.iterdir()] == ["record.sqlite"]


@pytest.mark.parametrize("revision", ["a1b2c3", "0001", "0002", None])
def test_a_database_that_another_program_migrates_is_left_alone(tmp_path: Path, revision: str | None) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        if revision is not None:
            connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        connection.execute("CREATE TABLE recipes (name)")
    with pytest.raises(RecordUnavailable, match="is not a panic-tda database"):
        open_record(path)


def test_a_migration_that_fails_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    path = tmp_path / "record.sqlite"
    old = _engine(_url(str(path)))
    make_old(old)
    old.dispose()
    finish = command.upgrade

    def break_down(*arguments: Any) -> None:
        finish(*arguments)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(command, "upgrade", break_down)
    with pytest.raises(RecordUnavailable, match="database or disk is full"):
        open_record(path)
    assert revision(str(path)) == REVISIONS[0]
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "stage_progress" not in tables
