"""How a loaded language model is asked; one that holds no conversations gets all messages as one text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from panic_tda.content import Text
from panic_tda.errors import InvalidOutput, ModelError
from panic_tda.models.conversation import Answer, Conversation, Converser
from panic_tda.models.model import Generator, Model, ParameterValue

Ask: TypeAlias = Callable[[Conversation, int, Mapping[str, ParameterValue]], Answer]
"""Conversation, seed and parameters in, answer out."""


def asking(model: Model) -> Ask:
    """How this model is asked."""
    if isinstance(model, Converser):
        return model.converse

    def ask(conversation: Conversation, seed: int, parameters: Mapping[str, ParameterValue]) -> Answer:
        return flattened(model, conversation, seed, parameters)

    return ask


def flattened(model: Model, conversation: Conversation, seed: int, parameters: Mapping[str, ParameterValue]) -> Answer:
    """The answer to all messages as one text, without words around it; raises what the model's item holds."""
    plain: dict[str, ParameterValue] = {"template": "{text}"} if "template" in parameters else {}
    [output] = cast("Generator", model).generate([Text(conversation.flattened())], [seed], {**parameters, **plain})
    if isinstance(output, ModelError):
        raise output
    if not isinstance(output, Text):
        raise InvalidOutput(f"a {type(output).__name__} was made where a text was expected")
    return Answer(output.value)
