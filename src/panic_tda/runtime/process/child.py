"""A worker process as its pool sees it: started, asked, and killed when it does not answer in time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from panic_tda.errors import WorkerCrashed
from panic_tda.runtime.execution import overdue
from panic_tda.runtime.pool.messages import Done, Failed, Run
from panic_tda.runtime.process.channel import Channel
from panic_tda.runtime.process.messages import Hello, Loaded
from panic_tda.runtime.process.starting import ending_of, start

START_S = 60.0
_FAREWELL_S = 5.0
_LAST_WORDS = 2_000
_MODULE = "panic_tda.runtime.process.main"


class WorkerProcess:
    """A running worker process; see :class:`~panic_tda.runtime.pool.slot.PoolWorker`."""

    def __init__(self, name: str, threads: int, gone: Callable[[], None]) -> None:
        """Starts the process and waits until it says that it is there; ``gone`` is called, on a thread, when it dies.

        Raises ``WorkerCrashed`` when it does not come up.
        """
        self.name = name
        self.served = 0
        self.started = time.monotonic()
        self._channel, theirs = Channel.pair()
        with theirs:
            self._process = start(_MODULE, theirs.fileno(), threads, subprocess.PIPE)
        self._said: deque[bytes] = deque(maxlen=20)
        self._listening = threading.Thread(target=self._listen, args=(gone,), name=f"{name}-words", daemon=True)
        self._listening.start()
        try:
            self._channel.send(Hello(tuple(sys.path), threads))
            self._receive(START_S)
        except (EOFError, OSError, TimeoutError):
            self.kill()
            raise WorkerCrashed(f"{name} does not start: {self.last_words() or 'it says nothing'}") from None

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def ask(self, run: Run, limit_s: float) -> Done | Failed:
        """See :class:`~panic_tda.runtime.pool.slot.PoolWorker`."""
        self.served += 1
        model = run.call.spec.name if run.call else "no model"
        try:
            self._channel.send(run)
            answer = self._receive(limit_s)
            if isinstance(answer, Loaded):
                answer = self._receive(limit_s)
        except TimeoutError:
            raise overdue(model, limit_s, worker_ended=True) from None
        except (EOFError, ConnectionError):
            raise WorkerCrashed(
                f"{self.name} {ending_of(self._process.wait())} while it ran {model}{self._quoted()}"
            ) from None
        return cast("Done | Failed", answer)

    def close(self) -> None:
        """Lets the process end by itself, and ends it when it does not."""
        self._channel.close()
        try:
            self._process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._collect()

    def kill(self) -> None:
        """Ends the process now."""
        self._process.kill()
        self._channel.close()
        self._collect()

    def last_words(self) -> str:
        """The end of what the process printed."""
        self._listening.join(1.0)
        return b"".join(self._said)[-_LAST_WORDS:].decode(errors="replace").strip()

    def _receive(self, seconds: float) -> Any:
        if not self._channel.ready(seconds or None):
            raise TimeoutError
        return self._channel.receive()

    def _listen(self, gone: Callable[[], None]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as words:
            for line in iter(lambda: words.readline(_LAST_WORDS), b""):
                self._said.append(line)
        self._process.wait()  # its last word may come before it is known to have ended
        gone()

    def _collect(self) -> None:
        self._process.wait()
        self._listening.join(1.0)

    def _quoted(self) -> str:
        words = self.last_words().splitlines()
        return f"; it last said: {words[-1]}" if words else ""
