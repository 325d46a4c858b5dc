"""Schema revisions: finding out where a database stands, backing it up, and upgrading it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from panic_tda.errors import FutureRecord, RecordUnavailable
from panic_tda.fault_points import reach
from panic_tda.store.tables import INVOCATION_EMBEDDINGS, metadata

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every revision in order; a test holds them against the migration scripts."""

HEAD = REVISIONS[-1]
_VERSION = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic makes it."""
_OURS = {"experiments", "runs", "invocations", "outputs"}
_ADVISORY_LOCK = 7_263_411
_migrating = threading.Lock()
"""Alembic keeps its context in module globals, so one process migrates one database at a time."""


def bring_up_to_date(engine: Engine) -> None:
    """Creates the schema in an empty database, upgrades an older one after a backup, refuses a newer one.

    What is not one of ours is left exactly as it is.
    """
    with engine.connect() as connection:
        revision = _revision(connection, engine)
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    if revision == HEAD or (revision is None and create(engine)):
        return
    if revision is not None:
        back_up(engine, revision)
    upgrade(engine)


def back_up(engine: Engine, revision: str) -> Path | None:
    """Copies a SQLite file beside itself and returns the copy's path; PostgreSQL upgrades in one transaction."""
    if engine.dialect.name != "sqlite":
        return None
    source = Path(str(engine.url.database))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    target = source.with_name(f"{source.name}.backup-{revision}-{stamp}")
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)
    return target


def _write_ahead(engine: Engine) -> None:
    """Puts a SQLite file in WAL mode, which the file remembers."""
    with closing(sqlite3.connect(str(engine.url.database), timeout=60, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def create(engine: Engine) -> bool:
    """Makes what the migrations would make, many times as fast, in one transaction; False when there is a table."""
    with _alone(engine) as connection:
        if sa.inspect(connection).get_table_names():
            return False
        metadata.create_all(connection, checkfirst=False)
        connection.execute(sa.text(INVOCATION_EMBEDDINGS))
        connection.execute(sa.schema.CreateTable(_VERSION))
        connection.execute(sa.insert(_VERSION).values(version_num=HEAD))
        reach("during the migration")
    return True


def upgrade(engine: Engine, revision: str = HEAD) -> None:
    """Runs the migrations up to ``revision`` in one transaction; two processes wait for each other."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with _migrating, _alone(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        reach("during the migration")


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other one of ours changes the schema beside."""
    with engine.connect() as connection:
        connection = connection.execution_options(begin_immediate=True)
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            yield connection


def _revision(connection: Connection, engine: Engine) -> str | None:
    tables = set(sa.inspect(connection).get_table_names())
    if "alembic_version" in tables:
        revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if revision is None and tables == {"alembic_version"}:
            return None
        if revision in REVISIONS and tables >= _OURS:
            return str(revision)
        if revision is not None and tables >= _OURS:
            raise FutureRecord(
                f"{engine.url.render_as_string(hide_password=True)} has schema revision {revision}, "
                f"this panic-tda knows up to {HEAD}",
                hint="upgrade panic-tda (pip install --upgrade panic-tda)",
            )
    if tables:
        raise RecordUnavailable(
            f"{engine.url.render_as_string(hide_password=True)} is not a panic-tda database "
            f"(it has the tables {', '.join(sorted(tables)[:3])})",
            hint="choose another file or database with --db",
        )
    return None
