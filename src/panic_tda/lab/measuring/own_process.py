"""A process of its own for each measurement: nothing else blurs its memory, and it may run out of it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from panic_tda.errors import ModelCallFailed, PanicError
from panic_tda.lab.measuring.investigation import Findings, Task, investigate


class _Killed(Exception):
    """The process was killed while it tried a batch of ``size`` (0: before the first)."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def investigate_aside(task: Task, report: Callable[[str], None]) -> Findings:
    """Like :func:`~panic_tda.lab.measuring.investigation.investigate`, in a fresh process.

    One that the system kills, as it does when memory runs out, is followed by another that leaves that batch size and
    larger ones out. Raises ``ModelCallFailed`` when even the smallest one is fatal.
    """
    while True:
        try:
            found = _once(task, report)
        except _Killed as death:
            smaller = [size for size in task.sizes if size < death.size]
            if not smaller:
                raise ModelCallFailed(
                    f"{task.spec.name}: the process that measured it was killed, as happens when memory runs out",
                    hint="close other programs, or choose a smaller model (panic-tda model list)",
                ) from None
            report(f"killed in a batch of {death.size}; once more with smaller ones")
            task = replace(task, sizes=smaller, fatal=death.size)
        else:
            return replace(found, out_of_memory_at=found.out_of_memory_at or task.fatal)


def _once(task: Task, report: Callable[[str], None]) -> Findings:
    context = get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sending, task), name="panic-tda-measure", daemon=True)
    process.start()
    sending.close()
    try:
        return _heard(process, receiving, task, report)
    finally:
        process.kill()
        process.join()
        receiving.close()


def _heard(process: SpawnProcess, receiving: Connection, task: Task, report: Callable[[str], None]) -> Findings:
    """What the process found; raises what it raised."""
    size = 0
    while True:
        try:
            message: Any = receiving.recv()
        except EOFError:
            process.join()
            if process.exitcode == -signal.SIGKILL:
                raise _Killed(size) from None
            raise ModelCallFailed(
                f"{task.spec.name}: the process that measured it ended with {process.exitcode} in a batch of {size}"
            ) from None
        if isinstance(message, Findings):
            return message
        if isinstance(message, PanicError):
            raise message
        size, sentence = message[0] or size, message[1]
        report(sentence)


def _child(sending: Connection, task: Task) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends this process
    try:
        sending.send(investigate(task, lambda size, sentence: sending.send((size, sentence))))
    except PanicError as fault:
        sending.send(fault)
