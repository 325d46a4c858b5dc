"""How far a stage is, how fast it goes, and how long it will take."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of a stage: items done of a total, the rate in items per second, and seconds left if known."""

    stage: str
    done: int
    total: int
    failed: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    detail: str = ""


def ignore_progress(_: Progress) -> None:
    """Reports nothing."""


def seconds_left(remaining: Mapping[str, int], seconds_per_item: Mapping[str, float]) -> float | None:
    """The sum of remaining items × seconds for each kind of work; None while some kind was never measured."""
    unmeasured = [kind for kind, items in remaining.items() if items and kind not in seconds_per_item]
    if unmeasured:
        return None
    return sum(items * seconds_per_item[kind] for kind, items in remaining.items() if items)


class Pace:
    """Counts what is done and estimates what is left from the medians of what was measured in this stage."""

    def __init__(
        self,
        stage: str,
        *,
        done: int,
        remaining: Mapping[str, int],
        report: Callable[[Progress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stage = stage
        self._done = done
        self._remaining = Counter(dict(remaining))
        self._failed = 0
        self._report = report
        self._clock = clock
        self._begun = clock()
        self._done_here = 0
        self._busy = 0.0
        self._measured: dict[str, deque[float]] = {}

    @property
    def failed(self) -> int:
        """Items that failed in this stage."""
        return self._failed

    def advance(self, kind: str, items: int, seconds: float, *, failed: int = 0) -> None:
        """``items`` of a kind of work finished together in ``seconds``; ``failed`` more of them did not."""
        if items:
            self._measured.setdefault(kind, deque(maxlen=_REMEMBERED)).append(seconds / items)
        self._done += items
        self._busy += seconds
        self._done_here += items
        self._failed += failed
        self._remaining[kind] -= items + failed

    def drop(self, work: Mapping[str, int]) -> None:
        """Takes work away that will not be done here: a run stopped early, or another process goes on with it."""
        self._remaining.subtract(dict(work))

    def add(self, work: Mapping[str, int]) -> None:
        """Adds work that another process leaves to this one."""
        self._remaining.update(dict(work))

    def seconds_per_item(self) -> dict[str, float]:
        """What an item of each kind of work takes on the clock.

        The median of what was measured, times the share of the clock that the measured work fills: storing and
        loading slow it down, several workers speed it up.
        """
        elapsed = self._clock() - self._begun
        stretch = elapsed / self._busy if elapsed > 0 and self._busy > 0 else 1.0
        return {kind: stretch * median(values) for kind, values in self._measured.items()}

    def tell(self, detail: str = "") -> None:
        """Reports the present state."""
        elapsed = self._clock() - self._begun
        left = {kind: items for kind, items in self._remaining.items() if items > 0}
        self._report(
            Progress(
                stage=self._stage,
                done=self._done,
                total=self._done + sum(left.values()),
                failed=self._failed,
                rate=self._done_here / elapsed if elapsed > 0 else 0.0,
                seconds_left=seconds_left(left, self.seconds_per_item()),
                detail=detail,
            )
        )
