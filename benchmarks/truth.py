"""Holds every statistic against a system whose answer is known, and prints one table.

    python benchmarks/truth.py [--fast] [--only WORDS]

Coverage is the share of repetitions whose interval holds the planted value, false alarms the share that is significant
where nothing is planted, power the share that is significant where something is. All seeds are fixed.
"""

from __future__ import annotations

import argparse
import sys
import time

from truths.truth import Effort, Share, Truth

ROOMS = ("topology", "recurrence", "sensitivity", "twins", "clusters", "states", "decides", "instruments", "published")


def truths() -> list[Truth]:
    """Every check, room by room."""
    from importlib import import_module

    return [truth for room in ROOMS for truth in import_module(f"truths.{room}").TRUTHS]


def main() -> int:
    """Prints the table; 1 when something asked for does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="a tenth of the repetitions")
    parser.add_argument("--only", default="", metavar="WORDS", help="statistics whose name holds these words")
    arguments = parser.parse_args()
    print("| statistic | planted | asked | recovered | coverage | false alarms | power | seconds | holds |")
    print("|---|---|---|---|---|---|---|---|---|")
    held = True
    for truth in truths():
        if arguments.only not in truth.statistic:
            continue
        start = time.perf_counter()
        found = truth.check(Effort(fast=arguments.fast))
        seconds = time.perf_counter() - start
        shares = " | ".join(_share(each) for each in (found.coverage, found.false_alarms, found.power))
        print(
            f"| {truth.statistic} | {truth.planted} | {truth.asked} | {found.value} | {shares} | {seconds:.1f} | "
            f"{'yes' if found.holds else 'NO'} |",
            flush=True,
        )
        held = held and found.holds
    return 0 if held else 1


def _share(share: Share | None) -> str:
    return "–" if share is None else f"{100 * share.value:.1f} % of {share.trials:,}"


if __name__ == "__main__":
    sys.exit(main())
