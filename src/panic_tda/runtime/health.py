"""Is an executor able to work? Asked by making it work: one tiny call for every model that it used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from panic_tda.content import Content, Image, Text
from panic_tda.errors import PanicError
from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec
from panic_tda.models.weights import require
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.result import Call
from panic_tda.signature import Kind

_PROBE = "DummyText"
_PATIENCE_S = 60.0


class Health(NamedTuple):
    """``workers`` of ``wanted`` are there; ``faults`` has a line for each thing that is wrong."""

    executor: str
    workers: int
    wanted: int
    faults: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Whether every worker is there and every call was answered."""
        return self.workers == self.wanted and not self.faults


def health(executor: Executor, specs: Iterable[ModelSpec] = ()) -> Health:
    """Makes a call for each of the models (none given: for a dummy), and looks whether weights are still intact."""
    found = executor.snapshot().workers
    faults = [fault for spec in (list(specs) or [find(_PROBE)]) if (fault := _fault(executor, spec))]
    return Health(executor.name, found, executor.workers, tuple(faults))


def _fault(executor: Executor, spec: ModelSpec) -> str:
    try:
        for weights in spec.weights:
            require(weights, model=spec.name)
        executor.check(spec)
        (outcome,) = executor.submit(Call(spec, (_tiny(spec.signature.input),), (0,))).result(_PATIENCE_S).outputs
    except TimeoutError:
        return f"{spec.name}: no answer within {_PATIENCE_S:g} s"
    except PanicError as fault:
        return fault.message
    return outcome.message if isinstance(outcome, PanicError) else ""


def _tiny(kind: Kind) -> Content:
    """One word, or a ramp of greys."""
    if kind is Kind.TEXT:
        return Text("hello")
    side = 64
    return Image("RGB", side, side, bytes(value * 4 for value in range(side) for _ in range(side * 3)))
