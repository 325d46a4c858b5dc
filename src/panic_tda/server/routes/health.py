"""Is the server there, and can it work?"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from panic_tda.runtime.health import health
from panic_tda.server.access import Desk

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The server answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "It is closing, or its executor does not work."}})
def readyz(desk: Desk, response: Response) -> dict[str, Any]:
    """Its executor answered a tiny call."""
    if desk.closing.is_set():
        response.status_code = 503
        return {"status": "closing", "faults": []}
    found = health(desk.executor)
    # Workers of other processes start with the first call.
    if found.faults:
        response.status_code = 503
    return {"status": "not ready" if found.faults else "ready", **found._asdict(), "faults": list(found.faults)}
