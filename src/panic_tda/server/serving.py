"""A server that answers from when it is opened until it is closed."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING

from panic_tda.errors import PrerequisiteError, RequestError

if TYPE_CHECKING:
    from panic_tda.server.facilities import Facilities
    from panic_tda.server.schedule import Schedule

GRACE_S = 30
"""Seconds that requests in flight have to end once the server closes."""

_START_S = 120.0


def require_packages() -> None:
    """Raises ``PrerequisiteError`` when the packages of the extra ``server`` are not installed."""
    missing = [
        name for name in ("fastapi", "uvicorn", "prometheus_client", "cronsim", "tzlocal") if find_spec(name) is None
    ]
    if missing:
        raise PrerequisiteError(
            f"a server needs the Python packages {', '.join(missing)}", hint="pip install 'panic-tda[server]'"
        )


def new_token() -> str:
    """A token nobody guesses: 43 characters."""
    return secrets.token_urlsafe(32)


def listen(host: str, port: int) -> socket.socket:
    """A socket on which connections wait to be accepted; port 0 takes a free one. Raises ``RequestError``."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise RequestError(f"cannot listen on {host}, port {port}: {reason}", hint="choose another --port") from None


class Serving:
    """Answers on a thread, so that the caller decides when it ends. Use it as a context manager.

    Closing accepts nothing new and finishes what is in flight, for at most ``grace_s`` seconds.
    """

    def __init__(
        self,
        facilities: Facilities,
        ear: socket.socket,
        *,
        tell: Callable[..., None],
        grace_s: int = GRACE_S,
        schedule: Schedule | None = None,
    ) -> None:
        """``tell`` takes the lines of the log, ``schedule`` says when an embedder is tuned."""
        import uvicorn

        from panic_tda.server.app import make_app
        from panic_tda.server.schedule import ScheduledTuning

        self._facilities = facilities
        self._ear = ear
        self._scheduled = ScheduledTuning(schedule, facilities) if schedule else None
        config = uvicorn.Config(
            make_app(facilities, tell),
            log_config=None,
            log_level="error",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=grace_s,
            server_header=False,
        )
        host, port = ear.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [ear]}, name="panic-tda-server")

    def __enter__(self) -> Serving:
        if self._scheduled:
            self._scheduled.start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def is_alive(self) -> bool:
        """Whether it answers, or will."""
        return self._thread.is_alive()

    def close(self) -> None:
        """May be called twice."""
        self._facilities.closing.set()
        self._server.should_exit = True
        if self._scheduled:
            self._scheduled.close()
        self._thread.join()
        self._facilities.close()
        self._ear.close()
