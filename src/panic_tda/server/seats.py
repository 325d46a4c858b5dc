"""How many answers of language models are at work: each one takes a thread, of which other routes need some too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from panic_tda.errors import QueueFull

SEATS = 24
"""Answers that are written, or wait for their model; the routes share 40 threads."""

MOST_WAITING = 1000


class Seats:
    """Belongs to one event loop. Whoever finds no seat waits in line, without a thread."""

    def __init__(self, seats: int = SEATS, most_waiting: int = MOST_WAITING) -> None:
        self._free = asyncio.Semaphore(seats)
        self._most_waiting = most_waiting
        self._waiting = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A seat until the block ends; raises ``QueueFull`` when too many wait already."""
        if self._waiting >= self._most_waiting:
            raise QueueFull(f"{self._waiting} answers wait already", hint="try again later")
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()
