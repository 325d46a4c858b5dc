from __future__ import annotations

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.store.database import Record
from panic_tda.store.outputs import encode_row
from panic_tda.store.statements import chunks, insert_new, replace_row
from panic_tda.store.tables import outputs, settings
from support.contents import numbered
from support.records import EPOCH


def test_rows_go_in_by_their_keys_so_that_no_two_writers_wait_in_a_circle(record: Record) -> None:
    rows = [encode_row(content) for content in numbered(20)]
    place = {"sqlite": "rowid", "postgresql": "ctid"}[record.engine.dialect.name]
    with record.writing() as connection:
        insert_new(connection, outputs, rows)
        inserted = connection.execute(sa.select(outputs.c.id).order_by(sa.literal_column(place))).scalars().all()
    assert [row["id"] for row in rows] != inserted
    assert inserted == sorted(inserted)


def test_a_row_whose_key_is_there_is_left_as_it_was(record: Record) -> None:
    first, second = (encode_row(content) for content in numbered(2))
    with record.writing() as connection:
        insert_new(connection, outputs, [first])
        insert_new(connection, outputs, [second, first | {"text": "other"}, second])
        insert_new(connection, outputs, [])
        rows = connection.execute(sa.select(outputs.c.id, outputs.c.text)).all()
    assert {tuple(row) for row in rows} == {(first["id"], "text 0"), (second["id"], "text 1")}


def test_replacing_changes_the_row_of_that_key_only(record: Record) -> None:
    with record.writing() as connection:
        for key, value in (("a", 1), ("b", 2), ("a", 3)):
            replace_row(connection, settings, {"key": key, "value": value, "updated_at": EPOCH})
        rows = connection.execute(sa.select(settings.c.key, settings.c.value).order_by(settings.c.key)).all()
    assert [tuple(row) for row in rows] == [("a", 3), ("b", 2)]


@given(items=st.lists(st.integers(), max_size=30), size=st.integers(1, 10))
def test_chunks_are_the_items_in_order_and_none_is_larger_or_empty(items: list[int], size: int) -> None:
    pieces = list(chunks(items, size))
    assert [item for piece in pieces for item in piece] == items
    assert all(0 < len(piece) <= size for piece in pieces)
    assert all(len(piece) == size for piece in pieces[:-1])
