from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.store.database import Record
from panic_tda.store.settings import earlier_measurement, pace_key, read_setting, sanity_key, write_setting
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


def test_what_is_kept_of_a_model_has_a_key_for_each_kind_name_and_version() -> None:
    models = [("A", "1"), ("A", "2"), ("B", "1")]
    keys = {key(*model) for key in (pace_key, sanity_key) for model in models}
    assert len(keys) == 6


def test_what_an_earlier_release_measured_is_read(record: Record) -> None:
    with record.writing() as connection:
        kept = {"batch_size": 4, "seconds_per_item": {"1": 9.0, "4": 3.0}}
        write_setting(connection, "measurement:A@1", kept)
        assert earlier_measurement(connection, "A", "1") == (4, 3.0)
        assert earlier_measurement(connection, "A", "2") is None
