"""A fake model whose runs loop after three steps, unless noise throws them onto another wheel."""

from __future__ import annotations

from collections.abc import Sequence

from panic_tda.content import Content, Text
from panic_tda.models.model import ModelSpec, Parameters, Placement

SEED = 5
"""The seed that keeps a run on its wheel."""


class Wheel:
    """Number → number: 10 a + b becomes 10 a + (b + 1) mod 3, and 10 (a + 1) + b with another seed than ``SEED``."""

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Text]:
        """The number after each number."""
        numbers = [int(content.value) if isinstance(content, Text) else 0 for content in inputs]
        return [Text(str(_next(number, seed))) for number, seed in zip(numbers, seeds, strict=True)]

    def close(self) -> None:
        """Nothing to free."""


def load(spec: ModelSpec, placement: Placement) -> Wheel:
    """The loader."""
    return Wheel()


def _next(number: int, seed: int) -> int:
    return number // 10 * 10 + (number % 10 + 1) % 3 if seed == SEED else number + 10
