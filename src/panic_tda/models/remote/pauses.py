"""How long to wait before a request is made again. Clock, sleep and chance are passed in."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRIES = 3
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Times:
    """``clock`` never goes back (seconds), ``draw`` gives numbers from 0 up to 1, ``now`` is the time of day."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random
    now: Callable[[], datetime] = _utc_now


REAL_TIMES = Times()


def pause_s(retry: int, draw: float, asked_s: float) -> float:
    """Seconds before retry 0, 1, 2: doubled each time, up to half of it left to chance; never less than asked for.

    Without the chance, requests that failed together would come back together.
    """
    return max(FIRST_PAUSE_S * 2.0**retry * (1.0 - draw / 2.0), asked_s)


def asked_pause_s(header: str | None, now: datetime) -> float:
    """Seconds that a ``Retry-After`` header asks for, as a number or a date; 0 where there is no sense in it."""
    if not header:
        return 0.0
    try:
        asked = float(header)
    except ValueError:
        asked = _seconds_until(header, now)
    return asked if 0.0 < asked < float("inf") else 0.0


def _seconds_until(date: str, now: datetime) -> float:
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    return ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds()
