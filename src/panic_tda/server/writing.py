"""Answers of language models, piece by piece, for routes: how they are wished for, and how they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, TypeVar, cast

import anyio
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from panic_tda.errors import PanicError
from panic_tda.server.faults import shape_of
from panic_tda.server.seats import Seats
from panic_tda.services.text_stream import Completion, TextStream
from panic_tda.services.wishes import Wishes

T = TypeVar("T")


class Start(Protocol):
    """Begins an answer; without a seed one is drawn."""

    def __call__(self, *, seed: int | None) -> TextStream: ...


Zero = Annotated[float, Field(ge=0, le=0)]


class StreamOptions(BaseModel):
    """What a stream says beside the answer."""

    model_config = ConfigDict(strict=True)

    include_usage: bool = False


class NamedSchema(BaseModel):
    """A JSON schema; its name and ``strict`` change nothing, since answers always keep to it."""

    model_config = ConfigDict(extra="ignore")

    schema_: Annotated[dict[str, Any], Field(alias="schema")]


class ResponseFormat(BaseModel):
    """Any text, any JSON object, or JSON that a schema describes."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None


class WritingRequest(BaseModel):
    """What chat and completions have in common; ``top_k``, ``regex``, ``choices`` and ``grammar`` are our own.

    Fields of OpenAI that would change the answer and are not there are refused.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    n: Annotated[int, Field(ge=1, le=128)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | list[str] | None = None
    regex: str | None = None
    choices: list[str] | None = None
    grammar: str | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    frequency_penalty: Zero = 0
    presence_penalty: Zero = 0
    user: str | None = None

    def wishes(self) -> Wishes:
        """As the language service takes them."""
        names = ("temperature", "top_p", "top_k", "max_tokens", "stop", "regex", "choices", "grammar")
        found = {name: value for name in names if (value := getattr(self, name)) is not None}
        return cast("Wishes", found)

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with its tokens counted."""
        return self.stream_options is not None and self.stream_options.include_usage


@dataclass(frozen=True, slots=True)
class Piece:
    """Something of one answer: a text, or its end."""

    index: int
    text: str = ""
    completion: Completion | None = None
    model: str = ""


async def pieces(seats: Seats, start: Start, seed: int | None, n: int) -> AsyncIterator[Piece]:
    """``n`` answers one after the other, with the seeds ``seed``, ``seed`` + 1, …; without one it is drawn.

    Whoever stops iterating frees the model.
    """
    async with seats.one():
        for index in range(n):
            stream = await _begun(start, None if seed is None else seed + index)
            seed = stream.seed - index
            try:
                while (text := await run_in_threadpool(next, stream, None)) is not None:
                    yield Piece(index, text)
                yield Piece(index, completion=stream.completion, model=stream.model)
            finally:
                with anyio.CancelScope(shield=True):
                    await run_in_threadpool(stream.close)


async def _begun(start: Start, seed: int | None) -> TextStream:
    """The stream; one that begins although the client has gone meanwhile is closed."""
    starting = asyncio.ensure_future(run_in_threadpool(start, seed=seed))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(PanicError):
            await run_in_threadpool((await starting).close)
        raise


async def whole(request: Request, written: AsyncIterator[Piece]) -> list[Piece]:
    """The ends of all answers. When the client goes away, nothing is written for it any more."""

    async def collect() -> list[Piece]:
        return [piece async for piece in written if piece.completion]

    return await unless_gone(request, collect())


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work returns; it is cancelled when the client goes away."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise HTTPException(499, "the client went away")
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def begun(request: Request, written: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    """The same pieces once the first one is there, so that what goes wrong before it has a status of its own."""
    first = await unless_gone(request, _first(written))

    async def all_of_them() -> AsyncIterator[Piece]:
        yield first
        async for piece in written:
            yield piece

    return all_of_them()


async def _first(written: AsyncIterator[Piece]) -> Piece:
    return await anext(written)


async def as_events(written: AsyncIterator[Any]) -> AsyncIterator[str]:
    """Server-sent events as OpenAI's clients read them; an error is the last one before the end."""
    try:
        async for each in written:
            yield event(each)
    except PanicError as fault:
        yield event(shape_of(fault))
    yield "data: [DONE]\n\n"


def event(data: Any, name: str = "") -> str:
    """One server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n"


def usage(completions: list[Completion]) -> dict[str, int]:
    """Tokens in OpenAI's words; the prompt of several answers counts once."""
    read = completions[0].usage.prompt_tokens if completions else 0
    drawn = sum(each.usage.completion_tokens for each in completions)
    return {"prompt_tokens": read, "completion_tokens": drawn, "total_tokens": read + drawn}
