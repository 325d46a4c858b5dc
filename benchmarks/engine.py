"""How fast the engine is when the models cost nothing, and how much it adds when they cost something.

Prints one table. The peer is the older Python implementation (Ray), measured once on the same two cores: its
figures are in the last column. Every row of ours is measured in a process of its own, so that memory is its own.

    python benchmarks/engine.py [--fast]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from panic_tda.lab.diagrams import diagrams
from panic_tda.lab.embed import embed
from panic_tda.lab.generate import generate
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.store.database import Record, open_record
from records.generated import DUMMY_NETWORK, created

EMBEDDERS = ["DummyText", "DummyVision"]
SLEEP_S = 0.05


@contextmanager
def new_record() -> Iterator[Record]:
    """An empty record in a file that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, open_record(Path(folder) / "record.sqlite") as record:
        yield record


def measured_stages(runs: int, length: int, embedders: list[str]) -> dict[str, float]:
    """Seconds of each stage, and what was made."""
    config = {
        "network": DUMMY_NETWORK,
        "prompts": ["a prompt"],
        "num_runs": runs,
        "embedding_models": embedders,
        "max_length": length,
    }
    found: dict[str, float] = {}
    with new_record() as record, created(record, config, threads=2) as (bench, task):
        stages: list[tuple[str, Callable[[], None]]] = [
            ("generate", lambda: generate(bench, [task])),
            ("embed", lambda: embed(bench, task)),
            ("diagrams", lambda: diagrams(bench, task)),
        ]
        for name, stage in stages:
            started = time.perf_counter()
            stage()
            found[name] = time.perf_counter() - started
        with record.reading() as connection:
            found["vectors"] = connection.exec_driver_sql("SELECT count(*) FROM embeddings").scalar_one()
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return found


def overhead(length: int) -> dict[str, float]:
    """Wall time over pure model time with a model that sleeps 50 ms in C for each call."""

    class Sleeping:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def generate(self, inputs: Any, seeds: Any, parameters: Any) -> Any:
            time.sleep(SLEEP_S)
            return self._inner.generate(inputs, seeds, parameters)

        def close(self) -> None:
            self._inner.close()

    def load(spec: ModelSpec, placement: Placement) -> Any:
        return Sleeping(spec.load(placement))

    config = {"network": DUMMY_NETWORK, "prompts": ["a"], "embedding_models": ["DummyText"], "max_length": length}
    executor = InProcessExecutor(load=load)
    with new_record() as record, created(record, config | {"num_runs": 8}, executor, batch_size=4) as (bench, task):
        started = time.perf_counter()
        generate(bench, [task])
        wall = time.perf_counter() - started
    calls = length * 8 / 4
    return {"overhead": wall / (calls * SLEEP_S) - 1}


def whole_command(runs: int, length: int) -> dict[str, float]:
    """Seconds and peak memory of ``experiment perform`` as a user types it."""
    with tempfile.TemporaryDirectory() as folder:
        config = {"network": DUMMY_NETWORK, "prompts": ["a"], "num_runs": runs, "embedding_models": EMBEDDERS}
        path = Path(folder) / "experiment.json"
        path.write_text(json.dumps(config | {"max_length": length}))
        command = [sys.executable, "-m", "panic_tda", "--quiet", "--db", f"{folder}/r.sqlite", "experiment", "perform"]
        started = time.perf_counter()
        subprocess.run([*command, str(path)], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3}


def in_own_process(name: str, *arguments: object) -> dict[str, float]:
    """Calls a function of this file in a fresh interpreter."""
    command = [sys.executable, __file__, "--call", json.dumps([name, *arguments])]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def medians(name: str, *arguments: object, repeats: int) -> dict[str, float]:
    """The median of each figure over several processes."""
    rounds = [in_own_process(name, *arguments) for _ in range(repeats)]
    return {figure: median(found[figure] for found in rounds) for figure in rounds[0]}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="fewer repeats and a smaller memory test")
    parser.add_argument("--call", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.call:
        name, *given = json.loads(arguments.call)
        functions: dict[str, Callable[..., dict[str, float]]] = {
            "measured_stages": measured_stages,
            "overhead": overhead,
            "whole_command": whole_command,
        }
        print(json.dumps(functions[name](*given)))
        return
    print_table(repeats=1 if arguments.fast else 3, many_runs=200 if arguments.fast else 1000)


def print_table(*, repeats: int, many_runs: int) -> None:
    """The table of docs/performance.md."""
    engine = medians("measured_stages", 64, 100, EMBEDDERS, repeats=repeats)
    texts = medians("measured_stages", 400, 100, ["DummyText"], repeats=repeats)
    whole = medians("whole_command", 64, 100, repeats=repeats)
    small = medians("whole_command", 4, 100, repeats=repeats)
    few, many = in_own_process("whole_command", 100, 100), in_own_process("whole_command", many_runs, 100)
    added = medians("overhead", 20, repeats=repeats)["overhead"]
    rows = [
        ("generate, 64 runs x 100", f"{6400 / engine['generate']:,.0f} invocations/s", "68 invocations/s"),
        ("embed, DummyText", f"{texts['vectors'] / texts['embed']:,.0f} vectors/s", ""),
        ("whole command, 64 runs x 100", f"{whole['seconds']:.1f} s, {whole['peak_mb']:,.0f} MB", "153 s, 8,900 MB"),
        ("whole command, 4 runs x 100", f"{small['seconds']:.1f} s", "46 s"),
        ("overhead over a model of 50 ms", f"{100 * added:.1f} %", ""),
        (f"peak memory, {many_runs} against 100 runs x 100", f"{many['peak_mb'] / few['peak_mb']:.2f} x", ""),
    ]
    print("| what | panic-tda | older implementation |\n|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
