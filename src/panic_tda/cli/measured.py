"""What ``panic-tda model measure`` prints for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from panic_tda.cli.output import megabytes, print_table

if TYPE_CHECKING:
    from panic_tda.lab.measuring.measure import Measured


def print_measured(measured: Measured) -> None:
    """A table by batch size, and a sentence each for memory, batch size and tier."""
    found = measured.measurement
    headings = ("batch size", "ms per item", "peak memory")
    rows = [
        (size, f"{1000 * seconds:.2f}", megabytes(found.peak_bytes[size]))
        for size, seconds in found.seconds_per_item.items()
    ]
    print_table(headings, rows, right=headings)
    print(f"\n{found.model} on {found.machine}")
    print(f"loaded in {found.load_seconds:.2f} s, {megabytes(found.resident_bytes)} resident after that")
    print(f"batch size {found.batch_size} from now on, taking {megabytes(found.memory_bytes)}; {_limit(measured)}")
    print(f"tier {found.tier}{f': {found.tier_reason}' if found.tier_reason else ''}; {_seeds(measured)}")
    if measured.contradiction:
        print(measured.contradiction)


def _limit(measured: Measured) -> str:
    found = measured.measurement
    if found.out_of_memory_at is None:
        return f"all batches up to {found.largest_batch} fit"
    return f"{found.largest_batch} is the largest batch that fits, {found.out_of_memory_at} does not"


def _seeds(measured: Measured) -> str:
    return "seeds matter" if measured.seeds_matter else "seeds change nothing"
