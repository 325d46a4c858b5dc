"""Times the homology engines on clouds like those of a run, and prints one table (median of three).

    python benchmarks/homology.py [--fast]

Every engine gets the raw points: ours merges exact repeats first, so do we for GUDHI, and giotto-ph (run only when it
is installed) gets the full distance matrix, as in the earlier implementations.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.distances import euclidean_distances
from panic_tda.analysis.homology import Engine, persistence_diagram

Cloud = NDArray[np.float32]


def random_cloud(count: int, dimension: int = 768) -> Cloud:
    """Independent normal vectors, normalised: the hardest case, since all distances are alike."""
    return _normalised(np.random.default_rng(count).normal(size=(count, dimension)))


def walk_with_attractors(count: int, dimension: int = 768) -> Cloud:
    """A walk on the sphere that is drawn to one of five attractors, changing it about every 40 steps."""
    rng = np.random.default_rng(count)
    attractors = _normalised(rng.normal(size=(5, dimension)))
    rows, goal = [_normalised(rng.normal(size=(1, dimension)))[0]], attractors[0]
    for _ in range(count - 1):
        if rng.random() < 1 / 40:
            goal = attractors[rng.integers(5)]
        step = 0.8 * rows[-1] + 0.2 * goal + 0.3 * rng.normal(size=dimension) / np.sqrt(dimension)
        rows.append(_normalised(step[None])[0])
    return np.stack(rows)


def noisy_circle(count: int) -> Cloud:
    """A unit circle in the plane with normal noise of 0.05."""
    rng = np.random.default_rng(count)
    angle = rng.uniform(0, 2 * np.pi, count)
    circle = np.column_stack((np.cos(angle), np.sin(angle))) + rng.normal(scale=0.05, size=(count, 2))
    return circle.astype(np.float32)


def stuck(steps: int, distinct: int) -> Cloud:
    """A walk that visits ``distinct`` points once and then repeats the last fifty."""
    cycle = np.arange(steps)
    cycle[distinct:] = distinct - 50 + (cycle[distinct:] - distinct) % 50
    return walk_with_attractors(distinct)[cycle]


def _normalised(rows: NDArray[np.float64]) -> Cloud:
    unit: Cloud = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def clouds(fast: bool) -> dict[str, Cloud]:
    """The clouds of the table by name; ``fast`` keeps those that every engine does in about a second."""
    if fast:
        return {
            "random 768-d, 60": random_cloud(60),
            "walk with attractors, 150": walk_with_attractors(150),
            "noisy circle, 150": noisy_circle(150),
            "stuck, 50 distinct of 200": stuck(200, 50),
        }
    return {
        "random 768-d, 100": random_cloud(100),
        "random 768-d, 150": random_cloud(150),
        "walk with attractors, 250": walk_with_attractors(250),
        "walk with attractors, 500": walk_with_attractors(500),
        "noisy circle, 500": noisy_circle(500),
        "stuck, 150 distinct of 1000": stuck(1000, 150),
    }


def engines() -> dict[str, Callable[[Cloud], object]]:
    """Diagram functions by name; the first is what panic-tda uses."""

    def ours(engine: Engine) -> Callable[[Cloud], object]:
        return lambda cloud: persistence_diagram(cloud, engine=engine)

    found = {"redzed": ours("redzed"), "gudhi": ours("gudhi")}
    if importlib.util.find_spec("gph"):
        found["giotto-ph"] = _giotto
    return found


def _giotto(cloud: Cloud) -> object:
    gph = importlib.import_module("gph")
    return gph.ripser_parallel(euclidean_distances(cloud), metric="precomputed", maxdim=2, n_threads=-1)


def median_seconds(diagram: Callable[[Cloud], object], cloud: Cloud, repeats: int = 3) -> float:
    """Median wall-clock seconds of ``diagram(cloud)``."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        diagram(cloud)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Prints the table row by row, as it is measured."""
    parser = argparse.ArgumentParser(description="Vietoris–Rips H0–H2 of typical clouds: seconds by engine.")
    parser.add_argument("--fast", action="store_true", help="small clouds only, a few seconds in all")
    contestants = engines()
    rivals = list(contestants)[1:]
    sample = clouds(parser.parse_args().fast)
    for diagram in contestants.values():
        diagram(noisy_circle(10))  # imports are not timed
    print("| cloud | " + " | ".join([f"{name} s" for name in contestants] + [f"{r} / redzed" for r in rivals]) + " |")
    print("|---" * (1 + len(contestants) + len(rivals)) + "|")
    for name, cloud in sample.items():
        seconds = {engine: median_seconds(diagram, cloud) for engine, diagram in contestants.items()}
        ratios = [f"{seconds[rival] / seconds['redzed']:.1f}" for rival in rivals]
        print(f"| {name} | " + " | ".join([f"{s:.3f}" for s in seconds.values()] + ratios) + " |", flush=True)


if __name__ == "__main__":
    main()
