"""One line of JSON on stderr for each request, and an id that connects it with the answer."""

from __future__ import annotations

import json
import re
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from panic_tda.server.faults import shape

HEADER = "x-request-id"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def write_line(level: str, event: str, **facts: Any) -> None:
    """Writes one line."""
    line = {"time": datetime.now(UTC).isoformat(), "level": level, "event": event, **facts}
    print(json.dumps(line, default=str), file=sys.stderr, flush=True)


class RequestLog:
    """Gives each request an id (its own, if it brings one), and tells how it ended.

    What nobody foresaw is told with its traceback, and answered with 500 and the id alone.
    """

    def __init__(self, app: ASGIApp, tell: Callable[..., None] = write_line) -> None:
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        brought = Headers(scope=scope).get(HEADER, "")
        key = brought if _ID.fullmatch(brought) else token_hex(8)
        began, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = key
            await send(message)

        facts: dict[str, Any] = {}
        try:
            await self._app(scope, receive, watched)
        except Exception as fault:
            facts["fault"] = "".join(traceback.format_exception(fault))
            if not status:
                answer = JSONResponse(shape(500, f"the server failed; its log tells more under {key}"), 500)
                await answer(scope, receive, watched)
        finally:
            self._tell(
                "error" if facts else "info",
                "request",
                id=key,
                method=scope["method"],
                path=scope["path"],
                status=status,
                seconds=round(time.perf_counter() - began, 6),
                client=(scope.get("client") or ("",))[0],
                **facts,
            )
