"""Running one batch on a loaded model: checks, bounded retries, and splitting a batch that fails as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from panic_tda.content import Image, Text
from panic_tda.errors import (
    DeviceFault,
    ExecutionTimeout,
    InvalidOutput,
    ModelCallFailed,
    ModelError,
    OutOfMemory,
    first_line,
)
from panic_tda.models.model import Embedder, Generator, Model, ModelSpec
from panic_tda.models.purpose import Purpose, TextEmbedder
from panic_tda.runtime.result import Call
from panic_tda.signature import Kind

if TYPE_CHECKING:
    from panic_tda.runtime.result import Outcome

RETRIES = 1


class BatchLimits:
    """The largest batch each model was seen to survive, learnt from running out of memory."""

    def __init__(self) -> None:
        self._limits: dict[ModelSpec, int] = {}

    def limit(self, spec: ModelSpec) -> int | None:
        """The learnt limit, or None while the model never ran out of memory."""
        return self._limits.get(spec)

    def lower(self, spec: ModelSpec, size: int) -> None:
        """Remembers that only ``size`` items fit."""
        self._limits[spec] = min(size, self._limits.get(spec, size))


def execute(call: Call, model: Model, limits: BatchLimits, *, retries: int = RETRIES) -> tuple[Outcome, ...]:
    """One outcome for each input of the call.

    A batch that runs out of memory is halved until it fits, and the limit is remembered. A batch that raises
    anything else is halved too, so that one bad input does not harm its neighbours; a single item is tried
    again ``retries`` times with the same seed before its error becomes its outcome. Raises ``DeviceFault``.
    """
    if not call.inputs:
        return ()
    size = limits.limit(call.spec) or len(call.inputs)
    if len(call.inputs) > size:
        return _halves(call, model, limits, retries, size)
    try:
        return _checked(call, _invoke(call, model))
    except (MemoryError, OutOfMemory) as fault:
        if len(call.inputs) == 1:
            return (ModelCallFailed(f"{call.spec.name} ran out of memory on a single item: {first_line(fault)}"),)
        half = len(call.inputs) // 2
        limits.lower(call.spec, half)
        return _halves(call, model, limits, retries, half)
    except DeviceFault:
        raise  # nothing more can be tried in this process
    except Exception as fault:  # a model may raise anything; it concerns this call only
        if len(call.inputs) > 1:
            return _halves(call, model, limits, retries, len(call.inputs) // 2)
        if retries > 0:
            return execute(call, model, limits, retries=retries - 1)
        return (_failure(call.spec, fault),)


def overdue(model: str, limit_s: float, *, worker_ended: bool = False) -> ExecutionTimeout:
    """The error for a model that did not answer in time."""
    ended = ", and its worker was ended" if worker_ended else ""
    return ExecutionTimeout(
        f"{model} did not answer within {limit_s:g} s{ended}",
        hint="raise call_timeout in the settings, or find the input: resume --retry-failed --batch-size 1",
    )


def part(call: Call, start: int, stop: int) -> Call:
    """The items ``start`` to ``stop`` of a call."""
    return replace(call, inputs=call.inputs[start:stop], seeds=call.seeds[start:stop])


def _halves(call: Call, model: Model, limits: BatchLimits, retries: int, size: int) -> tuple[Outcome, ...]:
    outcomes: tuple[Outcome, ...] = ()
    for start in range(0, len(call.inputs), size):
        outcomes += execute(part(call, start, start + size), model, limits, retries=retries)
    return outcomes


def _invoke(call: Call, model: Model) -> Sequence[Any]:
    if call.spec.signature.is_generator:
        parameters = call.spec.with_defaults(call.parameters)
        return cast("Generator", model).generate(call.inputs, call.seeds, parameters)
    if call.purpose is Purpose.QUERY and isinstance(model, TextEmbedder):
        found = model.embed_texts([cast("Text", text).value for text in call.inputs], call.purpose)
        return [each if isinstance(each, ModelError) else each.vector for each in found]
    return cast("Embedder", model).embed(call.inputs)


def _failure(spec: ModelSpec, fault: Exception) -> ModelError:
    if isinstance(fault, ModelError):
        return fault
    return ModelCallFailed(f"{spec.name} raised {type(fault).__name__}: {first_line(fault)}")


def _checked(call: Call, outcomes: Sequence[Any]) -> tuple[Outcome, ...]:
    if len(outcomes) != len(call.inputs):
        raise InvalidOutput(f"{call.spec.name} made {len(outcomes)} outputs for {len(call.inputs)} inputs")
    check = _check_vector if call.spec.signature.output is Kind.VECTOR else _check_content
    return tuple(outcome if isinstance(outcome, ModelError) else check(call.spec, outcome) for outcome in outcomes)


def _check_content(spec: ModelSpec, outcome: object) -> Outcome:
    wanted = Text if spec.signature.output is Kind.TEXT else Image
    if isinstance(outcome, wanted):
        return outcome
    return InvalidOutput(f"{spec.name} made a {type(outcome).__name__} where {wanted.__name__} was expected")


def _check_vector(spec: ModelSpec, outcome: object) -> Outcome:
    import numpy as np

    if not isinstance(outcome, np.ndarray) or outcome.shape != (spec.dims,):
        shape = getattr(outcome, "shape", type(outcome).__name__)
        return InvalidOutput(f"{spec.name} made {shape} where a vector of {spec.dims} numbers was expected")
    if outcome.dtype.kind not in "fiu":
        return InvalidOutput(f"{spec.name} made a vector of {outcome.dtype} where real numbers were expected")
    with np.errstate(over="ignore", under="ignore"):
        vector = np.ascontiguousarray(outcome, dtype=np.float32)
    if not np.isfinite(vector).all():
        return InvalidOutput(f"{spec.name} made a vector that is not finite")
    return vector if vector.any() else InvalidOutput(f"{spec.name} made a vector that is zero")
