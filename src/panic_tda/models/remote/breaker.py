"""A circuit breaker: a server that keeps failing is left alone for a while, and then asked once.

Closed, every request passes. After five failures in a row it opens: requests are refused at once. When the pause is
over it is half open: one request passes as a probe, and the others wait for what becomes of it. If the probe succeeds
it closes, if not another pause begins. What becomes of requests that passed before it opened says nothing about the
server now, and is ignored.

See M. Nygard, *Release It!*, 2nd ed., Pragmatic Bookshelf 2018, section 5.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Condition
from typing import NamedTuple

THRESHOLD = 5
"""Failures in a row that open the circuit."""

PAUSE_S = 30.0


class Passage(NamedTuple):
    """Leave to make one request; ``era`` tells which requests passed since the circuit last opened."""

    era: int


class Refusal(NamedTuple):
    """Why a request is not made: seconds since the circuit opened, seconds until a probe may pass, the last failure."""

    open_for_s: float
    again_in_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Circuit:
    """One state. Times are those of any clock that never goes back, in seconds.

    ``opened_at`` is None while closed; it stays what it was when a probe fails.
    """

    failures: int = 0
    opened_at: float | None = None
    again_at: float = 0.0
    probing: bool = False
    era: int = 0
    reason: str = ""

    def refusal(self, now: float) -> Refusal | None:
        """Why a request may not pass now, or None when it may; while ``probing`` none may."""
        if self.opened_at is None or (now >= self.again_at and not self.probing):
            return None
        return Refusal(now - self.opened_at, max(0.0, self.again_at - now), self.reason)

    def passed(self) -> Circuit:
        """After a request that was not refused has passed; where the circuit was open it is the probe."""
        return self if self.opened_at is None else replace(self, probing=True)

    def succeeded(self, era: int) -> Circuit:
        """After a request of that era was answered."""
        return Circuit(era=self.era) if era == self.era else self

    def failed(self, era: int, reason: str, now: float) -> Circuit:
        """After a request of that era failed."""
        if era != self.era:
            return self
        failures = self.failures + 1
        if failures < THRESHOLD:
            return replace(self, failures=failures, reason=reason)
        opened_at = now if self.opened_at is None else self.opened_at
        return Circuit(failures, opened_at, now + PAUSE_S, era=self.era + 1, reason=reason)


class Breaker:
    """The circuit of one server, for any number of threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._circuit = Circuit()
        self._changing = Condition()

    @property
    def is_open(self) -> bool:
        """Whether requests are refused, but for a probe."""
        return self._circuit.opened_at is not None

    def admit(self) -> Passage | Refusal:
        """Asks for leave, at once but for the time that a probe takes.

        Whoever gets a passage reports with :meth:`succeed` or :meth:`fail`, whatever happens.
        """
        with self._changing:
            self._changing.wait_for(lambda: not self._circuit.probing)
            if refusal := self._circuit.refusal(self._clock()):
                return refusal
            self._circuit = self._circuit.passed()
            return Passage(self._circuit.era)

    def succeed(self, passage: Passage) -> None:
        """The server answered."""
        with self._changing:
            self._circuit = self._circuit.succeeded(passage.era)
            self._changing.notify_all()

    def fail(self, passage: Passage, reason: str) -> None:
        """The server did not."""
        with self._changing:
            self._circuit = self._circuit.failed(passage.era, reason, self._clock())
            self._changing.notify_all()
