"""Work beside the requests that clients watch: it says how it stands, and wakes those who listen when that changes."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from panic_tda.server.writing import event

_GLANCE_S = 1.0


class Watched(ABC):
    """Listeners are called on the thread that does the work."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    @property
    @abstractmethod
    def has_ended(self) -> bool:
        """Whether nothing more will be told."""

    @abstractmethod
    def told(self) -> tuple[str, Any]:
        """The name and the data of the event that says how it stands."""

    def changed(self) -> None:
        """Wakes every listener."""
        for listener in list(self._listeners):
            listener()

    @contextmanager
    def heard(self, listener: Callable[[], None]) -> Iterator[None]:
        """Inside the block, the listener is called after each change."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)


async def events_of(work: Watched, closing: threading.Event) -> AsyncIterator[str]:
    """A server-sent event now and after each change, until the work has ended or the server closes."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(changed.set)

    with work.heard(wake):
        while not closing.is_set():
            changed.clear()
            ended = work.has_ended
            name, data = work.told()
            yield event(data, name)
            if ended:
                return
            try:
                await asyncio.wait_for(changed.wait(), _GLANCE_S)
            except TimeoutError:
                continue
