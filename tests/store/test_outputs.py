from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panic_tda.content import Content, Image, Text
from panic_tda.errors import RecordError
from panic_tda.store.database import Record
from panic_tda.store.outputs import encode_row, insert_outputs, known_outputs, load_image, load_outputs
from panic_tda.store.tables import outputs
from support.contents import image, numbered

many_examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
printable = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


def put(record: Record, *contents: Content) -> None:
    with record.writing() as connection:
        insert_outputs(connection, [encode_row(content) for content in contents])


def got(record: Record, *contents: Content) -> list[Content]:
    with record.reading() as connection:
        loaded = load_outputs(connection, [content.sha256 for content in contents])
    return [loaded[content.sha256] for content in contents]


def damage(record: Record, content: Content, **values: Any) -> None:
    with record.writing() as connection:
        connection.execute(sa.update(outputs).where(outputs.c.id == content.sha256).values(**values))


def test_equal_contents_are_stored_once(record: Record) -> None:
    put(record, Text("same"), Text("same"), image(1), Text("other"))
    put(record, Text("same"), image(1))
    with record.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(outputs)).scalar_one() == 3


@many_examples
@given(value=printable)
def test_a_text_reads_back_as_it_was(record: Record, value: str) -> None:
    put(record, Text(value))
    assert got(record, Text(value)) == [Text(value)]


@many_examples
@given(
    mode=st.sampled_from(["RGB", "RGBA"]), width=st.integers(1, 9), height=st.integers(1, 9), number=st.integers(0, 99)
)
def test_an_image_reads_back_bit_for_bit(record: Record, mode: str, width: int, height: int, number: int) -> None:
    stored = image(number, mode=mode, width=width, height=height)
    put(record, stored)
    assert got(record, stored) == [stored]


def test_colours_under_transparent_pixels_survive(record: Record) -> None:
    hidden = Image("RGBA", 2, 1, bytes([255, 0, 0, 0, 0, 255, 0, 0]))
    opaque = Image("RGBA", 2, 1, bytes([255, 0, 0, 255, 0, 255, 0, 255]))
    put(record, hidden, opaque)
    assert got(record, hidden, opaque) == [hidden, opaque]


def test_more_contents_than_one_statement_takes_are_loaded(record: Record) -> None:
    contents = numbered(1_203)
    put(record, *contents)
    assert got(record, *contents) == list(contents)
    with record.reading() as connection:
        keys = [content.sha256 for content in contents]
        assert known_outputs(connection, [*keys, "0" * 64]) == set(keys)


def test_what_carries_no_information_is_marked(record: Record) -> None:
    contents: list[Content] = [Text(""), Text("!!!"), Image("RGB", 2, 2, bytes(12)), Text("words")]
    assert [encode_row(content)["degenerate"] for content in contents] == ["empty", "repetitive", "constant", None]


def test_a_missing_content_is_named(record: Record) -> None:
    absent = Text("absent")
    put(record, Text("present"))
    with pytest.raises(RecordError, match=f"output {absent.sha256} is referred to but not stored"):
        got(record, Text("present"), absent)


@pytest.mark.parametrize("data", [b"", b"not an image", encode_row(image(1))["data"][:40]], ids=["none", "text", "cut"])
def test_damaged_bytes_are_named(record: Record, data: bytes) -> None:
    put(record, image(1))
    damage(record, image(1), data=data)
    with pytest.raises(RecordError, match=f"output {image(1).sha256} does not decode") as caught:
        got(record, image(1))
    assert caught.value.hint == "the database is damaged"


@pytest.mark.parametrize(
    ("content", "values"),
    [(Text("true"), {"text": "false"}), (image(1), {"data": encode_row(image(2))["data"]})],
    ids=["text", "image"],
)
def test_a_content_that_was_changed_is_named(record: Record, content: Content, values: dict[str, Any]) -> None:
    put(record, content)
    damage(record, content, **values)
    with pytest.raises(RecordError, match=f"output {content.sha256} is not what was stored"):
        got(record, content)


def test_an_image_is_loaded_by_its_key_and_a_text_is_refused(record: Record) -> None:
    put(record, image(1), Text("words"))
    with record.reading() as connection:
        assert load_image(connection, image(1).sha256) == image(1)
        with pytest.raises(RecordError, match="is a text, not an image"):
            load_image(connection, Text("words").sha256)


@pytest.mark.parametrize("column", ["mode", "width", "data"])
def test_the_database_refuses_half_an_image(record: Record, column: str) -> None:
    row = encode_row(image(1)) | {column: None}
    with pytest.raises(sa.exc.IntegrityError, match="one_content"), record.writing() as connection:
        connection.execute(sa.insert(outputs), [row])
