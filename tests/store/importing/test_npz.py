"""Archives of strangers: numbers are read, nothing is unpickled, nothing is inflated without measure."""

from __future__ import annotations

import io
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.store.importing import npz
from panic_tda.store.importing.diagram_data import diagram_from_npz
from panic_tda.store.importing.npz import read_npz
from panic_tda.store.importing.tally import Refusal
from support import earlier


def saved(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return buffer.getvalue()


def npy(shape: str, body: bytes = b"", descr: str = "<f4") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def every(_: str) -> bool:
    return True


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype=np.float32).reshape(3, 2), np.array([3]), np.empty((0, 2)), np.array(1)]
)
def test_what_numpy_writes_is_read(array: np.ndarray[Any, Any]) -> None:
    found = read_npz(saved(a=array, b=np.asfortranarray(np.eye(3))), every)
    np.testing.assert_array_equal(found["a"], array)
    np.testing.assert_array_equal(found["b"], np.eye(3))


def test_only_what_is_wanted_is_inflated() -> None:
    assert list(read_npz(saved(a=np.ones(3), b=np.ones(10)), lambda name: name == "a")) == ["a"]


class _Planted:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_never_unpickled(tmp_path: Path) -> None:
    planted = _Planted(tmp_path / "executed")
    with pytest.raises(Refusal, match="pickled objects"):
        diagram_from_npz(saved(dgms_0=np.array([planted], dtype=object), dgms_count=np.array([1])))
    bare = archive({"dgms_0.npy": pickle.dumps(planted), "dgms_count.npy": npy("(1,)", b"\x01", "|u1")})
    with pytest.raises(Refusal):
        diagram_from_npz(bare)
    assert not planted.path.exists()


ZEROS = bytes(80_000_000)
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a bomb": (lambda: archive({"dgms_0.npy": npy("(20000000,)", ZEROS)}), "inflates to 80,000,"),
    "a shape without data": (lambda: archive({"a.npy": npy("(1000000000000, 1000000000000)")}), "says shape"),
    "a negative shape": (lambda: archive({"a.npy": npy("(-1,)", b"1234")}), "says shape|does not decode"),
    "too much data": (lambda: archive({"a.npy": npy("(1,)", b"12345678")}), "says shape"),
    "code in the header": (lambda: archive({"a.npy": npy("(__import__('os').getpid(),)")}), "does not decode"),
    "texts": (lambda: saved(a=np.array(["x"])), "no plain numbers"),
    "a structure": (lambda: saved(a=np.zeros(2, [("x", "f4")])), "no plain numbers"),
    "complex numbers": (lambda: saved(a=np.array([1j])), "no plain numbers"),
    "another compression": (lambda: archive({"a.npy": npy("(0,)")}, zipfile.ZIP_LZMA), "compressed in a way"),
    "no archive": (lambda: b"PK, but no archive", "does not decode"),
    "nothing": (lambda: b"", "does not decode"),
    "cut off": (lambda: earlier.npz()[:-30], "does not decode"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused_by_name(name: str) -> None:
    make, reason = HOSTILE[name]
    with pytest.raises(Refusal, match=reason):
        read_npz(make(), every)


def lying_archive() -> bytes:
    """A bomb whose directory says that it is a thousand bytes."""
    content = npy("(20000000,)", ZEROS)
    data = archive({"dgms_0.npy": content})
    return data.replace(len(content).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))


@pytest.mark.parametrize("make", [HOSTILE["a bomb"][0], lying_archive])
def test_a_bomb_is_not_inflated(make: Callable[[], bytes]) -> None:
    data = make()
    tracemalloc.start()
    try:
        with pytest.raises(Refusal):
            read_npz(data, every)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_number_of_members_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "_MOST_MEMBERS", 5)
    with pytest.raises(Refusal, match="more than 5 members"):
        read_npz(archive({f"{number}.npy": npy("(0,)") for number in range(6)}), every)


@given(st.integers(0, 600), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_harmless(place: int, value: int) -> None:
    damaged = bytearray(earlier.npz())
    damaged[place % len(damaged)] = value
    try:
        diagram_from_npz(bytes(damaged))
    except Refusal:
        return


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dgms_count": np.array([4])}, "no dgms_3"),
        ({"dgms_count": np.array([99])}, "99 diagrams"),
        ({"dgms_count": np.array([0.5])}, "does not say how many"),
        ({"dgms_0": np.ones((2, 3), np.float32)}, "shape"),
        ({"dgms_0": np.array([[1.0, 0.5]], np.float32)}, "death before its birth"),
        ({"dgms_0": np.array([[np.nan, 0.5]], np.float32)}, "without a finite birth"),
        ({"dgms_0": np.array([[0.5, np.nan]], np.float32)}, "death before its birth"),
        ({"entropy": np.array([np.nan] * 3)}, "entropy holds NaN"),
        ({"entropy": np.array([1.0])}, "1 entropies for 3"),
    ],
)
def test_diagrams_that_cannot_be_are_refused_by_name(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refusal, match=reason):
        diagram_from_npz(earlier.npz(**change))


def test_generators_and_other_extras_are_left_out() -> None:
    found = diagram_from_npz(earlier.npz(gens_0=np.ones((2, 3), int), gens_1_count=np.array([0])))
    assert [len(bars) for bars in found.bars] == [2, 1, 0]
    assert found.entropy == [0.0, 0.0, 0.0]
