"""Times the distances between persistence diagrams against persim, and prints one table.

    python benchmarks/diagram_distances.py [--fast]

The task is the whole matrix over 500 diagrams of 200 bars. The sliced distance is measured on all of it (median of
three). What works pair by pair is measured on a sample of pairs (the median pair of three rounds) and multiplied by
the 124,750 pairs: those figures are marked with ≈. The last column is the greatest relative difference on the sample;
persim's sliced distance rounds its directions to float32.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from itertools import combinations, islice
from typing import Any

import numpy as np
import persim
from numpy.typing import NDArray

from panic_tda.analysis.diagram_distances import bottleneck_distance, wasserstein_distance
from panic_tda.analysis.sliced_wasserstein import sliced_wasserstein_distance, sliced_wasserstein_matrix

Bars = NDArray[np.float64]
Distance = Callable[[Any, Any], float]


def diagrams(count: int, bars: int) -> list[Bars]:
    """Births even in [0, 1], lengths exponential with mean 0.2."""
    rng = np.random.default_rng(0)
    births = rng.random((count, bars))
    return list(np.stack((births, births + rng.exponential(0.2, (count, bars))), axis=2))


def seconds_of(task: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def seconds_per_pair(distance: Distance, pairs: list[tuple[Bars, Bars]]) -> float:
    """Median over three rounds of the mean seconds of a pair."""
    distance(*pairs[0])  # imports are not timed
    rounds = [seconds_of(lambda: [distance(*pair) for pair in pairs]) for _ in range(3)]
    return statistics.median(rounds) / len(pairs)


def difference(ours: Distance, theirs: Distance, pairs: list[tuple[Bars, Bars]]) -> float:
    """Greatest relative difference of two implementations."""
    return max(abs(ours(*pair) / theirs(*pair) - 1.0) for pair in pairs)


def main() -> None:
    """Prints the table row by row, as it is measured."""
    parser = argparse.ArgumentParser(description="Distances between persistence diagrams: seconds for a whole matrix.")
    parser.add_argument("--fast", action="store_true", help="40 diagrams of 50 bars and 10 pairs, a few seconds in all")
    fast = parser.parse_args().fast
    sample = diagrams(40, 50) if fast else diagrams(500, 200)
    matrix_pairs = len(sample) * (len(sample) - 1) // 2
    pairs = list(islice(combinations(sample, 2), 10 if fast else 100))
    warnings.simplefilter("ignore")
    print(f"{len(sample)} diagrams of {len(sample[0])} bars, {matrix_pairs:,} pairs; persim on {len(pairs)} of them\n")
    print("| distance | panic-tda s | persim s | persim / panic-tda | greatest difference |")
    print("|---" * 5 + "|")
    rows: list[tuple[str, Distance, Distance]] = [
        ("sliced Wasserstein, 50 directions", sliced_wasserstein_distance, persim.sliced_wasserstein),
        ("Wasserstein, q = 1, L2", wasserstein_distance, persim.wasserstein),
        ("bottleneck", bottleneck_distance, persim.bottleneck),
    ]
    for name, ours, theirs in rows:
        whole = ours is sliced_wasserstein_distance
        if whole:
            mine = statistics.median(seconds_of(lambda: sliced_wasserstein_matrix(sample)) for _ in range(3))
        else:
            mine = seconds_per_pair(ours, pairs) * matrix_pairs
        persims = seconds_per_pair(theirs, pairs) * matrix_pairs
        about = "" if whole else "≈ "
        apart = difference(ours, theirs, pairs)
        print(f"| {name} | {about}{mine:.1f} | ≈ {persims:.0f} | {persims / mine:.1f} | {apart:.0e} |", flush=True)


if __name__ == "__main__":
    main()
