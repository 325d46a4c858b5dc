"""Starting a process of our own, and ending it with the one that started it, however that one ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import IO

_GLANCE_MS = 1_000
_THREAD_CAPS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def start(module: str, descriptor: int, threads: int, words: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Runs a module of ours with the number of a descriptor that it inherits; what it prints goes to ``words``.

    It finds modules where this process does, and hears no signals from the terminal.
    """
    caps = {name: str(threads) for name in _THREAD_CAPS if name not in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", module, str(descriptor)],
        stdin=subprocess.DEVNULL,
        stdout=words,
        stderr=subprocess.STDOUT,
        pass_fds=[descriptor],
        env={**os.environ, **caps, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        start_new_session=True,
    )


def ending_of(code: int) -> str:
    """How a process ended, in words, by its exit code."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def end_with(parent: int, descriptor: int) -> None:
    """Ends this process, whatever it is doing, when the process ``parent`` closes the channel or dies; never returns.

    For a thread of its own.
    """
    waiting = select.poll()
    waiting.register(descriptor, 0)  # hanging up is reported unasked
    while not waiting.poll(_GLANCE_MS) and os.getppid() == parent:
        pass
    os._exit(0)
