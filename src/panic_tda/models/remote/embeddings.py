"""Text → vector: one request for all inputs of a call."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from panic_tda.content import Content, Text
from panic_tda.errors import InvalidOutput, ModelCallFailed, ModelError
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.models.remote.asking import Asking, asking
from panic_tda.models.remote.requests import embedding_request

if TYPE_CHECKING:
    from panic_tda.models.model import Vector


class RemoteEmbedder:
    """Measures each text."""

    def __init__(self, spec: ModelSpec, asked: Asking) -> None:
        self._spec = spec
        self._asking = asked

    def embed(self, inputs: Sequence[Content]) -> list[Vector | ModelError]:
        """One float32 vector for each text, L2-normalised.

        A request that the server refuses, or answers with another number of vectors, is made again in halves, so that
        one bad text harms no other.
        """
        return self._vectors([cast("Text", text).value for text in inputs])

    def close(self) -> None:
        """Closes the connections."""
        self._asking.close()

    def _vectors(self, texts: Sequence[str]) -> list[Vector | ModelError]:
        [outcome] = self._asking.each(self._asked, [texts])
        if not isinstance(outcome, ModelError):
            return [self._vector(each) for each in outcome]
        if len(texts) == 1 or not isinstance(outcome, (ModelCallFailed, InvalidOutput)):
            return [outcome] * len(texts)
        half = len(texts) // 2
        return [*self._vectors(texts[:half]), *self._vectors(texts[half:])]

    def _asked(self, texts: Sequence[str]) -> list[object]:
        return in_order(self._spec, self._asking.ask("/embeddings", embedding_request(self._spec, texts)), len(texts))

    def _vector(self, given: object) -> Vector | ModelError:
        try:
            return unit_vector(self._spec, given)
        except InvalidOutput as fault:
            return fault


def load(spec: ModelSpec, placement: Placement) -> RemoteEmbedder:
    """Opens no connection yet; raises ``PrerequisiteError`` when offline or without the key."""
    return RemoteEmbedder(spec, asking(spec))


def in_order(spec: ModelSpec, reply: Mapping[str, Any], count: int) -> list[object]:
    """The ``count`` embeddings of an answer, in the order of the inputs; raises ``InvalidOutput``."""
    try:
        rows = [(row.get("index", place), row["embedding"]) for place, row in enumerate(reply["data"])]
    except (KeyError, TypeError, AttributeError):
        raise InvalidOutput(f"{spec.name}: the answer holds no embeddings (data[].embedding)") from None
    found = dict(rows) if all(type(index) is int for index, _ in rows) else {}
    if len(rows) != count or found.keys() != set(range(count)):
        raise InvalidOutput(f"{spec.name}: {len(rows)} embeddings came for {count} inputs, or two for the same one")
    return [found[index] for index in range(count)]


def unit_vector(spec: ModelSpec, given: object) -> Vector:
    """An embedding, a list of numbers or float32 in base64, made a vector of length 1; raises ``InvalidOutput``."""
    import numpy as np

    try:
        packed = np.frombuffer(base64.b64decode(given, validate=True), "<f4") if isinstance(given, str) else given
        vector = np.asarray(packed, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise InvalidOutput(f"{spec.name} made an embedding that is no list of numbers") from None
    if vector.shape != (spec.dims,):
        numbers = f"{len(vector)} numbers" if vector.ndim == 1 else f"shape {vector.shape}"
        remedy = "see the options dims and dimensions"
        raise InvalidOutput(f"{spec.name} made a vector of {numbers} where {spec.dims} were expected ({remedy})")
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.linalg.norm(vector)
    if not np.isfinite(vector).all() or not np.isfinite(length) or length == 0.0:
        raise InvalidOutput(f"{spec.name} made a vector that is zero or not finite")
    return (vector / length).astype(np.float32)
