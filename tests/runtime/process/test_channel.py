"""Values between processes: they arrive as they were, large ones through memory, and the end is noticed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.content import Image, Text
from panic_tda.runtime.process.channel import LARGE, Channel
from support.threads import beside


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    ours, theirs = Channel.pair()
    other = Channel(theirs)
    yield ours, other
    ours.close()
    other.close()


def through(ends: tuple[Channel, Channel], value: object) -> Any:
    """The value at the other end; sent beside, since a socket holds only so much."""
    sending = beside(lambda: ends[0].send(value))
    received = ends[1].receive()
    sending.result(timeout=60)
    return received


def image(width: int, height: int) -> Image:
    return Image("RGB", width, height, os.urandom(width * height * 3))


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=20))
def test_texts_arrive_as_they_were(values: list[str]) -> None:
    ours, theirs = Channel.pair()
    other = Channel(theirs)
    contents = [Text(value) for value in values]
    ours.send(contents)
    assert other.receive() == contents
    ours.close()
    other.close()


@pytest.mark.parametrize("side", [1, 147, 148, 2_600])
def test_images_of_any_size_arrive_with_the_same_identity(ends: tuple[Channel, Channel], side: int) -> None:
    sent = image(side, side)
    received = through(ends, sent)
    assert received == sent
    assert received.sha256 == sent.sha256
    assert type(received.pixels) is bytes


def test_several_large_values_travel_in_one_message(ends: tuple[Channel, Channel]) -> None:
    sent = (image(700, 700), np.arange(LARGE, dtype=np.float32), image(3, 3), image(800, 600))
    received = through(ends, sent)
    assert [received[number] for number in (0, 2, 3)] == [sent[number] for number in (0, 2, 3)]
    np.testing.assert_array_equal(received[1], sent[1])


def test_no_descriptor_stays_open(ends: tuple[Channel, Channel]) -> None:
    def open_descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_descriptors()
    for _ in range(5):
        through(ends, image(1_000, 1_000))
    assert open_descriptors() == before


def test_messages_keep_their_order(ends: tuple[Channel, Channel]) -> None:
    sent = [number if number % 3 else image(600, 600) for number in range(30)]

    def send_all() -> None:
        for value in sent:
            ends[0].send(value)

    sending = beside(send_all)
    assert [ends[1].receive() for _ in sent] == sent
    sending.result(timeout=60)


def test_the_end_of_the_other_process_is_an_end_of_file(ends: tuple[Channel, Channel]) -> None:
    ends[0].close()
    assert ends[1].ready(60)
    with pytest.raises(EOFError):
        ends[1].receive()


def test_an_end_in_the_middle_of_a_value_is_an_end_of_file() -> None:
    ours, theirs = Channel.pair()
    theirs.sendall(b"\0" * 10)
    theirs.close()
    with pytest.raises(EOFError):
        ours.receive()
    ours.close()


def test_what_cannot_be_pickled_leaves_the_channel_usable(ends: tuple[Channel, Channel]) -> None:
    with pytest.raises(Exception, match="lock"):
        ends[0].send((image(800, 800), threading.Lock()))
    assert through(ends, "after") == "after"


def test_nothing_is_ready_before_it_was_sent(ends: tuple[Channel, Channel]) -> None:
    assert not ends[1].ready(0)
    ends[0].send("now")
    assert ends[1].ready(60)
