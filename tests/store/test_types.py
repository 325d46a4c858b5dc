from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sqlalchemy.engine import Connection

from panic_tda.store.database import Record
from panic_tda.store.types import FloatVector, Identifier, UtcTimestamp

shelf = sa.Table(
    "shelf",
    sa.MetaData(),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("key", Identifier),
    sa.Column("moment", UtcTimestamp),
    sa.Column("vector", FloatVector),
)
many_examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
times = st.datetimes(
    datetime(1900, 1, 1),
    datetime(2200, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=10, minutes=30)), timezone(timedelta(hours=-9))]),
)
vectors = arrays.arrays(np.float32, st.integers(0, 20), elements=st.floats(width=32))


@pytest.fixture
def connection(record: Record) -> Iterator[Connection]:
    with record.writing() as opened:
        shelf.create(opened)
        yield opened


def stored(connection: Connection, **values: Any) -> Any:
    connection.execute(sa.delete(shelf))
    connection.execute(sa.insert(shelf).values(place=1, **values))
    return connection.execute(sa.select(shelf)).one()


@many_examples
@given(moment=times)
def test_a_moment_reads_back_to_the_microsecond_and_in_utc(connection: Connection, moment: datetime) -> None:
    read = stored(connection, moment=moment).moment
    assert read == moment
    assert read.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(connection: Connection) -> None:
    with pytest.raises(sa.exc.StatementError, match="a timestamp needs a time zone"):
        stored(connection, moment=datetime(2026, 1, 1))


def test_moments_sort_by_time_whatever_their_zone(connection: Connection) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    east = timezone(timedelta(hours=11))
    moments = [noon, (noon - timedelta(microseconds=1)).astimezone(east), (noon + timedelta(hours=1)).astimezone(east)]
    rows = [{"place": place, "moment": moment} for place, moment in enumerate(moments)]
    connection.execute(sa.insert(shelf), rows)
    assert connection.execute(sa.select(shelf.c.place).order_by(shelf.c.moment)).scalars().all() == [1, 0, 2]


@many_examples
@given(vector=vectors)
def test_a_vector_reads_back_bit_for_bit(connection: Connection, vector: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    read = stored(connection, vector=vector).vector
    assert read.dtype == np.float32
    assert read.tobytes() == vector.tobytes()


def test_vectors_are_little_endian_bytes_without_a_header(connection: Connection) -> None:
    big_endian = np.array([1.0, -2.5], dtype=">f4")
    stored(connection, vector=big_endian)
    raw = connection.execute(sa.text("SELECT vector FROM shelf")).scalar_one()
    assert bytes(raw) == bytes.fromhex("0000803f 000020c0")


def test_nothing_stays_nothing(connection: Connection) -> None:
    row = stored(connection, moment=None, vector=None, key=None)
    assert (row.moment, row.vector, row.key) == (None, None, None)


def test_ids_that_look_like_numbers_stay_distinct_text(connection: Connection) -> None:
    keys = ["0688868050e750978308376736095512", "0688868050e950978308376736095512"]
    connection.execute(sa.insert(shelf), [{"place": place, "key": key} for place, key in enumerate(keys)])
    assert connection.execute(sa.select(shelf.c.key).order_by(shelf.c.place)).scalars().all() == keys
    found = connection.execute(sa.select(shelf.c.place).where(shelf.c.key == keys[1])).scalars().all()
    assert found == [1]
