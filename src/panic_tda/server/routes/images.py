"""Images of texts, in OpenAI's shape."""

from __future__ import annotations

import asyncio
import base64
import io
import secrets
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from panic_tda.content import Image, Text
from panic_tda.errors import ConfigurationError, PanicError, RequestError
from panic_tda.models.model import ModelSpec, ParameterValue, parameter_faults
from panic_tda.runtime.result import Call
from panic_tda.server.access import Desk
from panic_tda.server.shapes import Shape, answered, written
from panic_tda.signature import Kind, Signature

router = APIRouter(prefix="/v1/images/generations", tags=["OpenAI"])


class ImageRequest(BaseModel):
    """``seed`` and ``parameters`` (as in an experiment file) are our own; of OpenAI's fields, ``user`` is ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    prompt: str
    n: Annotated[int, Field(ge=1, le=64)] = 1
    size: Annotated[str, Field(pattern=r"^(auto|\d{1,5}x\d{1,5})$")] = "auto"
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    parameters: dict[str, str | bool | int | float] = {}
    response_format: Literal["b64_json"] = "b64_json"
    user: str | None = None


class ImageRow(Shape):
    """A PNG file as base64, and the seed that repeats it."""

    b64_json: str
    seed: int


class ImageAnswer(Shape):
    """The images in the order of their seeds."""

    created: int
    model: str
    output_format: Literal["png"]
    data: list[ImageRow]


@router.post("", response_model=None, responses=answered(ImageAnswer))
async def generate(asked: ImageRequest, desk: Desk) -> Response:
    """``n`` images as PNG, with the seeds ``seed``, ``seed`` + 1, …; without one it is drawn."""
    spec = desk.find(asked.model)
    first = secrets.randbelow(2**31 - asked.n) if asked.seed is None else asked.seed
    call = Call(
        spec,
        (Text(asked.prompt),) * asked.n,
        tuple(first + index for index in range(asked.n)),
        _parameters(spec, asked),
    )
    future = await run_in_threadpool(desk.executor.submit, call)
    result = await asyncio.wrap_future(future)
    images = []
    for outcome, seed in zip(result.outputs, call.seeds, strict=True):
        if isinstance(outcome, PanicError):
            raise outcome
        assert isinstance(outcome, Image)
        images.append({"b64_json": await run_in_threadpool(_png, outcome), "seed": seed})
    return written({"created": int(time.time()), "model": result.model, "output_format": "png", "data": images})


def _parameters(spec: ModelSpec, asked: ImageRequest) -> dict[str, ParameterValue]:
    if spec.signature != Signature(Kind.TEXT, Kind.IMAGE):
        raise RequestError(f"{spec.name} is {spec.signature}: it makes no images of texts", hint="GET /v1/models")
    parameters: dict[str, ParameterValue] = dict(asked.parameters)
    if asked.size != "auto":
        width, _, height = asked.size.partition("x")
        parameters |= {"width": int(width), "height": int(height)}
    if faults := parameter_faults(spec, parameters):
        raise ConfigurationError(faults)
    return parameters


def _png(image: Image) -> str:
    buffer = io.BytesIO()
    image.to_pillow().save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode()
