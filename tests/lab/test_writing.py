"""Writing off the critical path: order, errors, and contents that are never lost from sight."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from panic_tda.content import Content, Image, Text
from panic_tda.lab.writing import ContentCache, Writer
from panic_tda.store.database import Record
from panic_tda.store.outputs import encode_row, insert_outputs


def test_jobs_are_stored_in_the_order_they_were_put() -> None:
    stored: list[int] = []
    with Writer() as writer:
        for number in range(50):
            writer.put([number], list, stored.extend)
    assert stored == list(range(50))


def test_items_are_prepared_in_pieces_and_stored_together_in_order() -> None:
    stored: list[list[int]] = []
    with Writer() as writer:
        for size in (0, 1, 2, 7):
            writer.put(range(size), lambda piece: [10 * item for item in piece], stored.append)
    assert stored == [[], [0], [0, 10], [0, 10, 20, 30, 40, 50, 60]]


def fail(_: object) -> None:
    raise OSError("the disk is full")


def take(_: object) -> None:
    """Stores nothing."""


@pytest.mark.parametrize(("prepare", "store"), [(fail, take), (list, fail)], ids=["preparing", "storing"])
def test_a_job_that_raises_is_not_swallowed(prepare: Callable[[Any], Any], store: Callable[[Any], None]) -> None:
    writer = Writer()
    with pytest.raises(OSError, match="the disk is full"), writer:
        writer.put([1, 2, 3], prepare, store)


def test_no_job_is_stored_after_one_that_failed() -> None:
    """It may build on what the other one did not store: a step without the one before is a hole."""
    stored: list[int] = []
    held = threading.Event()

    def fail_late(_: object) -> None:
        assert held.wait(60)
        raise OSError("the disk is full")

    def put_two() -> None:
        with Writer() as writer:
            writer.put([1], list, fail_late)
            writer.put([2], list, stored.extend)
            held.set()

    with pytest.raises(OSError, match="the disk is full"):
        put_two()
    assert stored == []


def contents(number: int) -> list[Content]:
    return [Image("RGB", 8, 8, bytes([index]) * 192) for index in range(number)]


def stored_in(record: Record, many: list[Content]) -> None:
    with record.writing() as connection:
        insert_outputs(connection, [encode_row(content) for content in many])


def test_contents_that_are_not_stored_yet_are_always_there(sqlite_record: Record) -> None:
    cache = ContentCache(sqlite_record, capacity=1)
    many = contents(20)
    cache.add(many)
    assert cache.get([content.sha256 for content in many]) == many


def test_contents_pushed_out_of_the_cache_are_loaded_again(sqlite_record: Record) -> None:
    cache = ContentCache(sqlite_record, capacity=1000)
    many = [*contents(20), Text("a caption")]
    cache.add(many)
    stored_in(sqlite_record, many)
    cache.stored(many)
    keys = [content.sha256 for content in many]
    assert cache.get(keys + keys[::-1]) == many + many[::-1]
