"""Executors by name."""

from __future__ import annotations

from panic_tda.errors import ConfigurationError
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.process import ProcessExecutor

EXECUTORS = ("inprocess", "process")


def make_executor(
    name: str, *, workers: int = 0, memory_budget: int = 0, threads: int = 1, call_timeout_s: float = 0.0
) -> Executor:
    """The executor of that name; ``memory_budget`` in bytes; 0 lets it choose for itself.

    Raises ``ConfigurationError`` for an unknown name.
    """
    if name == "inprocess":
        return InProcessExecutor(memory_budget=memory_budget, threads=threads, call_timeout_s=call_timeout_s)
    if name == "process":
        return ProcessExecutor(
            size=workers, memory_budget=memory_budget, threads=threads, call_timeout_s=call_timeout_s
        )
    raise ConfigurationError([f"unknown executor {name!r} (there is: {', '.join(EXECUTORS)})"])
