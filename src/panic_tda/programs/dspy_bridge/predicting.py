"""The strategies ``predict`` and ``chain_of_thought``: DSPy's own modules over a borrowed language model.

A model that keeps to schemas makes typed answers only, token by token. For any other the answer is parsed by DSPy.
Either way an answer that cannot be read, or was cut at its limit of tokens, is asked for again with another seed, drawn
from the first, ``attempts`` times in all; at temperature 0, where seeds change nothing, once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from panic_tda.errors import ConstraintError, InvalidOutput, ModelError
from panic_tda.models.language import LanguageModel
from panic_tda.models.model import Model, ModelSpec, Placement
from panic_tda.programs.asking import asking
from panic_tda.programs.dspy_bridge.engine import Engine, adapter, language_model
from panic_tda.programs.dspy_bridge.modules import module_of
from panic_tda.programs.fields import Value
from panic_tda.programs.parameters import ATTEMPTS, complete, sorted_parameters
from panic_tda.programs.strategies import Answered, definition_of
from panic_tda.programs.types import signature_of


class Predictor:
    """Answers one item after the other."""

    def __init__(self, spec: ModelSpec, placement: Placement) -> None:
        self._name, self._placement = spec.name, placement
        self._signature = signature_of(spec)
        [self._part] = spec.parts
        definition = definition_of(spec)
        given = sorted_parameters(definition, self._signature, self._part)
        self._parameters = complete(definition.strategy, given.model, self._part)
        greedy = self._parameters.get("temperature") == 0
        self._attempts = 1 if greedy else int(given.own.get("attempts", ATTEMPTS))
        self._module = module_of(definition)

    def __call__(self, items: Sequence[Mapping[str, Value]], seeds: Sequence[int]) -> list[Answered]:
        with self._placement.borrowed(self._part) as model:
            return [self._answer(model, item, seed) for item, seed in zip(items, seeds, strict=True)]

    def _answer(self, model: Model, item: Mapping[str, Value], seed: int) -> Answered:
        reason = ""
        for attempt in range(self._attempts):
            answer = self._attempt(model, item, seed if attempt == 0 else another_seed(seed, attempt))
            if not isinstance(answer, InvalidOutput):
                return answer
            reason = answer.message
        times = "attempt" if self._attempts == 1 else "attempts"
        return InvalidOutput(f"{self._name}: no valid answer in {self._attempts} {times}: {reason}")

    def _attempt(self, model: Model, item: Mapping[str, Value], seed: int) -> Answered:
        import dspy

        name = self._part.name
        engine = Engine(asking(name, model), self._parameters, seed, keeps_schemas=isinstance(model, LanguageModel))
        lm = language_model(name, engine)
        try:
            with dspy.context(lm=lm, adapter=adapter(engine), disable_history=True, trace=None):
                prediction = self._module(**item)
        except dspy.AdapterParseError as fault:
            return InvalidOutput(_first_line(fault))
        except dspy.DSPyError as fault:
            if isinstance(engine.fault, ConstraintError):
                return InvalidOutput(engine.fault.message)
            if isinstance(engine.fault, ModelError):
                return engine.fault
            raise engine.fault or fault from None
        outputs = {field.name: prediction.get(field.name) for field in self._signature.outputs}
        faults = [wrong for field in self._signature.outputs if (wrong := field.fault(outputs[field.name]))]
        return InvalidOutput("; ".join(faults)) if faults else outputs


def another_seed(seed: int, attempt: int) -> int:
    """A seed that the first one and the number of the attempt decide."""
    digest = hashlib.sha256(f"{seed} {attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _first_line(fault: Exception) -> str:
    return next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)[:200]
