"""The loader of programs: a model that borrows the models it is made of from the place it runs in."""

from __future__ import annotations

import json
from collections.abc import Sequence

from panic_tda.content import Content, Image, Text
from panic_tda.errors import InvalidOutput, ModelCallFailed, ModelError, SignatureError
from panic_tda.models.model import Generator, ModelSpec, Parameters, Placement
from panic_tda.programs.signature import ProgramSignature
from panic_tda.programs.strategies import Answered, Strategy, strategy_of
from panic_tda.programs.types import signature_of


class ProgramModel:
    """Reads inputs by the signature, lets the strategy answer, and writes the outputs."""

    def __init__(self, name: str, signature: ProgramSignature, strategy: Strategy) -> None:
        self._name, self._signature, self._strategy = name, signature, strategy

    def generate(
        self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters
    ) -> list[Content | ModelError]:
        """One output for each input; ``parameters`` are the further inputs.

        A single output is that image, or that value as a text; several are a JSON object. An input that the signature
        refuses is answered with a ``ModelCallFailed``, and an answer that it refuses with an ``InvalidOutput``.
        """
        asked = [self._asked(content, parameters) for content in inputs]
        alive = {index: each for index, each in enumerate(asked) if not isinstance(each, ModelError)}
        answers = self._strategy(list(alive.values()), [seeds[index] for index in alive]) if alive else []
        answered = dict(zip(alive, answers, strict=True))
        return [self._content(answered.get(index, each)) for index, each in enumerate(asked)]

    def close(self) -> None:
        """Nothing to free: what was borrowed was given back."""

    def _asked(self, content: Content, parameters: Parameters) -> Answered:
        try:
            return {self._signature.inputs[0].name: self._signature.value_of(content), **parameters}
        except SignatureError as fault:
            return ModelCallFailed(f"{self._name}: {fault.message}")

    def _content(self, answer: Answered) -> Content | ModelError:
        if isinstance(answer, ModelError):
            return answer
        faults = [fault for field in self._signature.outputs if (fault := field.fault(answer.get(field.name)))]
        if faults:
            return InvalidOutput(f"{self._name}: {'; '.join(faults)}")
        if len(self._signature.outputs) > 1:
            return Text(
                json.dumps({each.name: answer[each.name] for each in self._signature.outputs}, ensure_ascii=False)
            )
        [field] = self._signature.outputs
        value = answer[field.name]
        return value if isinstance(value, Image) else Text(field.written(value))


def load(spec: ModelSpec, placement: Placement) -> Generator:
    """The loader that the entries of programs name."""
    return ProgramModel(spec.name, signature_of(spec), strategy_of(spec, placement))
