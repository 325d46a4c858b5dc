"""The executor that runs models in worker processes on this machine."""

from __future__ import annotations

import os
from functools import partial

from panic_tda.runtime.pool.executor import PoolExecutor
from panic_tda.runtime.pool.limits import PoolLimits
from panic_tda.runtime.process.child import WorkerProcess


class ProcessExecutor(PoolExecutor):
    """A pool of worker processes; see :class:`~panic_tda.runtime.pool.executor.PoolExecutor`."""

    def __init__(self, *, size: int = 0, threads: int = 1, limits: PoolLimits | None = None) -> None:
        """``size`` workers (0: half of the cores) with ``threads`` for the models of each."""
        count = size or max(1, (os.cpu_count() or 1) // 2)
        starts = [partial(WorkerProcess, f"process-{number}", threads) for number in range(count)]
        super().__init__("process", starts, limits or PoolLimits())
