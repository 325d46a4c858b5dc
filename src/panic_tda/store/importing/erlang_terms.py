"""Reading the Erlang external term format, written by strangers.

The reader makes numbers, lists, tuples, maps, binaries and :class:`Atom` values, which are texts and nothing more: no
atom table grows, and functions, processes and references are refused. Nothing is inflated beyond the size that was said
and allowed, and the number, the depth and the names of terms are bounded.

It is our own because the readers on PyPI bound nothing: erlang_py inflates a compressed term whole before it looks at
it, and descends without a limit; erlpack has no wheels. Twelve tags are all that a map of lists of numbers needs.

The format: https://www.erlang.org/doc/apps/erts/erl_ext_dist
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any, Final

from panic_tda.store.importing.tally import Refusal

MOST_BYTES: Final = 64_000_000
MOST_TERMS: Final = 2_000_000
MOST_ATOMS: Final = 256
DEEPEST: Final = 16
_VERSION, _COMPRESSED = 131, 80
_LONGEST_ATOM = 255
_FUNCTIONS_AND_PROCESSES = frozenset((88, 89, 90, 102, 103, 101, 112, 113, 114, 117, 120, 77))


class Atom(str):
    """The name of an atom."""

    __slots__ = ()


def read_term(data: bytes) -> Any:
    """The term that the bytes are; raises ``Refusal`` for anything but plain data in reasonable amounts."""
    if len(data) < 2 or data[0] != _VERSION:
        raise Refusal("its data is no Erlang term")
    body = _inflated(data) if data[1] == _COMPRESSED else data[1:]
    reader = _Reader(body)
    term = reader.term(0)
    if reader.left:
        raise Refusal(f"its data goes on for {reader.left:,} bytes after the Erlang term")
    return term


def _inflated(data: bytes) -> bytes:
    size = int.from_bytes(data[2:6], "big")
    if size > MOST_BYTES:
        raise Refusal(f"its data inflates to {size:,} bytes, more than {MOST_BYTES:,}")
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(data[6:], size + 1)
    except zlib.error as fault:
        raise Refusal(f"its data does not inflate: {fault}") from fault
    if len(body) != size or not stream.eof or stream.unused_data:
        raise Refusal("its data does not inflate to the size it says, or is cut off")
    return body


class _Reader:
    """Reads one term after another."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0
        self._terms = 0
        self._atoms: dict[str, Atom] = {}
        self._tags: dict[int, Callable[[int], Any]] = {
            70: lambda _: struct.unpack(">d", self._take(8))[0],
            97: lambda _: self._number(1),
            98: lambda _: struct.unpack(">i", self._take(4))[0],
            99: lambda _: self._old_float(),
            100: lambda _: self._atom(self._number(2), "latin-1"),
            104: lambda depth: tuple(self._several(self._number(1), depth)),
            105: lambda depth: tuple(self._several(self._number(4), depth)),
            106: lambda _: [],
            107: lambda _: self._bytes_as_list(),
            108: self._list,
            109: lambda _: self._take(self._number(4)),
            110: lambda _: self._big(),
            115: lambda _: self._atom(self._number(1), "latin-1"),
            116: self._map,
            118: lambda _: self._atom(self._number(2), "utf-8"),
            119: lambda _: self._atom(self._number(1), "utf-8"),
        }

    @property
    def left(self) -> int:
        """Bytes that have not been read."""
        return len(self._body) - self._at

    def term(self, depth: int) -> Any:
        """The next term."""
        if depth > DEEPEST:
            raise Refusal(f"its Erlang term is nested more than {DEEPEST} deep")
        self._count(1)
        tag = self._number(1)
        if (read := self._tags.get(tag)) is None:
            strange = (
                "a function, a process or a reference" if tag in _FUNCTIONS_AND_PROCESSES else f"a term of tag {tag}"
            )
            raise Refusal(f"its Erlang term holds {strange}")
        return read(depth)

    def _count(self, terms: int) -> None:
        self._terms += terms
        if self._terms > MOST_TERMS:
            raise Refusal(f"its Erlang term holds more than {MOST_TERMS:,} terms")

    def _take(self, size: int) -> bytes:
        if size > self.left:
            raise Refusal("its Erlang term is cut off")
        self._at += size
        return self._body[self._at - size : self._at]

    def _number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def _several(self, number: int, depth: int) -> list[Any]:
        if number > self.left:  # every term takes a byte at least
            raise Refusal("its Erlang term is cut off")
        return [self.term(depth + 1) for _ in range(number)]

    def _list(self, depth: int) -> list[Any]:
        found = self._several(self._number(4), depth)
        if self.term(depth + 1) != []:
            raise Refusal("its Erlang term holds a list without an end")
        return found

    def _bytes_as_list(self) -> list[int]:
        """A list of numbers below 256, which Erlang packs."""
        size = self._number(2)
        self._count(size)
        return list(self._take(size))

    def _map(self, depth: int) -> dict[Any, Any]:
        size = self._number(4)
        if size > self.left:
            raise Refusal("its Erlang term is cut off")
        found: dict[Any, Any] = {}
        for _ in range(size):
            key = self.term(depth + 1)
            if not isinstance(key, (str, bytes, int)) or key in found:
                raise Refusal("its Erlang term has a map with a key that is no name, or occurs twice")
            found[key] = self.term(depth + 1)
        return found

    def _atom(self, size: int, encoding: str) -> Atom:
        if size > 4 * _LONGEST_ATOM:
            raise Refusal("its Erlang term has an atom that is too long")
        try:
            name = self._take(size).decode(encoding)
        except UnicodeDecodeError as fault:
            raise Refusal("its Erlang term has an atom that is not valid UTF-8") from fault
        if name not in self._atoms and len(self._atoms) == MOST_ATOMS:
            raise Refusal(f"its Erlang term names more than {MOST_ATOMS} atoms")
        return self._atoms.setdefault(name, Atom(name))

    def _old_float(self) -> float:
        try:
            return float(self._take(31).rstrip(b"\0"))
        except ValueError as fault:
            raise Refusal("its Erlang term has a number that is none") from fault

    def _big(self) -> int:
        size, sign = self._number(1), self._number(1)
        magnitude = int.from_bytes(self._take(size), "little")
        return -magnitude if sign else magnitude
