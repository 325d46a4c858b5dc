"""A real server on a free port, in a thread of the tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec
from panic_tda.server.facilities import Facilities, Rules
from panic_tda.server.schedule import Schedule
from panic_tda.server.serving import Serving, listen
from panic_tda.settings import Settings

TOKEN = "a token that nobody guesses"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Running:
    """A server, what it works with, and the lines of its log."""

    def __init__(self, serving: Serving, facilities: Facilities, log: list[dict[str, Any]]) -> None:
        self.url = serving.url
        self.serving = serving
        self.facilities = facilities
        self.log = log
        self.client = httpx2.Client(base_url=serving.url, timeout=60, trust_env=False)

    def get(self, path: str, **options: Any) -> Any:
        """A request without the token."""
        return self.client.get(path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """Likewise."""
        return self.client.post(path, json=body, **options)


@contextmanager
def running(
    settings: Settings,
    *,
    find: Callable[[str], ModelSpec] = find,
    grace_s: int = 10,
    schedule: Schedule | None = None,
    **rules: Any,
) -> Iterator[Running]:
    """The server answers inside the block."""
    log: list[dict[str, Any]] = []

    def tell(level: str, event: str, **facts: Any) -> None:
        log.append({"level": level, "event": event, **facts})

    facilities = Facilities(settings, Rules(TOKEN, **rules), find, tell=tell)
    with (
        listen("127.0.0.1", 0) as ear,
        Serving(facilities, ear, tell=tell, grace_s=grace_s, schedule=schedule) as serving,
    ):
        server = Running(serving, facilities, log)
        with server.client:
            yield server


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """The name and the data of each server-sent event."""
    name = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        if field == "data":
            yield name, value if value == "[DONE]" else json.loads(value)
            name = ""
