"""Opening the record: SQLite by default, PostgreSQL by URL, always at the schema this code knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from panic_tda.errors import RecordUnavailable, RequestError
from panic_tda.fault_points import reach
from panic_tda.store.revisions import bring_up_to_date

_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=60000",
    "PRAGMA cache_size=-4000",
    "PRAGMA temp_store=MEMORY",
)


_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


class Record:
    """An open database. Use :func:`open_record`; close it, or use it as a context manager."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def location(self) -> str:
        """Path of the SQLite file, or the URL without its password."""
        url = self.engine.url
        return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one consistent state; raises ``RecordUnavailable`` when the file is damaged."""
        with self._damage_named(), self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start, committed when the block ends well."""
        with self._damage_named(), self.engine.connect() as connection:
            connection = connection.execution_options(begin_immediate=True)
            with connection.begin():
                yield connection
                reach("before the commit")
            reach("after the commit")

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        """SQLite's own words for a damaged file name neither the file nor a way out."""
        try:
            yield
        except sa.exc.DatabaseError as fault:
            if not _is_damage(fault):
                raise
            raise _damaged(self.location, fault) from fault

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_record(location: str | Path, *, create: bool = True) -> Record:
    """Opens a database by path or SQLAlchemy URL, creating or upgrading it as needed.

    An older schema is upgraded after a backup copy beside the file. Raises ``FutureRecord`` for a newer one,
    ``RecordUnavailable`` for what cannot be opened, ``RequestError`` when it is missing and ``create`` is false.
    """
    url = _url(str(location))
    if url.get_backend_name() == "sqlite":
        _check_file(url, create)
    engine = _engine(url)
    try:
        bring_up_to_date(engine)
    except (sa.exc.DatabaseError, sqlite3.DatabaseError) as fault:
        engine.dispose()
        location = Record(engine).location
        if _is_damage(fault):
            raise _damaged(location, fault) from fault
        raise RecordUnavailable(
            f"{location}: {_reason(fault)}", hint="check --db, the file's permissions, or that the server runs"
        ) from fault
    except BaseException:
        engine.dispose()
        raise
    return Record(engine)


def _is_damage(fault: Exception) -> bool:
    """Whether SQLite found its file damaged; what is no database at all may never have been one."""
    return "malformed" in _reason(fault)


def _damaged(location: str, fault: Exception) -> RecordUnavailable:
    hint = f"salvage what reads: panic-tda --db {location} doctor --recover OUT.sqlite"
    return RecordUnavailable(f"{location}: {_reason(fault)}", hint=hint)


def _reason(fault: Exception) -> str:
    return (str(getattr(fault, "orig", fault)).strip().splitlines() or ["no reason given"])[0]


def _url(location: str) -> URL:
    if "://" not in location:
        return URL.create("sqlite", database=location)
    try:
        url = make_url(location)
        backend = url.get_backend_name()
    except (sa.exc.SQLAlchemyError, ValueError) as fault:  # ValueError for a port that is no number
        raise RequestError(f"--db {location!r} is neither a path nor an SQLAlchemy URL") from fault
    if backend not in _DRIVERS:
        raise RequestError(f"--db: {backend} is not supported", hint="use a SQLite path or a postgresql:// URL")
    return url.set(drivername=_DRIVERS[backend])


def _check_file(url: URL, create: bool) -> None:
    if not url.database or url.database == ":memory:":
        raise RequestError("--db: a record lives in a file, not in memory")
    try:
        _check_path(Path(url.database), create)
    except OSError as fault:  # a folder that may not be entered, a name that is too long
        raise RecordUnavailable(f"{url.database}: {fault.strerror}", hint="check --db and its permissions") from fault


def _check_path(path: Path, create: bool) -> None:
    if path.is_dir():
        raise RequestError(f"--db: {path} is a folder")
    if not path.exists() and not create:
        raise RequestError(f"there is no database at {path}", hint="perform an experiment first, or point --db at one")
    if not path.parent.is_dir():
        raise RequestError(f"--db: there is no folder {path.parent}")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, connect_args={"isolation_level": None, "timeout": 60})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return sa.create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as fault:
        raise RequestError(
            f"PostgreSQL needs a package that is missing: {fault.name}", hint="pip install 'panic-tda[postgres]'"
        ) from fault


def _prepare_sqlite(connection: Any, _: object) -> None:
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("begin_immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
