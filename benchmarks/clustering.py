"""Clusters planted vectors with each algorithm, and prints agreement, outliers and seconds.

    python benchmarks/clustering.py [--fast]

60 clusters of Zipf sizes and 10 % noise. Each line is a process of its own, whose seconds are those of the whole
clustering from the import of its library on. EVoC is run a second time in another process, which must give the same
labels (exit code 1 when it does not). Its very first line begins with an empty cache, so that it compiles.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from panic_tda.analysis.cluster_stability import adjusted_rand
from panic_tda.analysis.clustering import Algorithm, Layer, cluster
from truths.clusters import zipf_cloud

SEED = 42


class Task(NamedTuple):
    """One line of the table."""

    algorithm: Algorithm
    vectors: int
    dimensions: int


TASKS = (
    Task("hdbscan", 10_000, 768),
    Task("optics", 10_000, 768),
    Task("evoc", 50_000, 384),
    Task("evoc", 10_000, 768),
)
FAST = (Task("hdbscan", 2_000, 768), Task("optics", 2_000, 768), Task("evoc", 5_000, 384))


def measure(task: Task) -> dict[str, Any]:
    """Clusters in this process: seconds, and for the finest and the best layer what became of the planted clusters."""
    points, labels = zipf_cloud(np.random.default_rng(0), task.vectors, task.dimensions)
    begun, busy = time.perf_counter(), time.process_time()
    found = cluster(points, np.random.default_rng(SEED), algorithm=task.algorithm)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - busy
    digest = hashlib.sha256(b"".join(layer.labels.tobytes() for layer in found.layers)).hexdigest()
    layers = {"best": described(found.best, labels)}
    if len(found.layers) > 1:
        layers["finest"] = described(found.finest, labels)
    return {"seconds": seconds, "cpu": cpu, "digest": digest, "layers": layers}


def described(layer: Layer, labels: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Agreement with the planted ``labels``, number of clusters and share of outliers."""
    agreement = adjusted_rand(labels, layer.labels)
    return {"ari": agreement, "clusters": layer.clusters, "outliers": layer.outlier_share}


def in_a_process(task: Task, cache: Path) -> dict[str, Any]:
    """The same in a process of its own, which keeps what it compiles in ``cache``."""
    words = [sys.executable, __file__, "--one", task.algorithm, str(task.vectors), str(task.dimensions)]
    done = subprocess.run(
        words, env=os.environ | {"NUMBA_CACHE_DIR": str(cache)}, stdout=subprocess.PIPE, text=True, check=True
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def print_task(task: Task, cache: Path) -> bool:
    """Prints the lines of a task; whether a second process gave the same labels."""
    first = in_a_process(task, cache)
    again = in_a_process(task, cache) if task.algorithm == "evoc" else first
    second = _times(again) if task.algorithm == "evoc" else "–"
    same = bool(first["digest"] == again["digest"])
    for name, layer in first["layers"].items():
        print(
            f"| {task.algorithm}, {name} layer | {task.vectors:,} × {task.dimensions} | {layer['ari']:.3f} | "
            f"{layer['clusters']} | {100 * layer['outliers']:.1f} % | {_times(first)} | {second} | "
            f"{'yes' if same else 'NO'} |",
            flush=True,
        )
    return same


def _times(measured: dict[str, Any]) -> str:
    return f"{measured['seconds']:.1f} ({measured['cpu']:.1f})"


def main() -> int:
    """Prints the table; 1 when labels differ between two processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="fewer vectors")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        algorithm, vectors, dimensions = arguments.one
        print(json.dumps(measure(Task(algorithm, int(vectors), int(dimensions)))))
        return 0
    print("| clustering | vectors | ARI | clusters | outliers | seconds (of CPU) | again | same labels |")
    print("|---|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        same = [print_task(task, Path(folder)) for task in (FAST if arguments.fast else TASKS)]
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
