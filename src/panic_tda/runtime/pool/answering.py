"""What a worker does all day: run a question on a model that stays in memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from panic_tda.errors import DeviceFault, ModelCallFailed, PanicError
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.runtime.execution import BatchLimits, execute
from panic_tda.runtime.pool.messages import Done, Failed, Run
from panic_tda.runtime.residency import Residency
from panic_tda.runtime.result import Call


class Answerer:
    """The models of one worker. Which of them stay in memory is for the pool to decide."""

    def __init__(self, threads: int) -> None:
        placement = Placement(threads=threads, lender=lambda part: self._residency.lend(part))
        self._residency = Residency(sys.maxsize, lambda spec: spec.load(placement))
        self._told: list[ModelSpec] = []

    def answer(self, asked: Run, loaded: Callable[[float], None]) -> Done | Failed:
        """The answer; ``loaded`` is called with the seconds it took once a model that was not there is in memory."""
        answer = self._answer(asked, loaded)
        holds = self._residency.sizes()
        if list(holds) == self._told:  # entries of the catalogue are long, and told only when something changed
            return answer
        self._told = list(holds)
        return replace(answer, holds=holds)

    def _answer(self, asked: Run, loaded: Callable[[float], None]) -> Done | Failed:
        try:
            for spec in asked.drop:
                self._residency.drop(spec)
            return Done(()) if asked.call is None else self._run(asked.call, asked.limit, loaded)
        except DeviceFault as fault:
            return Failed(fault, poisoned=True)
        except PanicError as fault:
            return Failed(fault)
        except Exception as fault:  # the code of a model may raise anything while it is freed
            return Failed(ModelCallFailed(f"freeing a model raised {type(fault).__name__}: {fault}"))

    def _run(self, call: Call, limit: int | None, loaded: Callable[[float], None]) -> Done:
        limits = BatchLimits()
        if limit:
            limits.lower(call.spec, limit)
        with self._residency.use(call.spec) as (model, load_s):
            if load_s:
                loaded(load_s)
            started_at, started = datetime.now(UTC), time.perf_counter()
            outputs = execute(call, model, limits)
            run_s = time.perf_counter() - started
        return Done(outputs, load_s, run_s, started_at, limits.limit(call.spec))
