"""A private channel between two processes that trust each other: whole Python values, large ones through memory.

A value is pickled. Pixels and arrays of more than :data:`LARGE` bytes do not pass through the socket: they are written
into an anonymous file in memory whose descriptor is sent along. Such a file has no name, so nothing can be left behind
when a process dies.
"""

from __future__ import annotations

import io
import os
import pickle
import select
import socket
import struct
import tempfile
from collections.abc import Sequence
from typing import Any

from panic_tda.content import Image

LARGE = 65_536
"""Bytes from which a buffer travels through memory: calls with 64 images of 200 kB became twice as fast by it."""

_HEADER = struct.Struct("!QQ")
_CHUNK = 1 << 20


class Channel:
    """One end. ``send`` and ``receive`` are not meant for several threads at once."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    @classmethod
    def pair(cls) -> tuple[Channel, socket.socket]:
        """Our end, and a socket to hand to another process."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        return cls(ours), theirs

    @classmethod
    def of_descriptor(cls, number: int) -> Channel:
        """The end that this process inherited under that number."""
        return cls(socket.socket(fileno=number))

    def send(self, value: object) -> None:
        """Raises ``OSError`` when the other process is gone, and whatever pickling raises before anything is sent."""
        buffers: list[memoryview] = []
        body = _pickled(value, buffers)
        header = _HEADER.pack(len(body), len(buffers))
        if not buffers:
            self._socket.sendall(header + body)
            return
        with _anonymous_file() as file:
            for buffer in buffers:
                _write(file, buffer)
            sent = socket.send_fds(self._socket, [header], [file.fileno()])
        self._socket.sendall(header[sent:] + body)

    def receive(self) -> Any:
        """The next value; raises ``EOFError`` when the other process is gone."""
        try:
            start, descriptors, _, _ = socket.recv_fds(self._socket, _HEADER.size, 1)
            if not start:
                raise EOFError("the other process is gone")
            header = start + self._exactly(_HEADER.size - len(start))
            size, _ = _HEADER.unpack(header)
            return _unpickled(self._exactly(size), descriptors)
        except ConnectionError as fault:
            raise EOFError("the other process is gone") from fault

    def ready(self, seconds: float | None) -> bool:
        """Whether something, the end included, came within that time (None: wait for ever)."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return bool(waiting.poll(None if seconds is None else max(0, round(seconds * 1000))))

    def close(self) -> None:
        """No value after this one; may be called twice."""
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._socket.recv(min(_CHUNK, size - len(parts)))
            if not part:
                raise EOFError("the other process is gone")
            parts += part
        return bytes(parts)


class _Pickler(pickle.Pickler):
    """Puts pixels aside as buffers, as pickle itself does with arrays."""

    def reducer_override(self, value: object) -> Any:
        if isinstance(value, Image):
            return Image, (value.mode, value.width, value.height, pickle.PickleBuffer(value.pixels))
        return NotImplemented


def _pickled(value: object, buffers: list[memoryview]) -> bytes:
    sizes: list[int] = []

    def put_aside(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < LARGE:
            return True  # inside the pickle
        buffers.append(raw)
        sizes.append(raw.nbytes)
        return False

    body = io.BytesIO()
    _Pickler(body, protocol=5, buffer_callback=put_aside).dump(value)
    return pickle.dumps(sizes) + body.getvalue()


def _unpickled(body: bytes, descriptors: Sequence[int]) -> Any:
    stream = io.BytesIO(body)
    sizes: list[int] = pickle.load(stream)
    if not sizes:
        return pickle.load(stream)
    (descriptor,) = descriptors
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        file.seek(0)
        return pickle.load(stream, buffers=[_read(file, size) for size in sizes])


def _read(file: io.FileIO, size: int) -> bytes:
    whole = file.read(size) or b""
    while len(whole) < size:
        more = file.read(size - len(whole))
        if not more:
            raise EOFError("a buffer ends too early")
        whole += more
    return whole


def _write(file: io.FileIO, buffer: memoryview) -> None:
    while buffer:
        buffer = buffer[file.write(buffer) :]


def _anonymous_file() -> io.FileIO:
    """A file that nobody else can open and that vanishes with its last descriptor."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("panic-tda"), "w+b", buffering=0)  # noqa: PTH123  # closed by its user
    return tempfile.TemporaryFile(buffering=0)
