"""Who may do what: changing something needs the token, and on other addresses than this machine's, so does asking."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from panic_tda.server.facilities import Facilities

_bearer = HTTPBearer(auto_error=False, description="The token that the server printed when it started.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def facilities(request: Request) -> Facilities:
    """What the routes work with. Not a plain function: for each of those FastAPI waits for a thread."""
    return cast("Facilities", request.app.state.facilities)


Desk = Annotated[Facilities, Depends(facilities)]


async def require_token(desk: Desk, credentials: Credentials) -> None:
    """Raises 401 without the token. The comparison takes as long for a wrong token as for the right one."""
    given = credentials.credentials if credentials else ""
    if not hmac.compare_digest(given.encode(), desk.rules.token.encode()):
        raise HTTPException(
            401, "this needs the token of the server: Authorization: Bearer …", {"WWW-Authenticate": "Bearer"}
        )


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
