"""Vectors of texts, in OpenAI's shape. Requests of all clients share the batches of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, cast

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from panic_tda.content import Text
from panic_tda.errors import PanicError, RequestError
from panic_tda.models.model import ModelSpec
from panic_tda.models.purpose import Purpose
from panic_tda.runtime.remote.wire import encode_vector
from panic_tda.server.access import Desk
from panic_tda.server.facilities import Facilities
from panic_tda.server.shapes import Shape, answered, written
from panic_tda.signature import Kind

if TYPE_CHECKING:
    from panic_tda.models.model import Vector

router = APIRouter(prefix="/v1/embeddings", tags=["OpenAI"])


class EmbeddingRequest(BaseModel):
    """``input_type`` is our own; of OpenAI's fields, ``user`` is ignored. Tokens instead of texts are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    input: str | Annotated[list[str], Field(max_length=2048)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1)] | None = None
    input_type: Literal["document", "query"] = "document"
    user: str | None = None


class EmbeddingRow(Shape):
    """A vector: float32 numbers, or their bytes (little-endian) as base64."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Shape):
    """Always 0: tokens are not counted."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingAnswer(Shape):
    """A row for each text, in order; ``model`` with its version."""

    object: Literal["list"]
    data: list[EmbeddingRow]
    model: str
    usage: EmbeddingUsage


@router.post("", response_model=None, responses=answered(EmbeddingAnswer))
async def embed(asked: EmbeddingRequest, desk: Desk) -> Response:
    """A vector for each text, in order. An error of one text is the error of its request, and of no other."""
    spec = desk.find(asked.model)
    _check(spec, asked.dimensions)
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    vectors = await measured(desk, spec, texts, Purpose(asked.input_type))
    said = encode_vector if asked.encoding_format == "base64" else _numbers
    rows = [{"object": "embedding", "index": index, "embedding": said(each)} for index, each in enumerate(vectors)]
    usage = {"prompt_tokens": 0, "total_tokens": 0}
    return written({"object": "list", "data": rows, "model": spec.reference, "usage": usage})


async def measured(desk: Facilities, spec: ModelSpec, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
    """The vector of each text; raises the first error of any of them."""
    outcomes = await desk.collector.measure(spec, [Text(text) for text in texts], purpose)
    for outcome in outcomes:
        if isinstance(outcome, PanicError):
            raise outcome
    return cast("list[Vector]", outcomes)


def _numbers(vector: Vector) -> list[float]:
    """The float32 numbers, exactly."""
    found: list[float] = vector.tolist()
    return found


def check_measures_texts(spec: ModelSpec) -> None:
    """Raises ``RequestError`` for a model that does something else."""
    if spec.signature.output is not Kind.VECTOR or spec.signature.input is not Kind.TEXT:
        raise RequestError(f"{spec.name} is {spec.signature}: it does not measure texts", hint="GET /v1/models")


def _check(spec: ModelSpec, dimensions: int | None) -> None:
    check_measures_texts(spec)
    if dimensions not in (None, spec.dims):
        raise RequestError(
            f"{spec.name} makes vectors of {spec.dims} numbers, and was not trained to be cut to {dimensions}"
        )
