"""Executors by name."""

from __future__ import annotations

from panic_tda.errors import ConfigurationError
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.inprocess import InProcessExecutor

EXECUTORS = ("inprocess",)


def make_executor(name: str, *, memory_budget: int = 0, threads: int = 1, call_timeout_s: float = 0.0) -> Executor:
    """The executor of that name; ``memory_budget`` in bytes; ``call_timeout_s`` 0 for no limit.

    Raises ``ConfigurationError`` for an unknown name.
    """
    if name == "inprocess":
        return InProcessExecutor(memory_budget=memory_budget, threads=threads, call_timeout_s=call_timeout_s)
    raise ConfigurationError([f"unknown executor {name!r} (there is: {', '.join(EXECUTORS)})"])
