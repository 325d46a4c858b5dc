"""A tuning in a process of its own, as the process sees it that wants it done."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from typing import IO, Any

from panic_tda.errors import PanicError, TrainingError
from panic_tda.models.versions.register import line_of
from panic_tda.runtime.process.channel import Channel
from panic_tda.runtime.process.starting import ending_of, start
from panic_tda.training.finetune import Tuned, threads_of_a_training
from panic_tda.training.process.messages import Reached, Stop, Task
from panic_tda.training.tuning import Report

FAREWELL_S = 10.0
"""Seconds that the process has to write a checkpoint once it is to stop; then it is killed."""

_MODULE = "panic_tda.training.process.main"
_GLANCE_S = 0.2
_LAST_WORDS = 2_000


def finetune_aside(task: Task, *, report: Report, stop: threading.Event) -> Tuned:
    """Like :func:`~panic_tda.training.finetune.finetune`, in a fresh process that dies with this one.

    Raises what that raises, and ``TrainingError`` when the process ends without a word. One that does not stop in time
    is killed, which leaves what a version needs whole or not at all.
    """
    begun = time.monotonic()
    ours, theirs = Channel.pair()
    with tempfile.TemporaryFile() as words:
        with theirs:
            process = start(_MODULE, theirs.fileno(), threads_of_a_training(task.settings), words)
        try:
            ours.send(task)
            ended = _heard(ours, report, stop)
        except (EOFError, ConnectionError):
            process.wait()
            raise TrainingError(_end(task.config.model, process, words)) from None
        finally:
            process.kill()
            process.wait()
            ours.close()
    if isinstance(ended, PanicError):
        raise ended
    name = task.config.model
    return ended or Tuned("interrupted", name, None, line_of(name).champion, time.monotonic() - begun)


def _heard(channel: Channel, report: Report, stop: threading.Event) -> Tuned | PanicError | None:
    """How it ended, or None when there is no more time to wait for that."""
    until = float("inf")
    while time.monotonic() < until:
        if stop.is_set() and until == float("inf"):
            until = time.monotonic() + FAREWELL_S
            channel.send(Stop())
        if channel.ready(_GLANCE_S):
            message: Any = channel.receive()
            if not isinstance(message, Reached):
                return message  # type: ignore[no-any-return]
            report(message.stage, message.done, message.total)
    return None


def _end(model: str, process: subprocess.Popen[bytes], words: IO[bytes]) -> str:
    """What is known of a process that ended without a word."""
    size = os.fstat(words.fileno()).st_size
    last = os.pread(words.fileno(), _LAST_WORDS, max(0, size - _LAST_WORDS)).decode(errors="replace").splitlines()
    quoted = f"; it last said: {last[-1].strip()[:300]}" if last else ""
    return f"the process that tuned {model} {ending_of(process.returncode)}{quoted}"
