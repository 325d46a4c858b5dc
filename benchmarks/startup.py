"""How long a user waits for a short command: help, and looking at a database of 200,000 invocations.

python benchmarks/startup.py [--repeats N]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from records.generated import fill

RUNS, LENGTH = 2_000, 100


class Seconds(NamedTuple):
    """What a command takes: on the clock, and of the processor, which busy neighbours disturb less."""

    wall: float
    processor: float


def as_installed(folder: Path) -> dict[str, str]:
    """An environment in which Python keeps what it compiled, as it does for packages that pip installed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder)}


def seconds(command: list[str], environment: dict[str, str], repeats: int) -> Seconds:
    """The medians of a command, after once to warm up."""
    times = [once(command, environment) for _ in range(repeats + 1)][1:]
    return Seconds(median(each.wall for each in times), median(each.processor for each in times))


def once(command: list[str], environment: dict[str, str]) -> Seconds:
    """Runs a command."""
    used, started = processor_of_children(), time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Seconds(time.perf_counter() - started, processor_of_children() - used)


def processor_of_children() -> float:
    """Seconds of the processor, user and system, of all commands that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        path, environment = Path(folder) / "record.sqlite", as_installed(Path(folder) / "compiled")
        fill(path, ["a"], RUNS, LENGTH)
        tool = [sys.executable, "-m", "panic_tda", "--db", str(path)]
        rows = [
            ("python -c pass", [sys.executable, "-c", "pass"], ""),
            ("import panic_tda", [sys.executable, "-c", "import panic_tda"], "0.2 s"),
            ("panic-tda --help", [*tool, "--help"], "0.4 s"),
            (f"experiment list, {RUNS * LENGTH:,} invocations", [*tool, "experiment", "list"], "0.5 s"),
            (f"experiment show, {RUNS * LENGTH:,} invocations", [*tool, "experiment", "show", "latest"], "0.5 s"),
            ("run show", [*tool, "run", "show", "latest"], ""),
        ]
        print("| command | median | of the processor | to reach |\n|---|---|---|---|")
        for name, command, goal in rows:
            took = seconds(command, environment, repeats)
            print(f"| {name} | {took.wall:.3f} s | {took.processor:.3f} s | {goal} |", flush=True)
        print(f"\nload average of the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
