"""Files that models keep and read: panic-tda's cache, small JSON files, and files that are never seen half written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


def cache_folder() -> Path:
    """``$PANIC_TDA_CACHE``, else ``$XDG_CACHE_HOME/panic-tda``, else ``~/.cache/panic-tda``."""
    if chosen := os.environ.get("PANIC_TDA_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "panic-tda"


def read_object(path: Path) -> Mapping[str, Any]:
    """The JSON object in a file; an empty one where the file is missing, damaged or holds something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def opened_whole(path: Path) -> Iterator[BinaryIO]:
    """A file beside ``path`` to write to, which gets that name when the block ends: nobody sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.part-{os.getpid()}")
    with aside.open("wb") as opened:
        yield opened
        opened.flush()
        os.fsync(opened.fileno())
    aside.replace(path)


def write_whole(path: Path, text: str) -> None:
    """Writes a text in UTF-8, so that nobody sees half of it."""
    with opened_whole(path) as file:
        file.write(text.encode())
