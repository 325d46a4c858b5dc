"""A worker process: loads models, runs the calls it is sent, and ends when nobody is there to send any.

Run as ``python -m panic_tda.runtime.process.worker DESCRIPTOR``. What models print goes where the pool reads last
words, never into the channel.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading

_GLANCE_MS = 1_000


def main(descriptor: int) -> None:
    """Serves one pool until it closes the channel."""
    # The pool decides when a worker ends, not the terminal that the pool was started from.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_pool, args=(descriptor, os.getppid()), daemon=True).start()
    from panic_tda.runtime.process.channel import Channel

    channel = Channel.of_descriptor(descriptor)
    try:
        hello = channel.receive()
        sys.path[:] = hello.path
        from panic_tda.runtime.process.serving import serve

        channel.send(os.getpid())
        serve(channel, hello.threads)
    except (EOFError, ConnectionError):
        pass  # the pool is gone


def _end_with_the_pool(descriptor: int, pool: int) -> None:
    """Ends the process, whatever its model is doing, when the pool closes the channel or dies."""
    waiting = select.poll()
    waiting.register(descriptor, 0)  # hanging up is reported unasked
    while not waiting.poll(_GLANCE_MS) and os.getppid() == pool:
        pass
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
