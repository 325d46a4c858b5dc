"""Running a program on given inputs, once, through an executor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from panic_tda.content import Content, Image, Text
from panic_tda.errors import PanicError
from panic_tda.models.model import ModelSpec, ParameterValue
from panic_tda.programs.fields import Value
from panic_tda.programs.types import signature_of
from panic_tda.runtime.result import Call

if TYPE_CHECKING:
    from panic_tda.runtime.executor import Executor


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """What a program made: ``outputs`` by name, and ``model``, its ``name@version``."""

    outputs: Mapping[str, Value]
    model: str
    seed: int
    seconds: float


def run(executor: Executor, spec: ModelSpec, inputs: Mapping[str, Value], *, seed: int = 0) -> ProgramRun:
    """One run. Further inputs that have defaults may be left out.

    Raises ``SignatureError`` for inputs that the signature refuses, before any model is called, and the ``ModelError``
    that stands in place of an output.
    """
    signature = signature_of(spec)
    signature.check(inputs, known=[each.name for each in spec.parameters if not each.required])
    first = inputs[signature.inputs[0].name]
    content: Content = first if isinstance(first, Image) else Text(signature.inputs[0].written(first))
    further = {
        field.name: cast("ParameterValue", inputs[field.name]) for field in signature.further if field.name in inputs
    }
    result = executor.submit(Call(spec, (content,), (seed,), further)).result()
    [outcome] = result.outputs
    if isinstance(outcome, PanicError):
        raise outcome
    if len(signature.outputs) > 1:
        outputs: Mapping[str, Value] = json.loads(cast("Text", outcome).value)
    else:
        [field] = signature.outputs
        outputs = {field.name: outcome if isinstance(outcome, Image) else field.read(cast("Text", outcome).value)}
    return ProgramRun(outputs, result.model, seed, result.timings.run_s)
