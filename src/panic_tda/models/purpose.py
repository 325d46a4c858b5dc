"""What a text is measured for, and what a measurement of a text says beside its vector.

Beside :class:`~panic_tda.models.model.Embedder`, which experiments use, a text → vector model may be a
:class:`TextEmbedder`. Documents are measured as experiments measure them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from panic_tda.errors import ModelError

if TYPE_CHECKING:
    from panic_tda.models.model import Vector


class Purpose(StrEnum):
    """Models that were trained with prompts measure a question otherwise than what could answer it."""

    QUERY = "query"
    DOCUMENT = "document"


class Measured(NamedTuple):
    """A vector, and whether the text was longer than the model reads (None where the model does not say)."""

    vector: Vector
    truncated: bool | None


@runtime_checkable
class TextEmbedder(Protocol):
    """A loaded model that measures texts for a purpose."""

    def embed_texts(self, texts: Sequence[str], purpose: Purpose) -> Sequence[Measured | ModelError]:
        """One outcome for each text, in order; a fault of one text stands in its place.

        Documents get the vectors that ``embed`` gives, and so do queries where the model has no prompt for them.
        """
        ...
