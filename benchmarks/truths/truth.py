"""One statistic held against a planted truth, and how a share of hits is judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple


class Share(NamedTuple):
    """``hits`` of ``trials`` independent repetitions."""

    hits: int
    trials: int

    @property
    def value(self) -> float:
        """The share of hits, in [0, 1]."""
        return self.hits / self.trials

    def within(self, low: float, high: float, *, full: int) -> bool:
        """Whether the share lies in [low, high].

        With fewer than ``full`` trials each end is moved outwards by three binomial standard errors of itself, so
        that a quick look neither fails by chance nor passes a share that is far off.
        """

        def room(end: float) -> float:
            return 0.0 if self.trials >= full else 3.0 * math.sqrt(end * (1.0 - end) / self.trials)

        return low - room(low) <= self.value <= high + room(high)


class Recovered(NamedTuple):
    """What a check found: the ``value`` in words, the shares that apply, and whether all that was asked ``holds``."""

    value: str
    holds: bool
    coverage: Share | None = None
    false_alarms: Share | None = None
    power: Share | None = None


class Effort(NamedTuple):
    """How much to spend: ``fast`` makes a tenth of the repetitions, at least forty."""

    fast: bool = False

    def trials(self, full: int) -> int:
        """Repetitions to make where ``full`` are asked for."""
        return min(full, max(40, full // 10)) if self.fast else full


class Truth(NamedTuple):
    """A ``statistic``, the ``planted`` truth, what is ``asked`` of it, and the deterministic ``check``."""

    statistic: str
    planted: str
    asked: str
    check: Callable[[Effort], Recovered]
