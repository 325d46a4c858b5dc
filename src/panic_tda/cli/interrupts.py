"""Ctrl-C, SIGTERM or a closed terminal: the first finishes the batch in flight, the second stops now."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHOW_CURSOR = b"\x1b[?25h"  # the progress bars hide it


@contextmanager
def graceful(*, quiet: bool) -> Iterator[threading.Event]:
    """An event that is set by the first Ctrl-C, SIGTERM or SIGHUP; a second one ends the process with 130 at once."""
    stop = threading.Event()

    def on_signal(_: int, __: FrameType | None) -> None:
        if stop.is_set():
            if os.isatty(2):
                os.write(2, _SHOW_CURSOR)
            os._exit(130)
        stop.set()
        if not quiet:
            # Not print: the signal may have come in the middle of one, whose buffer cannot be entered twice.
            with suppress(OSError):  # the terminal may be what has gone
                os.write(2, b"stopping after the batch in flight; once more to stop now\n")

    heard = [number for number in _SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    previous = {number: signal.signal(number, on_signal) for number in heard}  # nohup stays deaf to SIGHUP
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
