"""The process that tunes: run as ``python -m panic_tda.training.process.main DESCRIPTOR``.

It is the one that holds the lock, so the lock ends with it, and it ends with the process that started it. It gives way
to everything else on the machine.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from panic_tda.runtime.process.starting import end_with

if TYPE_CHECKING:
    from panic_tda.errors import PanicError
    from panic_tda.runtime.process.channel import Channel
    from panic_tda.training.finetune import Tuned
    from panic_tda.training.process.messages import Task

_NICENESS = 19


def main(descriptor: int) -> None:
    """Does one tuning, and tells of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    threading.Thread(target=end_with, args=(os.getppid(), descriptor), daemon=True).start()
    from panic_tda.runtime.process.channel import Channel

    channel = Channel.of_descriptor(descriptor)
    with contextlib.suppress(EOFError, ConnectionError):  # nobody wants to know any more
        channel.send(_tuned(channel, channel.receive()))


def _tuned(channel: Channel, task: Task) -> Tuned | PanicError:
    """How the tuning ended; what nobody foresaw ends the process, with its traceback among the last words."""
    from panic_tda.errors import PanicError
    from panic_tda.models.deployment import using
    from panic_tda.store.database import open_record
    from panic_tda.training.finetune import finetune, threads_of_a_training
    from panic_tda.training.process.messages import Reached

    stop = threading.Event()
    threading.Thread(target=_listen, args=(channel, stop), daemon=True).start()
    try:
        with using(task.settings):
            return finetune(
                task.config,
                open_record=lambda: open_record(task.settings.db, create=False),
                report=lambda stage, done, total: channel.send(Reached(stage, done, total)),
                stop=stop,
                threads=threads_of_a_training(task.settings),
            )
    except PanicError as fault:
        return fault


def _listen(channel: Channel, stop: threading.Event) -> None:
    """The only thing that may be said now is to stop."""
    with contextlib.suppress(EOFError, OSError):
        channel.receive()
        stop.set()


if __name__ == "__main__":
    main(int(sys.argv[1]))
