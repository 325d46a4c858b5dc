"""Time that passes only when somebody sleeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from panic_tda.models.remote.pauses import Times

BEGINNING = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


@dataclass(eq=False)
class StillTime:
    """``slept`` are the pauses somebody made; chance always draws ``chance``."""

    seconds: float = 0.0
    chance: float = 0.0
    slept: list[float] = field(default_factory=list)

    @property
    def times(self) -> Times:
        """What is passed in."""
        return Times(clock=self.clock, sleep=self.sleep, draw=self.draw, now=self.now)

    def clock(self) -> float:
        """Seconds since the beginning."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Makes time pass."""
        self.slept.append(seconds)
        self.seconds += seconds

    def draw(self) -> float:
        """No chance at all."""
        return self.chance

    def now(self) -> datetime:
        """The time of day."""
        return BEGINNING + timedelta(seconds=self.seconds)
