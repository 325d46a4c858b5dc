"""Executors by name."""

from __future__ import annotations

import os

from panic_tda.errors import ConfigurationError
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.pool.limits import PoolLimits
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.runtime.ray_cluster.executor import RayExecutor
from panic_tda.settings import Settings

EXECUTORS = ("inprocess", "process", "ray")


def make_executor(settings: Settings) -> Executor:
    """The executor that the settings name, as they want it; raises ``ConfigurationError`` for an unknown name."""
    budget = settings.memory_budget * 1_000_000
    limits = PoolLimits(memory_budget=budget, call_timeout_s=settings.call_timeout)
    if settings.executor == "inprocess":
        # Half of the cores for a model: its threads wait for each other by spinning, and one busy neighbour on the
        # last core makes them all many times slower; storing and encoding are such neighbours.
        threads = settings.threads or max(1, (os.cpu_count() or 1) // 2)
        return InProcessExecutor(memory_budget=budget, threads=threads, call_timeout_s=settings.call_timeout)
    if settings.executor == "process":
        return ProcessExecutor(size=settings.workers, threads=settings.threads or 1, limits=limits)
    if settings.executor == "ray":
        return RayExecutor(size=settings.workers, threads=settings.threads or 1, limits=limits)
    raise ConfigurationError([f"unknown executor {settings.executor!r} (there is: {', '.join(EXECUTORS)})"])
