"""Text → vector: tokens, calls, pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from panic_tda.content import Content, Text
from panic_tda.errors import ModelError
from panic_tda.models.model import ModelSpec, Tier
from panic_tda.models.onnx.batches import batches, company_changes_nothing
from panic_tda.models.onnx.sessions import Session
from panic_tda.models.onnx.vectors import POOLINGS, unit
from panic_tda.models.purpose import Measured, Purpose

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector
    from panic_tda.models.onnx.batches import Arrays

_PROBES = (1, 9, 30)
"""Numbers of words of the texts of the proof: their tokens are about as many as captions have."""


class Read(NamedTuple):
    """The numbers of a text's tokens; ``truncated``: there were more."""

    ids: list[int]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenizer of ``tokenizers`` that cuts, what is put before each text, and how tokens are padded."""

    tokenizer: Any
    prompt: str = ""
    padded_to: int = 0
    padding_left: bool = False
    pad_id: int = 0

    def of(self, text: str) -> list[int]:
        """The numbers of the tokens, without padding."""
        return self.read(text).ids

    def read(self, text: str) -> Read:
        """The numbers of the tokens, and whether there were more than the tokenizer keeps."""
        encoded = self.tokenizer.encode(self.prompt + text)
        return Read(list(encoded.ids), bool(encoded.overflowing))

    def arrays(self, rows: Sequence[list[int]]) -> Arrays:
        """Inputs of the network: int64, shape (rows, longest row or ``padded_to``)."""
        import numpy as np

        longest = max(self.padded_to, *map(len, rows))
        ids = [self._filled(row, self.pad_id, longest) for row in rows]
        mask = [self._filled([1] * len(row), 0, longest) for row in rows]
        given = {"input_ids": np.array(ids, np.int64), "attention_mask": np.array(mask, np.int64)}
        return {**given, "token_type_ids": np.zeros_like(given["input_ids"])}

    def kept(self, row: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        """The vectors of a row that are not of padding."""
        return row[len(row) - size :] if self.padding_left else row[:size]

    def _filled(self, row: list[int], value: int, length: int) -> list[int]:
        more = [value] * (length - len(row))
        return more + row if self.padding_left else row + more


class TextEmbedder:
    """Text → vector by a network that gives vectors of tokens, or one vector (pooling ``none``)."""

    def __init__(self, spec: ModelSpec, session: Session, tokens: Tokens, pooling: str) -> None:
        self._spec = spec
        self._session = session
        self._tokens = tokens
        self._pooling = pooling
        self._exact = spec.tier is Tier.EXACT
        self._together = not self._exact or self._proven()

    def embed(self, inputs: Sequence[Content]) -> list[Vector | ModelError]:
        """One float32 vector of the entry's ``dims`` for each text, of length 1."""
        return self._vectors([self._tokens.of(cast("Text", text).value) for text in inputs])

    def embed_texts(self, texts: Sequence[str], purpose: Purpose) -> list[Measured | ModelError]:
        """See :class:`~panic_tda.models.purpose.TextEmbedder`; the purpose changes nothing."""
        read = [self._tokens.read(text) for text in texts]
        vectors = self._vectors([each.ids for each in read])
        return [
            vector if isinstance(vector, ModelError) else Measured(vector, each.truncated)
            for vector, each in zip(vectors, read, strict=True)
        ]

    def close(self) -> None:
        """Frees the weights."""
        self._session.close()

    def _vectors(self, rows: Sequence[list[int]]) -> list[Vector | ModelError]:
        found: dict[int, Vector | ModelError] = {}
        for part in self._calls([max(len(row), self._tokens.padded_to) for row in rows]):
            made = self._session.compute(self._tokens.arrays([rows[index] for index in part]))
            for index, output in zip(part, made, strict=True):
                found[index] = unit(self._spec, self._pooled(output, len(rows[index])))
        return [found[index] for index in range(len(rows))]

    def _calls(self, sizes: Sequence[int]) -> list[list[int]]:
        return batches(sizes, equal=self._exact) if self._together else [[index] for index in range(len(sizes))]

    def _pooled(self, output: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        if self._pooling == "none":
            return output
        return cast("NDArray[np.float32]", POOLINGS[self._pooling](self._tokens.kept(output, size)))

    def _proven(self) -> bool:
        return all(company_changes_nothing(self._session.compute, self._probes(words)) for words in _PROBES)

    def _probes(self, words: int) -> list[Arrays]:
        """Inputs of one shape: the tokens of a text, turned round so that each place holds others."""
        ids = self._tokens.of("one red apple near the old harbour " * (words // 7) + " a" * (words % 7))
        return [self._tokens.arrays([ids[place:] + ids[:place]]) for place in range(3)]
