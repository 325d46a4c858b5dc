from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.store.database import Record
from panic_tda.store.settings import read_setting, write_setting
from panic_tda.store.tables import settings


@pytest.mark.parametrize("value", [None, 0, 1.5, "ö", [1, None], {"a": {"b": True}}])
def test_a_setting_reads_back_as_it_was(record: Record, value: Any) -> None:
    with record.writing() as connection:
        write_setting(connection, "key", value)
        assert read_setting(connection, "key") == value


def test_an_unknown_setting_is_none(record: Record) -> None:
    with record.reading() as connection:
        assert read_setting(connection, "key") is None


def test_a_setting_is_replaced_not_duplicated(record: Record) -> None:
    with record.writing() as connection:
        for value in (1, 2):
            write_setting(connection, "key", value)
        write_setting(connection, "another", 3)
        rows = connection.execute(sa.select(settings.c.key, settings.c.value).order_by(settings.c.key)).all()
    assert [tuple(row) for row in rows] == [("another", 3), ("key", 2)]
