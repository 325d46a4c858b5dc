"""One tuning at a time on a machine: whoever tunes holds a file beside the versions, and lets go of it by dying."""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from panic_tda.errors import TrainingBusy, make_folder, naming_the_file
from panic_tda.models.files import read_object
from panic_tda.models.versions.register import lock_file


@contextmanager
def only_one(model: str) -> Iterator[None]:
    """While the block lasts no other process tunes anything; raises ``TrainingBusy`` that says who does.

    The file stays where it is afterwards; what counts is whether somebody holds it.
    """
    path = lock_file()
    make_folder(path.parent)
    with ExitStack() as held:
        with naming_the_file(path):
            lock = held.enter_context(path.open("a", encoding="utf-8"))  # as it is, for it says who holds it
            _take(lock, path)
            _sign(lock, model)
        try:
            yield
        finally:
            lock.truncate(0)


def _take(lock: IO[str], path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        hint = "wait until it has ended, or stop it; tunings follow one another"
        raise TrainingBusy(_holder(path), hint=hint) from None


def _sign(lock: IO[str], model: str) -> None:
    lock.truncate(0)
    json.dump({"model": model, "pid": os.getpid(), "machine": platform.node(), "since": _now()}, lock)
    lock.flush()


def _now() -> str:
    return datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")


def _holder(path: Path) -> str:
    """Who wrote last, and what about; the file is empty for a moment after its holder has changed."""
    said = read_object(path)
    try:
        return f"process {said['pid']} on {said['machine']} has been tuning {said['model']} since {said['since']}"
    except KeyError:
        return "another process is tuning an embedder"
