"""Calls of other laboratories: the far end of the executor ``remote``."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from panic_tda.runtime.remote.wire import decode_call, encode_result, require_version
from panic_tda.server.access import Desk

router = APIRouter(prefix="/v1", tags=["calls"])


class ContentShape(BaseModel):
    """A text; or an image, as base64 of a file without loss, and its mode."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str | None = None
    image: str | None = None
    mode: Annotated[str, Field(pattern="^(RGB|RGBA)?$")] = ""


class ModelRequest(BaseModel):
    """A model as the caller knows it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    version: str


class CallRequest(ModelRequest):
    """Inputs and seeds are parallel; the parameters hold for every input."""

    inputs: list[ContentShape]
    seeds: list[int]
    parameters: dict[str, str | bool | int | float] = {}
    purpose: Literal["document", "query"] = "document"


@router.post("/check")
def check(asked: ModelRequest, desk: Desk) -> dict[str, str]:
    """Whether a model can run here; the error otherwise."""
    spec = desk.find(asked.model)
    require_version(spec, asked.version, "the caller")
    desk.executor.check(spec)
    return {"model": spec.reference}


@router.post("/calls")
async def call(asked: CallRequest, desk: Desk) -> dict[str, Any]:
    """One call: an output or an error for each input, in order. The same call always has the same outputs."""
    body = asked.model_dump(exclude_none=True)
    future = await run_in_threadpool(lambda: desk.executor.submit(decode_call(body, desk.find)))
    result = await asyncio.wrap_future(future)
    return await run_in_threadpool(encode_result, result)
