"""What an analysis says to a reader: one sentence with its number."""

from __future__ import annotations

from dataclasses import dataclass

from panic_tda.analysis.bootstrap import Interval


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: its ``kind``, a ``sentence`` for a reader, the ``value`` it is about, and its ``details``.

    ``low`` and ``high`` are the ends of the interval at ``level`` and ``n`` the number of runs (or pairs) behind it;
    None where the value is a plain count. ``cautions`` say in what way the number may not mean what it seems to; the
    sentence is shown with them.
    """

    kind: str
    sentence: str
    value: float
    details: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    level: float | None = None
    n: int | None = None
    cautions: tuple[str, ...] = ()


def finding_of(
    kind: str, sentence: str, interval: Interval, *, details: tuple[str, ...] = (), cautions: tuple[str, ...] = ()
) -> Finding:
    """A finding about a number with an interval; ends that are not known (NaN) become None."""
    low, high = (None if end != end else float(end) for end in (interval.low, interval.high))
    return Finding(kind, sentence, float(interval.estimate), details, low, high, interval.level, interval.n, cautions)
