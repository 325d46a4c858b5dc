"""Vectors of texts, in OpenAI's shape. Requests of all clients share the batches of a model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from panic_tda.content import Text
from panic_tda.errors import PanicError, RequestError
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.remote.wire import encode_vector
from panic_tda.server.access import Desk
from panic_tda.signature import Kind

router = APIRouter(prefix="/v1/embeddings", tags=["OpenAI"])


class EmbeddingRequest(BaseModel):
    """Of OpenAI's fields, ``user`` is ignored; tokens instead of texts are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    input: str | Annotated[list[str], Field(max_length=2048)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1)] | None = None
    user: str | None = None


@router.post("")
async def embed(asked: EmbeddingRequest, desk: Desk) -> dict[str, Any]:
    """A vector for each text, in order. An error of one text is the error of its request, and of no other."""
    spec = desk.find(asked.model)
    _check(spec, asked.dimensions)
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    outcomes = await desk.collector.measure(spec, [Text(text) for text in texts])
    for outcome in outcomes:
        if isinstance(outcome, PanicError):
            raise outcome
    written = encode_vector if asked.encoding_format == "base64" else _numbers
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": written(vector)}
            for index, vector in enumerate(outcomes)
        ],
        "model": spec.reference,
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    }


def _numbers(vector: Any) -> list[float]:
    """The float32 numbers, exactly."""
    found: list[float] = vector.tolist()
    return found


def _check(spec: ModelSpec, dimensions: int | None) -> None:
    if spec.signature.output is not Kind.VECTOR or spec.signature.input is not Kind.TEXT:
        raise RequestError(f"{spec.name} is {spec.signature}: it does not measure texts", hint="GET /v1/models")
    if dimensions not in (None, spec.dims):
        raise RequestError(
            f"{spec.name} makes vectors of {spec.dims} numbers, and was not trained to be cut to {dimensions}"
        )
