"""Clients that speak HTTP over bare sockets, and go away when they like."""

from __future__ import annotations

import asyncio
import json
import random
import struct
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET
from typing import Any, Literal

Behaviour = Literal["stays", "half a request", "unread", "half an answer"]
BEHAVIOURS: dict[Behaviour, int] = {"stays": 40, "half a request": 20, "unread": 20, "half an answer": 20}
"""Who goes when, and how many of 100 do."""

LONGEST_S = 300.0


@dataclass(frozen=True)
class Request:
    """A path and, where it is posted, a body."""

    path: str
    body: Any = None

    def encoded(self) -> bytes:
        """As it goes through the socket."""
        content = b"" if self.body is None else json.dumps(self.body).encode()
        method = "GET" if self.body is None else "POST"
        head = f"{method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        if content:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return f"{head}\r\n".encode() + content


def drawn(chance: random.Random, number: int, language: int) -> Request:
    """A request of any kind; of 1,000 so many ask a language model, and a third of the others measures with MiniLM."""
    if chance.randrange(1000) < language:
        return _asking(chance)
    kind = chance.randrange(12)
    if kind < 2:
        return Request("/healthz")
    model = "MiniLM" if kind < 6 else "DummyText"
    texts = [f"request {number}, text {each}" for each in range(chance.choice((1, 1, 1, 4, 16)))]
    return Request("/v1/embeddings", {"model": model, "input": texts})


def _asking(chance: random.Random) -> Request:
    wish = {"model": "SmolLM2", "seed": chance.randrange(1000), "max_tokens": 24, "stream": chance.random() < 0.7}
    if chance.random() < 0.5:
        return Request("/v1/completions", wish | {"prompt": "Once upon a time"})
    return Request("/v1/chat/completions", wish | {"messages": [{"role": "user", "content": "Tell me of apples."}]})


async def ask(port: int, request: Request, behaviour: Behaviour, share: float, *, abruptly: bool) -> str:
    """The status of the answer, or ``dropped``; how far into it the client goes is a share between 0 and 1.

    ``abruptly``: the connection is reset, as when a machine is switched off, and not closed.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        data = request.encoded()
        if behaviour == "half a request":
            writer.write(data[: int(share * len(data))])
            await writer.drain()
            return "dropped"
        writer.write(data)
        await writer.drain()
        if behaviour == "unread":
            return "dropped"
        if behaviour == "half an answer":
            await reader.read(1 + int(200 * share))
            return "dropped"
        answer = await asyncio.wait_for(reader.read(), LONGEST_S)
        return answer.split(b" ", 2)[1].decode() if answer else "no answer"
    finally:
        if abruptly and behaviour != "stays":
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
