"""The gate: is a candidate better than the current version, and nothing else worse?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from panic_tda.analysis.bootstrap import Interval
from panic_tda.training.pairs import Pair, read_pairs

GENERAL = Path(__file__).with_name("data") / "general.jsonl"
"""The frozen general set: questions and answers on everyday matters, in plain English."""

_LEAST_SHARE_OF_DIRECTIONS = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says; ``objections`` is empty for a candidate that passes.

    ``change`` is of nDCG@10 on held-out pairs, against the current version; ``general_change`` of nDCG@10 on the
    general set, ``directions`` of the effective rank as a share, both against the base.
    """

    change: Interval
    general_change: float
    directions: float
    objections: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether the candidate becomes the champion."""
        return not self.objections


def judge(change: Interval, general_change: float, directions: float, *, allowed_drop: float) -> Verdict:
    """The verdict on a candidate; numbers that are not finite are objections."""
    objections = tuple(_objections(change, general_change, directions, allowed_drop))
    return Verdict(change, general_change, directions, objections)


def _objections(change: Interval, general_change: float, directions: float, allowed_drop: float) -> Iterator[str]:
    # Written so that NaN, which compares false with everything, is an objection.
    if not change.low > 0:
        yield f"held-out nDCG@10 changes by {change.estimate:+.3f}, and may not have risen ({change.low:+.3f} or more)"
    if not general_change >= -allowed_drop:
        yield f"nDCG@10 on the general set changes by {general_change:+.3f}; it may drop by {allowed_drop:g}"
    if not directions >= _LEAST_SHARE_OF_DIRECTIONS:
        yield f"the vectors have collapsed: they fill {100 * directions:.0f} % of the directions they filled before"


@cache
def general_pairs() -> tuple[Pair, ...]:
    """The pairs of the general set."""
    return tuple(read_pairs(GENERAL))
