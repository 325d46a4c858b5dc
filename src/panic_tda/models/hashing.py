"""SHA-256 of files, remembered: large weights take a minute to read, and several commands ask.

What is remembered of a file holds while its size and both its times are what they were. In a process everything is
remembered; on disk (``hashes.json`` in panic-tda's cache) what is large.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

_LARGE = 16_000_000


def cache_folder() -> Path:
    """``$PANIC_TDA_CACHE``, else ``$XDG_CACHE_HOME/panic-tda``, else ``~/.cache/panic-tda``."""
    if chosen := os.environ.get("PANIC_TDA_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "panic-tda"


def sha256_of_file(path: Path) -> str:
    """64 lower-case hex digits."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def remembered_sha256(path: Path) -> str:
    """The SHA-256 of a file in the state it is in."""
    state = path.stat()
    return _in_process(path, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


def write_whole(path: Path, text: str) -> None:
    """Writes aside and renames, so that nobody sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.part-{os.getpid()}")
    with aside.open("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    aside.replace(path)


@cache
def _in_process(path: Path, size: int, modified_ns: int, changed_ns: int) -> str:
    if size < _LARGE:
        return sha256_of_file(path)
    state = [size, modified_ns, changed_ns]
    known = _on_disk().get(str(path.resolve()))
    if isinstance(known, list) and known[:-1] == state:
        return str(known[-1])
    found = sha256_of_file(path)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        write_whole(_file(), json.dumps({**_on_disk(), str(path.resolve()): [*state, found]}, indent=0))
    return found


def _file() -> Path:
    return cache_folder() / "hashes.json"


def _on_disk() -> dict[str, Any]:
    try:
        known = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
