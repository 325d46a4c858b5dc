"""Conversations with a language model: what programs need beyond text in, text out.

A loaded model of signature ``text -> text`` may also be a :class:`Converser`. One that is not is given a conversation
as one text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from panic_tda.models.model import Parameters


@dataclass(frozen=True, slots=True)
class Message:
    """What one side said: ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages, the last of them the user's. ``schema`` is the JSON Schema that the answer must follow, or empty."""

    messages: tuple[Message, ...]
    schema: str = ""

    def flattened(self) -> str:
        """The messages as one text."""
        return "\n\n".join(message.text for message in self.messages)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model answered; not ``whole`` when it ran into its limit of tokens. Tokens are 0 where not counted."""

    text: str
    whole: bool = True
    prompt_tokens: int = 0
    answer_tokens: int = 0


@runtime_checkable
class Converser(Protocol):
    """A loaded language model that takes conversations, and holds its answers to a schema while it makes them."""

    def converse(self, conversation: Conversation, seed: int, parameters: Parameters) -> Answer:
        """The answer, from the conversation, the seed and the parameters alone; raises a ``ModelError``."""
        ...
