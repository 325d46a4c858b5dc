"""Waiting for what other processes do, without knowing how long it takes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], *, seconds: float = 30.0) -> bool:
    """Whether the condition came true in time; it is looked at again and again."""
    end = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return held


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended; one that nobody collected has."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123  # as short as the rest
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
