"""A worker process: loads models, runs the calls it is sent, and ends when nobody is there to send any.

Run as ``python -m panic_tda.runtime.process.main DESCRIPTOR``. What models print goes where the pool reads last
words, never into the channel.
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
    from panic_tda.runtime.pool.messages import Done, Failed
    from panic_tda.runtime.process.channel import Channel
    from panic_tda.runtime.process.messages import Hello


def main(descriptor: int) -> None:
    """Serves one pool until it closes the channel."""
    # The pool decides when a worker ends, not the terminal that the pool was started from.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with, args=(os.getppid(), descriptor), daemon=True).start()
    from panic_tda.runtime.process.channel import Channel

    channel = Channel.of_descriptor(descriptor)
    with contextlib.suppress(EOFError, ConnectionError):  # the pool is gone
        _serve(channel, channel.receive())


def _serve(channel: Channel, hello: Hello) -> None:
    """Answers until a device fails; raises ``EOFError`` when nobody asks any more."""
    sys.path[:] = hello.path
    from panic_tda.runtime.pool.answering import Answerer
    from panic_tda.runtime.pool.messages import Failed
    from panic_tda.runtime.process.messages import Loaded

    answerer = Answerer(hello.threads)
    channel.send(os.getpid())
    while True:
        answer = answerer.answer(channel.receive(), lambda load_s: channel.send(Loaded(load_s)))
        _send(channel, answer)
        if isinstance(answer, Failed) and answer.poisoned:
            return


def _send(channel: Channel, answer: Done | Failed) -> None:
    """An answer that cannot be pickled is a fault of the model that made it."""
    from panic_tda.errors import InvalidOutput
    from panic_tda.runtime.pool.messages import Failed

    try:
        channel.send(answer)
    except ConnectionError:
        raise
    except Exception as fault:  # pickling runs code of whatever was made
        failed = InvalidOutput(f"what the model made cannot leave its process: {type(fault).__name__}: {fault}")
        channel.send(Failed(failed, holds=answer.holds))


if __name__ == "__main__":
    main(int(sys.argv[1]))
