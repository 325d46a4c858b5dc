"""What one client may ask of the server: a body of so many bytes, and so many requests a second."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from panic_tda.server.faults import shape

_CLIENTS = 10_000


class TokenBuckets:
    """One bucket for each client: it holds two seconds' worth of requests, and fills steadily.

    At most 10,000 clients are remembered; the one longest unseen is forgotten, with a full bucket.
    """

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._size = max(1.0, 2 * per_s)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """0 when the client may ask now, which is counted; else the seconds until it may."""
        now = self._clock()
        left, since = self._buckets.pop(client, (self._size, now))
        left = min(self._size, left + (now - since) * self._per_s)
        allowed = left >= 1.0
        self._buckets[client] = (left - allowed, now)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) / self._per_s


class RateLimit:
    """Answers 429 to a client that asks too often."""

    def __init__(self, app: ASGIApp, per_s: float) -> None:
        self._app = app
        self._buckets = TokenBuckets(per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and (wait_s := self._buckets.wait_s((scope.get("client") or ("",))[0])):
            message = f"too many requests: ask again in {wait_s:.2g} s"
            refused = JSONResponse(shape(429, message), 429, {"Retry-After": str(-(-wait_s // 1))})
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)


class BodyLimit:
    """Answers 413 to a body that is too large, whether it says so before or not."""

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "")
        if said.isdecimal() and int(said) > self._largest:
            refused: Any = JSONResponse(shape(413, self._words), 413, {"Connection": "close"})
            await refused(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._largest:
                raise HTTPException(413, self._words)
            return message

        await self._app(scope, counted, send)

    @property
    def _words(self) -> str:
        return f"the body has more than {self._largest:,} bytes"
