from __future__ import annotations

from dataclasses import replace
from importlib import metadata

import pytest
import sqlalchemy as sa

import panic_tda.store.model_versions as module
from panic_tda.store.database import Record
from panic_tda.store.model_versions import register
from panic_tda.store.tables import model_versions
from support.models import fake_spec
from support.records import EMBEDDER, WRITER


def test_a_version_is_registered_once_and_keeps_its_id(record: Record) -> None:
    with record.writing() as connection:
        first = register(connection, [WRITER, EMBEDDER])
    with record.writing() as connection:
        second = register(connection, [EMBEDDER, WRITER, WRITER])
        assert connection.execute(sa.select(sa.func.count()).select_from(model_versions)).scalar_one() == 2
    assert first == second
    assert (first["Writer"].name, first["Writer"].version) == ("Writer", "1")


def test_another_revision_is_another_version(record: Record) -> None:
    with record.writing() as connection:
        old = register(connection, [WRITER])["Writer"]
        new = register(connection, [replace(WRITER, revision=2)])["Writer"]
        assert register(connection, [WRITER])["Writer"] == old
    assert old.id != new.id
    assert (old.version, new.version) == ("1", "2")


def test_a_version_says_what_it_was_and_which_libraries_ran_it(record: Record) -> None:
    with record.writing() as connection:
        register(connection, [fake_spec("F", dtype="float16")])
        row = connection.execute(sa.select(model_versions)).one()
    assert (row.family, row.dtype, row.tier, row.synthetic, row.weights) == ("fake", "float16", "exact", True, [])
    assert row.libraries["numpy"] == metadata.version("numpy")


def test_nothing_to_register_is_fine(record: Record) -> None:
    with record.writing() as connection:
        assert register(connection, []) == {}


def test_a_library_that_is_not_installed_is_left_out(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        if name == "xllamacpp":
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", absent)
    module.library_versions.cache_clear()
    with record.writing() as connection:
        register(connection, [WRITER])
        libraries = connection.execute(sa.select(model_versions.c.libraries)).scalar_one()
    module.library_versions.cache_clear()
    assert libraries["numpy"] == "1.0"
    assert "xllamacpp" not in libraries
