"""Erlang terms: what Erlang writes is read, and nothing that a stranger writes does harm."""

from __future__ import annotations

import struct
import sys
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.store.importing import erlang_terms
from panic_tda.store.importing.erlang_terms import Atom, read_term
from panic_tda.store.importing.tally import Refusal
from support import erlang
from support.erlang import term_to_binary

WRITTEN_BY_ERLANG: list[tuple[bytes, Any]] = [
    (b"\x83d\x00\x05hello", "hello"),
    (b"\x83w\x05hello", "hello"),
    (b"\x83s\x02ok", "ok"),
    (b"\x83k\x00\x03\x01\x02\x03", [1, 2, 3]),
    (b"\x83F?\xf8\x00\x00\x00\x00\x00\x00", 1.5),
    (b"\x83c1.50000000000000000000e+00\x00\x00\x00\x00\x00", 1.5),
    (b"\x83b\xff\xff\xff\xff", -1),
    (b"\x83n\x08\x00\x00\x00\x00\x00\x00\x00\x00\x80", 2**63),
    (b"\x83n\x04\x01\x00\x00\x00\x80", -(2**31)),
    (b"\x83j", []),
    (b"\x83h\x02a\x01a\x02", (1, 2)),
    (b"\x83m\x00\x00\x00\x02hi", b"hi"),
    (b"\x83l\x00\x00\x00\x02a\x00w\x03infj", [0, "inf"]),
    (b"\x83t\x00\x00\x00\x01w\x01aj", {"a": []}),
]

TERMS = st.recursive(
    st.integers(-(2**100), 2**100) | st.floats(allow_nan=False) | st.binary() | st.text(max_size=20).map(erlang.Atom),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(st.text(max_size=5).map(erlang.Atom), inner, max_size=5)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(("data", "term"), WRITTEN_BY_ERLANG)
def test_what_erlang_writes_is_read(data: bytes, term: Any) -> None:
    found = read_term(data)
    assert found == term
    assert type(found) is (Atom if isinstance(term, str) else type(term))


@given(TERMS, st.booleans())
def test_every_plain_term_is_read_back(term: Any, compressed: bool) -> None:
    written = term_to_binary([term], compressed=compressed)
    if written.count(b"l") + written.count(b"h") + written.count(b"t") < 16:  # not nested too deeply
        assert read_term(written) == [term]


@given(TERMS, st.data())
def test_damage_is_refused_or_harmless(term: Any, data: st.DataObject) -> None:
    written = bytearray(term_to_binary(term))
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(written)))
    for damaged in (bytes(written), bytes(written[:cut])):
        try:
            read_term(damaged)
        except Refusal:
            continue


def test_an_atom_is_a_text_that_no_table_keeps() -> None:
    name = "an_atom_that_nobody_has_seen_before"
    found = read_term(term_to_binary(erlang.Atom(name)))
    assert found == name
    assert sys.getrefcount(found) < 5


BOMB = b"\x83P" + struct.pack(">I", 10_000) + zlib.compress(b"m" + struct.pack(">I", 10**8) + bytes(10**8), 9)
LYING = b"\x83P" + struct.pack(">I", 4 * 10**9) + zlib.compress(b"j")
FLOOD = [erlang.Atom(f"atom_{number}") for number in range(300)]
HOSTILE: dict[str, tuple[bytes, str]] = {
    "more than it says": (BOMB, "does not inflate to the size it says"),
    "says too much": (LYING, "inflates to 4,000,000,000 bytes"),
    "a flood of atoms": (term_to_binary(FLOOD), "more than 256 atoms"),
    "nested without end": (b"\x83" + b"l\x00\x00\x00\x01" * 100_000, "nested more than 16 deep"),
    "a list longer than its data": (b"\x83l\xff\xff\xff\xffa\x01", "cut off"),
    "a map longer than its data": (b"\x83t\xff\xff\xff\xffw\x01a", "cut off"),
    "a function": (b"\x83q" + erlang.encoded(erlang.Atom("os")) + erlang.encoded(erlang.Atom("cmd")), "a function"),
    "a process": (b"\x83X" + erlang.encoded(erlang.Atom("node")) + bytes(12), "a function, a process"),
    "an improper list": (b"\x83l\x00\x00\x00\x01a\x01a\x02", "a list without an end"),
    "more than one term": (b"\x83jj", "goes on for 1 bytes"),
    "a map key twice": (b"\x83t\x00\x00\x00\x02w\x01ajw\x01aj", "occurs twice"),
    "an atom of wrong bytes": (b"\x83w\x02\xff\xfe", "not valid UTF-8"),
    "nothing": (b"", "no Erlang term"),
    "a text": (b"hello", "no Erlang term"),
    "an unknown tag": (b"\x83\x01", "a term of tag 1"),
    "rubbish after P": (b"\x83P\x00\x00\x00\x05rubbish", "does not inflate"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_terms_are_refused_by_name(name: str) -> None:
    data, reason = HOSTILE[name]
    with pytest.raises(Refusal, match=reason):
        read_term(data)


def test_a_bomb_is_not_inflated() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Refusal):
            read_term(BOMB)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_number_of_terms_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erlang_terms, "MOST_TERMS", 1_000)
    with pytest.raises(Refusal, match=r"more than 1,000 terms"):
        read_term(b"\x83l" + struct.pack(">I", 5_000) + b"j" * 5_001)
