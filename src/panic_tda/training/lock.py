"""One tuning at a time on a machine: whoever tunes holds a file beside the versions, and lets go of it by dying."""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from panic_tda.errors import TrainingBusy, make_folder
from panic_tda.models.versions.register import lock_file


@contextmanager
def only_one(model: str) -> Iterator[None]:
    """While the block lasts no other process tunes anything; raises ``TrainingBusy`` that says who does.

    The file stays where it is afterwards; what counts is whether somebody holds it.
    """
    path = lock_file()
    make_folder(path.parent)
    with path.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            hint = "wait until it has ended, or stop it; tunings follow one another"
            raise TrainingBusy(_holder(path), hint=hint) from None
        _write(lock, {"model": model, "pid": os.getpid(), "machine": platform.node(), "since": _now()})
        try:
            yield
        finally:
            _write(lock, {})


def _write(lock: IO[str], said: dict[str, object]) -> None:
    lock.truncate(0)
    json.dump(said, lock)
    lock.flush()


def _now() -> str:
    return datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")


def _holder(path: Path) -> str:
    """Who wrote last, and what about; the file is empty for a moment after its holder has changed."""
    said = _read(path)
    try:
        return f"process {said['pid']} on {said['machine']} has been tuning {said['model']} since {said['since']}"
    except KeyError:
        return "another process is tuning an embedder"


def _read(path: Path) -> dict[str, object]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
