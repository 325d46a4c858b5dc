"""SHA-256 of files, remembered: large weights take a minute to read, and several commands ask.

What is remembered of a file holds while its size and both its times are what they were. In a process everything is
remembered; on disk (``hashes.json`` in panic-tda's cache) what is large.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from functools import cache
from pathlib import Path

from panic_tda.models.files import cache_folder, opened_whole, read_object

_LARGE = 16_000_000


def sha256_of_file(path: Path) -> str:
    """64 lower-case hex digits."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def remembered_sha256(path: Path) -> str:
    """The SHA-256 of a file in the state it is in."""
    state = path.stat()
    return _in_process(path, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@cache
def _in_process(path: Path, size: int, modified_ns: int, changed_ns: int) -> str:
    if size < _LARGE:
        return sha256_of_file(path)
    state = [size, modified_ns, changed_ns]
    known = read_object(_file()).get(str(path.resolve()))
    if isinstance(known, list) and known[:-1] == state:
        return str(known[-1])
    found = sha256_of_file(path)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        remembered = {**read_object(_file()), str(path.resolve()): [*state, found]}
        with opened_whole(_file()) as opened:
            opened.write(json.dumps(remembered, indent=0).encode())
    return found


def _file() -> Path:
    return cache_folder() / "hashes.json"
