"""Which findings come first where there is room for a few."""

from __future__ import annotations

from collections.abc import Sequence

from panic_tda.answers.finding import Finding


def most_telling(found: Sequence[Finding], most: int) -> list[Finding]:
    """At most ``most`` of the findings: of each kind in turn, and of each kind the surest first.

    Surer is what has fewer cautions, then what has an interval, then what rests on more runs; what is equally sure
    stays in its order.
    """
    kinds: dict[str, list[Finding]] = {}
    for finding in found:
        kinds.setdefault(finding.kind, []).append(finding)
    turns = [
        (turn, place, finding)
        for place, alike in enumerate(kinds.values())
        for turn, finding in enumerate(sorted(alike, key=_doubt))
    ]
    return [finding for _, _, finding in sorted(turns, key=lambda each: each[:2])[:most]]


def _doubt(finding: Finding) -> tuple[int, bool, int]:
    return len(finding.cautions), finding.low is None, -(finding.n or 0)
