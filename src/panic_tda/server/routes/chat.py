"""Answers to dialogues, in OpenAI's shape."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from secrets import token_hex
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from panic_tda.errors import RequestError
from panic_tda.models.language import Message, Role
from panic_tda.server.access import Desk
from panic_tda.server.shapes import Shape, Usage, answered
from panic_tda.server.writing import (
    Piece,
    ResponseFormat,
    WritingRequest,
    as_events,
    begun,
    pieces,
    usage,
    whole,
)
from panic_tda.services.language import stream
from panic_tda.services.text_stream import Completion
from panic_tda.services.wishes import Wishes

router = APIRouter(prefix="/v1/chat/completions", tags=["OpenAI"])

_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class TextPart(BaseModel):
    """A part of a message."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["text"]
    text: str


class MessageShape(BaseModel):
    """One turn; ``name`` is ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None

    def message(self) -> Message:
        """As a model reads it."""
        parts = [self.content] if isinstance(self.content, str) else [part.text for part in self.content]
        return Message(_ROLES[self.role], "".join(parts))


class ChatRequest(WritingRequest):
    """A dialogue to answer."""

    messages: Annotated[list[MessageShape], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    response_format: ResponseFormat | None = None
    logprobs: Literal[False] | None = None

    def wishes(self) -> Wishes:
        """With the schema, which OpenAI has for dialogues only."""
        found = super().wishes()
        if self.max_completion_tokens is not None:
            found["max_tokens"] = self.max_completion_tokens
        wanted = self.response_format
        if wanted is not None and wanted.type == "json_object":
            found["schema"] = {"type": "object"}
        if wanted is not None and wanted.type == "json_schema":
            if wanted.json_schema is None:
                raise RequestError("response_format of type json_schema has no json_schema")
            found["schema"] = wanted.json_schema.schema_
        return found


class ChatMessage(Shape):
    """What the model said."""

    role: Literal["assistant"]
    content: str
    refusal: None


class ChatChoice(Shape):
    """One answer, and the seed that repeats it."""

    index: int
    message: ChatMessage
    finish_reason: str
    logprobs: None
    seed: int


class ChatAnswer(Shape):
    """All answers, whole; a stream has ``chat.completion.chunk`` objects instead."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


@router.post("", response_model=None, responses=answered(ChatAnswer, text="text/event-stream"))
async def chat(asked: ChatRequest, desk: Desk, request: Request) -> StreamingResponse | dict[str, Any]:
    """``n`` answers, whole or piece by piece; the same seed gives the same answer."""
    turns, wishes = [each.message() for each in asked.messages], asked.wishes()
    spec = desk.find(asked.model)
    start = partial(stream, turns, spec.name, host=desk.host, **wishes)
    written = pieces(desk.seats, start, asked.seed, asked.n)
    base = {"id": f"chatcmpl-{token_hex(12)}", "created": int(time.time()), "model": spec.reference}
    if asked.stream:
        events = as_events(_chunks(base, await begun(request, written), asked.with_usage))
        return StreamingResponse(events, media_type="text/event-stream")
    ends = await whole(request, written)
    done = [end.completion for end in ends if end.completion]
    choices = [_choice(index, each) for index, each in enumerate(done)]
    return base | {"object": "chat.completion", "choices": choices, "usage": usage(done)}


def _choice(index: int, completion: Completion) -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": getattr(completion.output, "value", ""), "refusal": None},
        "finish_reason": completion.finish_reason,
        "logprobs": None,
        "seed": completion.seed,
    }


async def _chunks(
    base: dict[str, Any], written: AsyncIterator[Piece], with_usage: bool
) -> AsyncIterator[dict[str, Any]]:
    base = base | {"object": "chat.completion.chunk"}
    begun_at, done = -1, []
    async for piece in written:
        role = {"role": "assistant"} if piece.index != begun_at else {}
        begun_at = piece.index
        choice: dict[str, Any] = {"index": piece.index, "finish_reason": None, "logprobs": None}
        if piece.completion is None:
            choice["delta"] = {**role, "content": piece.text}
        else:
            done.append(piece.completion)
            ended = {"finish_reason": piece.completion.finish_reason, "seed": piece.completion.seed}
            choice |= {"delta": role, **ended}
        yield base | {"choices": [choice]}
    if with_usage:
        yield base | {"choices": [], "usage": usage(done)}
