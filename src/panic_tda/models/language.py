"""What a language model can be asked beyond what an experiment asks: a dialogue, sampling, stops, and to be overheard.

Beside :class:`~panic_tda.models.model.Generator`, which experiments use, a text → text model may be a
:class:`LanguageModel`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from panic_tda.errors import ConfigurationError
from panic_tda.models.constraints import Constraint, require_accepted

Role: TypeAlias = Literal["system", "user", "assistant"]
FinishReason: TypeAlias = Literal["stop", "length", "cancelled"]
Emit: TypeAlias = Callable[[str], bool]
"""Takes the next piece of an answer, and says whether to go on."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a dialogue."""

    role: Role
    text: str


Prompt: TypeAlias = tuple[Message, ...] | str
"""A dialogue to answer, in the model's own chat template; or a text to continue as it stands."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn and where it ends.

    Temperature 0 is greedy and needs no seed; ``top_k`` 0 keeps all tokens, and so does ``top_p`` 1. An answer ends
    before the first of the texts in ``stop``, which is not part of it, and after ``max_tokens`` tokens at the latest.
    """

    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 40
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    constraint: Constraint | None = None

    def faults(self) -> list[str]:
        """What is wrong with it, one line for each fault. Written so that NaN is refused too."""
        wrong = {
            f"temperature must be 0 to 5, not {self.temperature!r}": not 0 <= self.temperature <= 5,
            f"top_p must be 0 to 1, not {self.top_p!r}": not 0 <= self.top_p <= 1,
            f"top_k must be at least 0, not {self.top_k!r}": not self.top_k >= 0,
            f"max_tokens must be at least 1, not {self.max_tokens!r}": not self.max_tokens >= 1,
            "a stop text must not be empty": not all(self.stop),
            "stop texts and a constraint exclude one another": bool(self.stop) and self.constraint is not None,
        }
        return [sentence for sentence, holds in wrong.items() if holds]

    def checked(self) -> Sampling:
        """Itself; raises ``ConfigurationError`` with every fault."""
        if faults := self.faults():
            raise ConfigurationError(faults)
        return self


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read, and tokens drawn: those of the answer, of a stop text, and the mark that ends an answer."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an answer ended (``stop``: by itself or at a stop text; ``length``: at ``max_tokens``), and its tokens."""

    finish_reason: FinishReason
    usage: Usage


@dataclass(frozen=True, slots=True)
class Written:
    """An answer from its first piece to its last."""

    text: str
    ending: Ending


@runtime_checkable
class LanguageModel(Protocol):
    """A loaded model that writes answers piece by piece."""

    def write(self, prompt: Prompt, seed: int, sampling: Sampling, emit: Emit) -> Ending:
        """Hands every piece of the answer to ``emit`` as soon as it is certain, until that says no.

        The answer depends on prompt, seed and sampling alone. Raises ``ModelCallFailed`` when the prompt does not fit.
        """
        ...


def written(name: str, model: LanguageModel, prompt: Prompt, seed: int, sampling: Sampling) -> Written:
    """The answer that the model called ``name`` writes when nobody stops it.

    Raises ``ConstraintError`` for one that is not whole under its constraint, and what the model raises.
    """
    pieces: list[str] = []

    def keep(piece: str) -> bool:
        pieces.append(piece)
        return True

    ending = model.write(prompt, seed, sampling, keep)
    text = "".join(pieces)
    require_accepted(sampling.constraint, text, model=name, tokens=ending.usage.completion_tokens)
    return Written(text, ending)
