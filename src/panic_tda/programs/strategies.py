"""How a program answers: the strategies that need nothing but our own models, and where to find the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from panic_tda.content import Content, Image, Text
from panic_tda.errors import InvalidOutput, ModelError, SignatureError
from panic_tda.models.language import LanguageModel, Message
from panic_tda.models.model import Generator, Model, ModelSpec, Parameters, ParameterValue, Placement
from panic_tda.programs.asking import Messages, told
from panic_tda.programs.definition import DSPY_STRATEGIES, Definition
from panic_tda.programs.fields import Field, Value
from panic_tda.programs.parameters import complete, sorted_parameters
from panic_tda.programs.types import signature_of

Answered: TypeAlias = Mapping[str, Value] | ModelError
"""The outputs by name, or why there are none."""
Strategy: TypeAlias = Callable[[Sequence[Mapping[str, Value]], Sequence[int]], Sequence[Answered]]
"""All inputs of each item by name, and its seed; one answer for each item, in order."""


def strategy_of(spec: ModelSpec, placement: Placement) -> Strategy:
    """What answers for a program."""
    definition = definition_of(spec)
    if definition.strategy == "pipeline":
        return Pipeline(spec, placement)
    if definition.strategy in DSPY_STRATEGIES:
        from panic_tda.programs.dspy_bridge.predicting import Predictor

        return Predictor(spec, placement)
    return Template(spec, placement) if definition.strategy == "template" else Direct(spec, placement)


def definition_of(spec: ModelSpec) -> Definition:
    """What a program was made from."""
    return Definition.from_json(json.loads(str(spec.option("definition"))))


class Direct:
    """The model gets the one input as it is, and its output is the one output."""

    def __init__(self, spec: ModelSpec, placement: Placement) -> None:
        self._name, self._placement = spec.name, placement
        self._signature = signature_of(spec)
        [self._part] = spec.parts
        definition = definition_of(spec)
        self._given = sorted_parameters(definition, self._signature, self._part)
        self._parameters = complete(definition.strategy, self._given.model, self._part)

    def __call__(self, items: Sequence[Mapping[str, Value]], seeds: Sequence[int]) -> list[Answered]:
        with self._placement.borrowed(self._part) as model:
            made = self._made(model, items, seeds)
        return [_read(self._name, self._signature.outputs[0], each) for each in made]

    def _made(self, model: Model, items: Sequence[Mapping[str, Value]], seeds: Sequence[int]) -> Sequence[object]:
        [field] = self._signature.inputs
        return _generated(model, [_as_content(field, item[field.name]) for item in items], seeds, self._parameters)


class Template(Direct):
    """A text with the inputs filled in is all that the model gets: as a message, where it is a language model."""

    def _made(self, model: Model, items: Sequence[Mapping[str, Value]], seeds: Sequence[int]) -> Sequence[object]:
        texts = [self._filled_in(item) for item in items]
        if not isinstance(model, LanguageModel):
            plain = {"template": "{text}"} if "template" in self._parameters else {}
            return _generated(model, [Text(text) for text in texts], seeds, self._parameters | plain)
        system = self._given.own.get("system")
        before = (Message("system", system),) if system else ()
        return [
            _told(self._part.name, model, (*before, Message("user", text)), seed, self._parameters)
            for text, seed in zip(texts, seeds, strict=True)
        ]

    def _filled_in(self, item: Mapping[str, Value]) -> str:
        words = {field.name: field.written(item[field.name]) for field in self._signature.inputs}
        return str(self._given.own["template"]).format_map(words)


class Pipeline:
    """Each step takes what the one before made, with the same seed."""

    def __init__(self, spec: ModelSpec, placement: Placement) -> None:
        self._spec, self._placement = spec, placement
        self._signature = signature_of(spec)

    def __call__(self, items: Sequence[Mapping[str, Value]], seeds: Sequence[int]) -> list[Answered]:
        first, further = self._signature.inputs[0], {field.name for field in self._signature.further}
        given = {name: cast("ParameterValue", value) for name, value in items[0].items() if name in further}
        made: list[object] = [_as_content(first, item[first.name]) for item in items]
        for part in self._spec.parts:
            made = self._stepped(part, made, seeds, given)
        return [_read(self._spec.name, self._signature.outputs[0], each) for each in made]

    def _stepped(
        self, part: ModelSpec, made: Sequence[object], seeds: Sequence[int], given: Mapping[str, ParameterValue]
    ) -> list[object]:
        """What became of every item after this step; items that failed before stay as they are."""
        alive = [index for index, each in enumerate(made) if isinstance(each, Content)]
        stepped = list(made)
        if alive:
            fields = {field.name for field in signature_of(part).further}
            parameters = part.with_defaults({name: value for name, value in given.items() if name in fields})
            with self._placement.borrowed(part) as model:
                inputs = [cast("Content", made[index]) for index in alive]
                outputs = _generated(model, inputs, [seeds[index] for index in alive], parameters)
            for index, output in zip(alive, outputs, strict=True):
                stepped[index] = _checked(part, output)
        return stepped


def _generated(
    model: Model, inputs: Sequence[Content], seeds: Sequence[int], parameters: Mapping[str, ParameterValue]
) -> Sequence[object]:
    outputs = cast("Generator", model).generate(inputs, seeds, parameters)
    if len(outputs) != len(inputs):
        raise InvalidOutput(f"{len(outputs)} outputs were made for {len(inputs)} inputs")
    return outputs


def _told(name: str, model: LanguageModel, messages: Messages, seed: int, parameters: Parameters) -> object:
    try:
        return Text(told(name, model, messages, seed, parameters).text.strip())
    except ModelError as fault:
        return fault
    except SignatureError as fault:
        return InvalidOutput(fault.message)


def _as_content(field: Field, value: Value) -> Content:
    return value if isinstance(value, Image) else Text(field.written(value))


def _checked(part: ModelSpec, output: object) -> object:
    if isinstance(output, ModelError):
        return output
    if isinstance(output, Content) and output.kind is part.signature.output:
        return output
    return InvalidOutput(f"{part.name} made a {type(output).__name__} where {part.signature.output} was expected")


def _read(name: str, field: Field, output: object) -> Answered:
    """The one output of a program from what its model made."""
    if isinstance(output, ModelError):
        return output
    if isinstance(output, Image):
        return {field.name: output}
    if not isinstance(output, Text):
        return InvalidOutput(f"{name}: its model made a {type(output).__name__}")
    try:
        return {field.name: field.read(output.value)}
    except ValueError as fault:
        return InvalidOutput(f"{name}: {fault}")
