"""What stands on a node of the cluster, and how its pool asks it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from panic_tda.errors import WorkerCrashed, first_line
from panic_tda.runtime.execution import overdue
from panic_tda.runtime.pool.messages import Done, Failed, Run

START_S = 120.0


class Actor:
    """The models of one worker, on some node."""

    def __init__(self, path: Sequence[str], threads: int) -> None:
        """``path`` is where the pool's Python finds modules; what this node has of it is searched too."""
        sys.path += [folder for folder in path if folder not in sys.path and Path(folder).exists()]
        from panic_tda.runtime.pool.answering import Answerer

        self._answerer = Answerer(threads)

    def pid(self) -> int:
        """The process on its node."""
        return os.getpid()

    def answer(self, asked: Run) -> Done | Failed:
        """See :class:`~panic_tda.runtime.pool.answering.Answerer`."""
        return self._answerer.answer(asked, lambda _: None)


class ActorWorker:
    """An actor as its pool sees it; see :class:`~panic_tda.runtime.pool.slot.PoolWorker`."""

    def __init__(self, name: str, threads: int, gpus: float) -> None:
        """Raises ``WorkerCrashed`` when the cluster has no room for it, or it does not come up."""
        import ray

        self.name = name
        self.served = 0
        self.started = time.monotonic()
        self._alive = True
        made = ray.remote(num_cpus=threads, num_gpus=gpus, max_restarts=0, max_task_retries=0)(Actor)
        self._actor: Any = made.remote(tuple(path for path in sys.path if path), threads)
        try:
            self._pid = int(ray.get(self._actor.pid.remote(), timeout=START_S))
        except ray.exceptions.GetTimeoutError:
            self.kill()
            raise WorkerCrashed(
                f"{name}: the cluster found no room for {threads} CPUs and {gpus:g} GPUs within {START_S:g} s",
                hint="ray status shows what is free; ask for fewer workers with --workers",
            ) from None
        except ray.exceptions.RayError as fault:
            self._alive = False
            raise WorkerCrashed(f"{name} does not start: {first_line(fault, instead=type(fault).__name__)}") from None

    @property
    def pid(self) -> int:
        """Its process, on whichever node."""
        return self._pid

    @property
    def is_alive(self) -> bool:
        """Whether it was there when it was last asked."""
        return self._alive

    def ask(self, run: Run, limit_s: float) -> Done | Failed:
        """See :class:`~panic_tda.runtime.pool.slot.PoolWorker`; loading and running share twice the time."""
        import ray

        self.served += 1
        model = run.call.spec.name if run.call else "no model"
        try:
            return cast("Done | Failed", ray.get(self._actor.answer.remote(run), timeout=2 * limit_s))
        except ray.exceptions.GetTimeoutError:
            self._alive = False
            raise overdue(model, 2 * limit_s, worker_ended=True) from None
        except ray.exceptions.RayError as fault:
            self._alive = False
            raise WorkerCrashed(
                f"{self.name} ended while it ran {model}: {first_line(fault, instead=type(fault).__name__)}"
            ) from None

    def close(self) -> None:
        """An actor holds nothing that must be written."""
        self.kill()

    def kill(self) -> None:
        """Ends it now."""
        import ray

        self._alive = False
        ray.kill(self._actor, no_restart=True)
