"""What a worker does all day: receive a question, run it on a model that stays in memory, send the answer."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

from panic_tda.errors import DeviceFault, InvalidOutput, ModelCallFailed, PanicError
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.runtime.execution import BatchLimits, execute
from panic_tda.runtime.process.channel import Channel
from panic_tda.runtime.process.messages import Done, Failed, Loaded, Run
from panic_tda.runtime.residency import Residency
from panic_tda.runtime.result import Call


def serve(channel: Channel, threads: int) -> None:
    """Answers until a device fails; raises ``EOFError`` when nobody asks any more.

    Which models are in memory is for the pool to decide.
    """
    placement = Placement(threads=threads)
    residency = Residency(sys.maxsize, lambda spec: spec.load(placement))
    said: dict[ModelSpec, int] = {}
    while True:
        answer = _answer(channel.receive(), residency, channel)
        holds = residency.sizes()
        if list(holds) != list(said):  # entries of the catalogue are long, and told only when something changed
            answer = replace(answer, holds=holds)
            said = holds
        _send(channel, answer)
        if isinstance(answer, Failed) and answer.poisoned:
            return


def _answer(asked: Run, residency: Residency, channel: Channel) -> Done | Failed:
    try:
        for spec in asked.drop:
            residency.drop(spec)
        return Done(()) if asked.call is None else _run(asked.call, asked.limit, residency, channel)
    except DeviceFault as fault:
        return Failed(fault, poisoned=True)
    except PanicError as fault:
        return Failed(fault)
    except Exception as fault:  # the code of a model may raise anything while it is freed
        return Failed(ModelCallFailed(f"freeing a model raised {type(fault).__name__}: {fault}"))


def _run(call: Call, limit: int | None, residency: Residency, channel: Channel) -> Done:
    limits = BatchLimits()
    if limit:
        limits.lower(call.spec, limit)
    with residency.use(call.spec) as (model, load_s):
        if load_s:
            channel.send(Loaded(load_s))
        started_at, started = datetime.now(UTC), time.perf_counter()
        outputs = execute(call, model, limits)
        run_s = time.perf_counter() - started
    return Done(outputs, load_s, run_s, started_at, limits.limit(call.spec))


def _send(channel: Channel, answer: Done | Failed) -> None:
    """An answer that cannot be pickled is a fault of the model that made it."""
    try:
        channel.send(answer)
    except ConnectionError:
        raise
    except Exception as fault:  # pickling runs code of whatever was made
        failed = InvalidOutput(f"what the model made cannot leave its process: {type(fault).__name__}: {fault}")
        channel.send(Failed(failed, holds=answer.holds))
