"""What a model takes and what it makes, and whether a network of models closes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The three kinds of value that models take and make."""

    TEXT = "text"
    IMAGE = "image"
    VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class Signature:
    """``input -> output`` of a model, for instance ``text -> image``."""

    input: Kind
    output: Kind

    @classmethod
    def parse(cls, text: str) -> Signature:
        """Reads ``"text -> image"``."""
        given, made = (part.strip() for part in text.split("->"))
        return cls(Kind(given), Kind(made))

    def __str__(self) -> str:
        return f"{self.input} -> {self.output}"

    @property
    def is_generator(self) -> bool:
        """Whether the model makes content (and not a vector)."""
        return self.output is not Kind.VECTOR


def broken_links(names: Sequence[str], signatures: Sequence[Signature]) -> list[str]:
    """The faults of a cyclic network, one sentence each; empty when every model takes what the one before makes."""
    faults = []
    for position, signature in enumerate(signatures):
        following = (position + 1) % len(signatures)
        if signature.output is not signatures[following].input:
            verb = "the cycle does not close" if following == 0 else "the models do not chain"
            faults.append(
                f"{verb}: {names[position]} makes {signature.output}, {names[following]} takes "
                f"{signatures[following].input}"
            )
    return faults
