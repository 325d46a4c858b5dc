"""Two models that do not fit into memory together, in one network: what taking turns costs.

    python benchmarks/wavefront.py [--runs 32] [--cycles 5]

The models sleep: so long for a load, and so long for a call. The time of an experiment is held against the sum of all
calls and of one load for each model and cycle, which nothing on one device can beat.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from panic_tda.content import Content, Image, Text
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.generate import generate
from panic_tda.lab.perform import create
from panic_tda.lab.validation import validate_config
from panic_tda.lab.workbench import Task, Workbench
from panic_tda.models.model import Model, ModelSpec, Parameters, Placement
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.store.database import open_record
from panic_tda.store.model_versions import register

LOAD_S, CALL_S, BATCH = 0.2, 0.05, 8
NETWORK = ["DummyT2I", "DummyI2T"]
"""Their places in the catalogue are borrowed; what runs are the sleepers below."""


class Sleeper:
    """Takes its time, and gives a text or an image that depends on the item alone."""

    def __init__(self, spec: ModelSpec, inner: Model) -> None:
        time.sleep(LOAD_S)
        self._inner = inner
        self._spec = spec

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> Sequence[Content]:
        """A batch takes as long whatever its size."""
        time.sleep(CALL_S)
        return [self._small(content, seed) for content, seed in zip(inputs, seeds, strict=True)]

    def close(self) -> None:
        """Holds nothing."""
        self._inner.close()

    def _small(self, content: Content, seed: int) -> Content:
        digest = bytes.fromhex(content.sha256)
        if self._spec.name == NETWORK[0]:
            return Image("RGB", 2, 2, bytes([seed % 256, *digest[:11]]))
        return Text(content.sha256)


class Turns(NamedTuple):
    """Seconds of the stage, loads, calls and cycles."""

    seconds: float
    loads: int
    calls: int
    cycles: int

    @property
    def least(self) -> float:
        """Seconds of all calls, and of one load for each model and cycle."""
        return self.calls * CALL_S + len(NETWORK) * self.cycles * LOAD_S

    @property
    def over(self) -> float:
        """How much longer it took, as a share."""
        return self.seconds / self.least - 1


def taking_turns(runs: int, cycles: int) -> Turns:
    """Performs such an experiment, with memory for one of the two models."""
    experiment = _experiment(runs, cycles)
    largest = max(spec.memory_bytes for spec in experiment.models().values())
    executor = InProcessExecutor(memory_budget=largest, load=_sleeper)
    with tempfile.TemporaryDirectory() as folder, open_record(Path(folder) / "record.sqlite") as record:
        bench = Workbench(record, executor, batch_size=BATCH)
        key = create(bench, experiment)
        with record.writing() as connection:
            task = Task(key, experiment, register(connection, experiment.models().values()))
        started = time.perf_counter()
        generate(bench, [task])
        seconds = time.perf_counter() - started
    executor.close()
    calls = len(NETWORK) * cycles * -(-runs // BATCH)
    return Turns(seconds, executor.loads, calls, cycles)


def _experiment(runs: int, cycles: int) -> Experiment:
    config = {
        "network": NETWORK,
        "prompts": [f"prompt {number}" for number in range(runs)],
        "seeds": [1],
        "embedding_models": ["DummyText"],
        "max_length": len(NETWORK) * cycles,
    }
    return validate_config(config, folder=Path())


def _sleeper(spec: ModelSpec, placement: Placement) -> Model:
    return Sleeper(spec, spec.load(placement))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=32)
    parser.add_argument("--cycles", type=int, default=5)
    given = parser.parse_args()
    print("| runs | cycles | loads per cycle | calls | seconds | calls and loads alone | more |")
    print("|---|---|---|---|---|---|---|")
    for runs in (given.runs, 4 * given.runs):
        took = taking_turns(runs, given.cycles)
        per_cycle = f"{took.loads / took.cycles:g} for {len(NETWORK)} models"
        print(
            f"| {runs} | {took.cycles} | {per_cycle} | {took.calls} "
            f"| {took.seconds:.2f} | {took.least:.2f} | {100 * took.over:.1f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
