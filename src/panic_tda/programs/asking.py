"""How a loaded model is asked in messages; one that is no language model gets all of them as one text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias, cast

from panic_tda.content import Text
from panic_tda.errors import InvalidOutput, ModelError
from panic_tda.models.constraints import Constraint
from panic_tda.models.language import Ending, LanguageModel, Message, Usage, Written, written
from panic_tda.models.model import Generator, Model, Parameters
from panic_tda.models.text_parameters import sampling_by

Messages: TypeAlias = tuple[Message, ...]
Ask: TypeAlias = Callable[[Messages, int, Parameters, Constraint | None], Written]
"""Messages, the last of them the user's, seed, parameters and what the answer is held to in; the answer out."""


def asking(name: str, model: Model) -> Ask:
    """How this model is asked; only a language model can hold its answers to a constraint."""
    return partial(told, name, model) if isinstance(model, LanguageModel) else partial(_flattened, name, model)


def told(
    name: str,
    model: LanguageModel,
    messages: Messages,
    seed: int,
    parameters: Parameters,
    constraint: Constraint | None = None,
) -> Written:
    """What a language model answers; raises what :func:`~panic_tda.models.language.written` raises."""
    return written(name, model, messages, seed, sampling_by(parameters, constraint))


def _flattened(
    name: str, model: Model, messages: Messages, seed: int, parameters: Parameters, constraint: Constraint | None
) -> Written:
    """The answer to all messages as one text, without words around it; raises what the model's item holds."""
    if constraint is not None:
        raise InvalidOutput(f"{name} cannot hold its answers to a {constraint.kind}")
    plain = {"template": "{text}"} if "template" in parameters else {}
    text = Text("\n\n".join(message.text for message in messages))
    [output] = cast("Generator", model).generate([text], [seed], {**parameters, **plain})
    if isinstance(output, ModelError):
        raise output
    if not isinstance(output, Text):
        raise InvalidOutput(f"a {type(output).__name__} was made where a text was expected")
    return Written(output.value, Ending("stop", Usage()))
