"""Continuations of texts, in OpenAI's older shape."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from secrets import token_hex
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from panic_tda.server.access import Desk
from panic_tda.server.shapes import Shape, Usage, answered
from panic_tda.server.writing import Piece, WritingRequest, as_events, begun, pieces, usage, whole
from panic_tda.services.language import stream

router = APIRouter(prefix="/v1/completions", tags=["OpenAI"])


class CompletionRequest(WritingRequest):
    """A text to continue as it stands."""

    prompt: str
    echo: Literal[False] = False


class CompletionChoice(Shape):
    """One continuation, and the seed that repeats it."""

    index: int
    text: str
    logprobs: None
    finish_reason: str
    seed: int


class CompletionAnswer(Shape):
    """All continuations, whole; a stream has them in pieces."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage


@router.post("", response_model=None, responses=answered(CompletionAnswer, text="text/event-stream"))
async def complete(asked: CompletionRequest, desk: Desk, request: Request) -> StreamingResponse | dict[str, Any]:
    """``n`` continuations, whole or piece by piece; the same seed gives the same one."""
    wishes, spec = asked.wishes(), desk.find(asked.model)
    start = partial(stream, asked.prompt, spec.name, raw=True, host=desk.host, **wishes)
    written = pieces(desk.seats, start, asked.seed, asked.n)
    base = {
        "id": f"cmpl-{token_hex(12)}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": spec.reference,
    }
    if asked.stream:
        events = as_events(_chunks(base, await begun(request, written), asked.with_usage))
        return StreamingResponse(events, media_type="text/event-stream")
    ends = await whole(request, written)
    done = [end.completion for end in ends if end.completion]
    choices = [_choice(index, getattr(each.output, "value", ""), each) for index, each in enumerate(done)]
    return base | {"choices": choices, "usage": usage(done)}


def _choice(index: int, text: str, completion: Any) -> dict[str, Any]:
    ended = {"finish_reason": completion.finish_reason, "seed": completion.seed} if completion else {}
    return {"index": index, "text": text, "logprobs": None, "finish_reason": None, **ended}


async def _chunks(
    base: dict[str, Any], written: AsyncIterator[Piece], with_usage: bool
) -> AsyncIterator[dict[str, Any]]:
    done = []
    async for piece in written:
        if piece.completion:
            done.append(piece.completion)
        yield base | {"choices": [_choice(piece.index, piece.text, piece.completion)]}
    if with_usage:
        yield base | {"choices": [], "usage": usage(done)}
