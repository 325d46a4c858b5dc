"""Fixtures that all tests share: records on real databases, and deterministic hypothesis."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from panic_tda.store.database import Record, open_record
from support.nursery import Nursery
from support.postgresql import Server, find_programs
from support.ray_cluster import ray_cluster
from support.statements import compiled_once

__all__ = ["ray_cluster"]

hypothesis.settings.register_profile("panic-tda", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("panic-tda")

DATABASES = ("sqlite", "postgresql")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Coverage is measured in the first case of each test: what traces it more than doubles the time of a test."""
    if not config.pluginmanager.hasplugin("_cov"):
        return
    measured: set[str] = set()
    for item in items:
        test = item.nodeid.partition("[")[0]
        if test in measured:
            item.add_marker("no_cover")
        measured.add(test)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees, or leaves, anything in the cache folder of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PANIC_TDA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def statements() -> Iterator[None]:
    """Records of one process share their compiled statements."""
    with compiled_once():
        yield


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A running server; without the programs tests are skipped, but on CI they fail."""
    programs = find_programs()
    if programs is None:
        reason = "PostgreSQL is not installed (apt-get install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = Server(programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where processes come from that are to be killed, or to work beside one another."""
    with Nursery("crash.victim", "crash.writers") as opened:
        yield opened


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema and nothing else."""
    path = tmp_path_factory.mktemp("template") / "record.sqlite"
    open_record(path).close()
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: Server) -> str:
    """The name of a database with the schema and nothing else."""
    name = postgresql_server.create()
    open_record(postgresql_server.url(name)).close()
    return name


@pytest.fixture
def sqlite_location(sqlite_template: Path, tmp_path: Path) -> str:
    """The path of a SQLite record of this test's own."""
    return str(shutil.copy(sqlite_template, tmp_path / "record.sqlite"))


@pytest.fixture
def postgresql_location(postgresql_server: Server, postgresql_template: str) -> Iterator[str]:
    """The URL of a PostgreSQL record of this test's own."""
    name = postgresql_server.create(postgresql_template)
    yield postgresql_server.url(name)
    postgresql_server.drop(name)


@pytest.fixture
def blank_postgresql(postgresql_server: Server) -> Iterator[str]:
    """The URL of a PostgreSQL database without a single table."""
    name = postgresql_server.create()
    yield postgresql_server.url(name)
    postgresql_server.drop(name)


@pytest.fixture(params=DATABASES)
def location(request: pytest.FixtureRequest) -> Any:
    """Where an empty record is, on each database in turn."""
    return request.getfixturevalue(f"{request.param}_location")


@pytest.fixture(params=DATABASES)
def blank(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Where a record can be created, on each database in turn."""
    if request.param == "sqlite":
        return str(tmp_path / "blank.sqlite")
    return request.getfixturevalue("blank_postgresql")


@pytest.fixture
def record(location: str) -> Iterator[Record]:
    """An open, empty record on each database in turn."""
    with open_record(location) as opened:
        yield opened


@pytest.fixture
def sqlite_record(sqlite_location: str) -> Iterator[Record]:
    """An open, empty record in a SQLite file."""
    with open_record(sqlite_location) as opened:
        yield opened
