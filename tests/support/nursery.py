"""Processes that begin at once: copies of one that has imported what all of them need.

    python nursery.py MODULE...

imports the modules, and forks a process for each request that comes on stdin, a socket. They are processes like any
others, which can be killed, stopped and starved; they only need no second to begin.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])


class Forked:
    """A process of the nursery; ``returncode`` is None while it lives, and −N when signal N has killed it."""

    def __init__(self, stdin: int, stdout: int, stderr: int, status: int) -> None:
        self._stdin, self._stdout, self._stderr, self._status = stdin, stdout, stderr, status
        self._heard = {stdout: b"", stderr: b"", status: b""}
        self._open = [stdout, stderr, status]
        self.returncode: int | None = None
        while status in self._open and not self._heard[status]:
            self._listen(None)
        if not self._heard[status]:
            raise RuntimeError("the nursery is gone")
        self.pid = int(self._heard[status].split()[0])

    @property
    def errors(self) -> str:
        """What it has said on stderr, as far as it was heard."""
        return self._heard[self._stderr].decode(errors="replace")

    def say(self, line: str) -> None:
        """Writes a line to its stdin, which one that has ended does not hear."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._stdin, f"{line}\n".encode())

    def read_line(self) -> str | None:
        """The next line of its stdout without its end, or None when there is no more."""
        while self._stdout in self._open and b"\n" not in self._heard[self._stdout]:
            self._listen(None)
        line, end, self._heard[self._stdout] = self._heard[self._stdout].partition(b"\n")
        return line.decode() if end else None

    def read_until(self, line: str) -> None:
        """Reads its stdout up to such a line; raises ``RuntimeError`` when it never comes."""
        while (said := self.read_line()) != line:
            if said is None:
                raise RuntimeError(f"it never said {line!r}")

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless the process is known to have ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """Hears what it still says until it has ended, and returns its exit code; raises ``TimeoutError``."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._open:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._listen(left):
                raise TimeoutError(f"process {self.pid} has not ended after {timeout} s")
        if self.returncode is None:
            self.returncode = int(self._heard[self._status].split()[1])
            os.close(self._stdin)
        return self.returncode

    def _listen(self, timeout: float | None) -> bool:
        """Waits until something is said, or closed; False when nothing was for so many seconds."""
        ready, _, _ = select.select(self._open, [], [], timeout)
        for file in ready:
            piece = os.read(file, 1 << 16)
            self._heard[file] += piece
            if not piece:
                self._open.remove(file)
                os.close(file)
        return bool(ready)


class Nursery:
    """Imports these modules once, and forks processes as long as its block lasts."""

    def __init__(self, *modules: str) -> None:
        self._modules = modules

    def __enter__(self) -> Nursery:
        self._entrance, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, __file__, *self._modules]
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)
        if not self._entrance.recv(1):
            raise RuntimeError("the nursery did not begin")
        return self

    def __exit__(self, *_: object) -> None:
        self._entrance.close()
        self._process.wait()

    def start(self, module: str, *arguments: str) -> Forked:
        """A process that calls ``main(arguments)`` of a module, and ends with what that returns."""
        stdin, *others = (os.pipe() for _ in range(4))
        theirs = [stdin[0], *(write for _, write in others)]
        socket.send_fds(self._entrance, [json.dumps([module, *arguments]).encode()], theirs)
        for file in theirs:
            os.close(file)
        return Forked(stdin[1], *(read for read, _ in others))


def serve(entrance: socket.socket) -> None:
    """Says that it is ready, and forks until the other side is gone; then all that is left is killed."""
    entrance.send(b"!")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the guards
    while True:
        message, files, _, _ = socket.recv_fds(entrance, 1 << 16, 4)
        if not message:
            os.killpg(0, signal.SIGKILL)
        if os.fork() == 0:
            _guard(json.loads(message), files)
        for file in files:
            os.close(file)


def _guard(request: Sequence[str], files: Sequence[int]) -> None:
    """Forks the process, and tells its id and how it ended."""
    *standard, status = files
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        for number, file in enumerate(standard):
            os.dup2(file, number)
        for file in files:
            os.close(file)
        os._exit(_called(*request))
    for file in standard:
        os.close(file)
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(status, f"{pid}\n".encode())
        os.write(status, f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
    os._exit(0)


def _called(module: str, *arguments: str) -> int:
    try:
        return int(import_module(module).main(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        import_module(name)
    serve(socket.socket(fileno=0))
