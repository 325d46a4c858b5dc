"""Conversations through an executor: wherever models run, DSPy's optimisers can ask them.

A call carries a conversation as one JSON text, and so does its result; the language model itself is borrowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, cast

from panic_tda.content import Content, Text
from panic_tda.errors import ModelError, PanicError
from panic_tda.models.constraints import Constraint, ConstraintKind
from panic_tda.models.language import Ending, LanguageModel, Message, Usage, Written
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.programs.asking import Ask, Messages, asking
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.result import Call


def conversation_spec(part: ModelSpec) -> ModelSpec:
    """The entry of a model that takes whole conversations for ``part``, a text → text model."""
    return replace(
        part,
        name=f"{part.name}@conversation",
        family="conversation",
        loader="panic_tda.programs.conversing:load",
        memory_bytes=0,
        parameters=(),
        weights=(),
        repository=None,
        requires=(),
        batch_size=1,
        parts=(part,),
    )


def keeps_schemas(executor: Executor, part: ModelSpec) -> bool:
    """Whether the model holds its answers to a constraint."""
    return bool(_called(executor, part, {}, 0)["keeps_schemas"])


def ask_through(executor: Executor, part: ModelSpec) -> Ask:
    """Asks the model wherever the executor runs it."""

    def ask(messages: Messages, seed: int, parameters: Parameters, constraint: Constraint | None) -> Written:
        asked = {
            "messages": [asdict(message) for message in messages],
            "parameters": dict(parameters),
            "constraint": constraint and asdict(constraint),
        }
        return _written(_called(executor, part, asked, seed))

    return ask


def _called(executor: Executor, part: ModelSpec, asked: Mapping[str, Any], seed: int) -> dict[str, Any]:
    call = Call(conversation_spec(part), (Text(json.dumps(asked)),), (seed,))
    [outcome] = executor.submit(call).result().outputs
    if isinstance(outcome, PanicError):
        raise outcome
    return cast("dict[str, Any]", json.loads(cast("Text", outcome).value))


class _Conversing:
    def __init__(self, part: ModelSpec, placement: Placement) -> None:
        self._part, self._placement = part, placement

    def generate(
        self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters
    ) -> list[Content | ModelError]:
        with self._placement.borrowed(self._part) as model:
            ask, keeps = asking(self._part.name, model), isinstance(model, LanguageModel)
            asked = [json.loads(cast("Text", content).value) for content in inputs]
            return [_answered(each, seed, ask, keeps) for each, seed in zip(asked, seeds, strict=True)]

    def close(self) -> None:
        """Nothing to free."""


def _answered(asked: Mapping[str, Any], seed: int, ask: Ask, keeps: bool) -> Content | ModelError:
    if not asked:
        return Text(json.dumps({"keeps_schemas": keeps}))
    messages, held = tuple(Message(**each) for each in asked["messages"]), asked["constraint"]
    constraint = Constraint(ConstraintKind(held["kind"]), held["text"], held["lark"]) if held else None
    try:
        answer = ask(messages, seed, asked["parameters"], constraint)
    except ModelError as fault:
        return fault
    return Text(json.dumps(asdict(answer)))


def _written(answer: Mapping[str, Any]) -> Written:
    ending = answer["ending"]
    return Written(answer["text"], Ending(ending["finish_reason"], Usage(**ending["usage"])))


def load(spec: ModelSpec, placement: Placement) -> _Conversing:
    """The loader of :func:`conversation_spec`."""
    return _Conversing(spec.parts[0], placement)
