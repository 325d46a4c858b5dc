"""Times the homology engines on clouds like those of a run, and prints one table (median of three).

    python benchmarks/homology.py [--fast] [--limit SECONDS] [--only WORDS]

Every engine gets the raw points: ours merges exact repeats first, so do we for GUDHI, and giotto-ph (run only when it
is installed) gets the full distance matrix, as in the earlier implementations. Each measurement has a process of its
own, which is stopped at the limit ("> 150"); what takes a tenth of the limit is measured once only.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

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


def walk_on_the_sphere(count: int, dimension: int = 768) -> Cloud:
    """A walk with normal moves of norm 0.3, back on the sphere after each: it wanders off and never settles."""
    rng = np.random.default_rng(count)
    rows = [_normalised(rng.normal(size=(1, dimension)))[0]]
    for _ in range(count - 1):
        rows.append(_normalised((rows[-1] + 0.3 * rng.normal(size=dimension) / np.sqrt(dimension))[None])[0])
    return np.stack(rows)


def noisy_circle(count: int) -> Cloud:
    """A unit circle in the plane with normal noise of 0.05."""
    rng = np.random.default_rng(count)
    angle = rng.uniform(0, 2 * np.pi, count)
    circle = np.column_stack((np.cos(angle), np.sin(angle))) + rng.normal(scale=0.05, size=(count, 2))
    return circle.astype(np.float32)


def noisy_torus(count: int) -> Cloud:
    """A torus in space, radii 1 and 0.4, with normal noise of 0.05."""
    rng = np.random.default_rng(count)
    long, short = rng.uniform(0, 2 * np.pi, (2, count))
    ring = 1 + 0.4 * np.cos(short)
    torus = np.column_stack((ring * np.cos(long), ring * np.sin(long), 0.4 * np.sin(short)))
    return (torus + rng.normal(scale=0.05, size=(count, 3))).astype(np.float32)


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
            "walk on the sphere, 150": walk_on_the_sphere(150),
            "noisy circle, 150": noisy_circle(150),
            "noisy torus, 150": noisy_torus(150),
            "stuck, 50 distinct of 200": stuck(200, 50),
        }
    return {
        "random 768-d, 100": random_cloud(100),
        "random 768-d, 150": random_cloud(150),
        "random 768-d, 250": random_cloud(250),
        "walk with attractors, 250": walk_with_attractors(250),
        "walk with attractors, 500": walk_with_attractors(500),
        "walk on the sphere, 500": walk_on_the_sphere(500),
        "walk on the sphere, 1000": walk_on_the_sphere(1000),
        "noisy circle, 500": noisy_circle(500),
        "noisy torus, 500": noisy_torus(500),
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


def median_seconds(diagram: Callable[[Cloud], object], cloud: Cloud, limit: float) -> float:
    """Median wall-clock seconds of ``diagram(cloud)``, three times; infinite when one call exceeds ``limit``."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_measure, args=(diagram, cloud, theirs))
    process.start()
    seconds: list[float] = []
    while len(seconds) < 3 and max(seconds, default=0.0) < limit / 10:
        if not ours.poll(limit):
            seconds = [float("inf")]
            break
        seconds.append(ours.recv())
    process.kill()
    process.join()
    return statistics.median(seconds)


def _measure(diagram: Callable[[Cloud], object], cloud: Cloud, results: Connection) -> None:
    while True:
        start = time.perf_counter()
        diagram(cloud)
        results.send(time.perf_counter() - start)


def main() -> None:
    """Prints the table row by row, as it is measured."""
    parser = argparse.ArgumentParser(description="Vietoris–Rips H0–H2 of typical clouds: seconds by engine.")
    parser.add_argument("--fast", action="store_true", help="small clouds only, a few seconds in all")
    parser.add_argument("--limit", type=float, default=150.0, help="seconds after which an engine is stopped")
    parser.add_argument("--only", default="", metavar="WORDS", help="clouds whose name holds these words")
    arguments = parser.parse_args()
    contestants = engines()
    rivals = list(contestants)[1:]
    for diagram in contestants.values():
        diagram(noisy_circle(10))  # imports are not timed
    print("| cloud | " + " | ".join([f"{name} s" for name in contestants] + [f"{r} / redzed" for r in rivals]) + " |")
    print("|---" * (1 + len(contestants) + len(rivals)) + "|")
    for name, cloud in clouds(arguments.fast).items():
        if arguments.only in name:
            print(
                _row(
                    name,
                    [median_seconds(each, cloud, arguments.limit) for each in contestants.values()],
                    arguments.limit,
                ),
                flush=True,
            )


def _row(name: str, seconds: list[float], limit: float) -> str:
    def known(value: float, digits: int, most: float) -> str:
        return f"> {most:.0f}" if np.isinf(value) else f"{value:.{digits}f}"

    times = [known(each, 3, limit) for each in seconds]
    ratios = [known(each / seconds[0], 1, limit / seconds[0]) for each in seconds[1:]]
    return f"| {name} | " + " | ".join(times + ratios) + " |"


if __name__ == "__main__":
    main()
