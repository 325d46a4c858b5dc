"""What worker processes cost, and what they bring: per call, in throughput, and over a whole network.

Side by side in one run: this process, our pool, ``concurrent.futures.ProcessPoolExecutor`` and actors of Ray doing the
same calls.
Medians of several rounds; prints one table.

    python benchmarks/executors.py [--fast]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from panic_tda.content import Content, Image, Text
from panic_tda.lab.perform import create, perform
from panic_tda.lab.validation import validate_config
from panic_tda.lab.workbench import Workbench
from panic_tda.models import catalogue
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.process.executor import ProcessExecutor
from panic_tda.runtime.result import Call
from panic_tda.signature import Kind, Signature
from panic_tda.store.database import open_record

HASHES = 60_000
"""What a CPU-bound call computes: about 50 ms."""


class Bench:
    """Echoes; or works for a while; or sleeps, and makes something of the kind its entry says."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Content]:
        """One content for each input."""
        time.sleep(float(self._spec.option("sleep", 0.0)))
        return [self._make(each, seed) for each, seed in zip(inputs, seeds, strict=True)]

    def close(self) -> None:
        """Nothing is held."""

    def _make(self, given: Content, seed: int) -> Content:
        for _ in range(int(self._spec.option("hashes", 0))):
            seed = hashlib.sha256(seed.to_bytes(8, "big")).digest()[0]
        if self._spec.option("sleep", 0.0):
            digest = hashlib.sha256(f"{given.sha256} {seed}".encode()).digest()
            wants_text = self._spec.signature.output is Kind.TEXT
            return Text(digest.hex()) if wants_text else Image("RGB", 2, 2, digest[:12])
        return given


def load(spec: ModelSpec, placement: Placement) -> Bench:
    """The loader of the entries."""
    return Bench(spec)


def spec(name: str, signature: str, **options: Any) -> ModelSpec:
    """An entry for a model that does as its options say."""
    return ModelSpec(
        name=name,
        family="benchmark",
        signature=Signature.parse(signature),
        summary="for measuring",
        loader="executors:load",
        licence="MIT",
        source="benchmarks",
        twin="benchmarks/executors.py",
        memory_bytes=1_000_000,
        synthetic=True,
        options=tuple(options.items()),
    )


TEXT, PICTURE = Text("x" * 1_000), Image("RGB", 1024, 1024, bytes(1024 * 1024 * 3))
ECHO, SHOW = spec("Echo", "text -> text"), spec("Show", "text -> image")
WORK = spec("Work", "text -> text", hashes=HASHES)


def per_call(executor: Executor, model: ModelSpec, content: Content, calls: int) -> float:
    """Milliseconds of a call that is waited for, the median."""
    seconds = []
    for number in range(calls + 5):
        started = time.perf_counter()
        executor.submit(Call(model, (content,), (number,))).result()
        seconds.append(time.perf_counter() - started)
    return 1000 * median(seconds[5:])


def throughput(executor: Executor, calls: int) -> float:
    """CPU-bound calls a second, all submitted at once."""
    for future in [executor.submit(Call(WORK, (TEXT,), (number,))) for number in range(4)]:
        future.result()
    started = time.perf_counter()
    for future in [executor.submit(Call(WORK, (TEXT,), (number,))) for number in range(calls)]:
        future.result()
    return calls / (time.perf_counter() - started)


def peer_answer(model: ModelSpec, content: Content, seed: int) -> list[Content]:
    """What a task of the peer does: the same model, made once in its process."""
    made = _MADE.setdefault(model.name, Bench(model))
    return made.generate((content,), (seed,), {})


_MADE: dict[str, Bench] = {}


class Peer:
    """``concurrent.futures.ProcessPoolExecutor`` behind our interface."""

    name = "ProcessPoolExecutor"

    def __init__(self, size: int) -> None:
        self._pool = ProcessPoolExecutor(size, mp_context=get_context("spawn"))

    def submit(self, call: Call) -> Future[Any]:
        """The same call."""
        return self._pool.submit(peer_answer, call.spec, call.inputs[0], call.seeds[0])

    def close(self) -> None:
        """Ends it."""
        self._pool.shutdown()


class RayPeer:
    """Actors of Ray, taken in turn, behind our interface."""

    name = "ray"

    def __init__(self, size: int) -> None:
        import ray

        made = ray.remote(num_cpus=1)(_Actor)
        self._actors = [made.remote() for _ in range(size)]
        self._next = 0

    def submit(self, call: Call) -> Future[Any]:
        """The same call."""
        self._next += 1
        actor = self._actors[self._next % len(self._actors)]
        found: Future[Any] = actor.answer.remote(call.spec, call.inputs[0], call.seeds[0]).future()
        return found

    def close(self) -> None:
        """Ends them."""
        import ray

        for actor in self._actors:
            ray.kill(actor)


class _Actor:
    def answer(self, model: ModelSpec, content: Content, seed: int) -> list[Content]:
        """What a task of the peer does."""
        return peer_answer(model, content, seed)


@contextmanager
def opened(make: Callable[[], Any]) -> Iterator[Any]:
    """An executor, closed in the end."""
    executor = make()
    try:
        yield executor
    finally:
        executor.close()


def rounds(count: int, measure: Callable[[Any], float], makers: Sequence[Callable[[], Any]]) -> list[float]:
    """The median of several rounds for each executor; the rounds alternate, so that noise falls on all of them."""
    found: list[list[float]] = [[] for _ in makers]
    for _ in range(count):
        for number, make in enumerate(makers):
            with opened(make) as executor:
                found[number].append(measure(executor))
    return [median(values) for values in found]


def perform_with(executor: Executor, network: list[str], runs: int, length: int, batch_size: int) -> float:
    """Seconds that ``generate`` of one experiment takes, the record and all."""
    config = {"network": network, "prompts": ["a"], "num_runs": runs, "embedding_models": ["DummyText"]}
    experiment = validate_config(config | {"max_length": length}, folder=Path())
    with tempfile.TemporaryDirectory() as folder, open_record(Path(folder) / "record.sqlite") as record:
        bench = Workbench(record, executor, batch_size=batch_size)
        key = create(bench, experiment)
        for each in network:  # loading is not measured here
            given = PICTURE if experiment.models()[each].signature.input is Kind.IMAGE else TEXT
            warm = [executor.submit(Call(experiment.models()[each], (given,), (0,))) for _ in range(4)]
            for future in warm:
                future.result()
        told = Told()
        perform(Workbench(record, executor, batch_size=batch_size, report=told), [key])
        return told.seconds


class Told:
    """When the generate stage began and ended, from its progress."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def __call__(self, progress: Any) -> None:
        if progress.stage == "generate":
            self._times.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """From the first report to the last."""
        return self._times[-1] - self._times[0]


def overlap(runs: int, length: int) -> tuple[float, float]:
    """Wall seconds of text → image → text with sleeping models on two workers, and those of the ideal schedule."""
    painter = spec("SlowPainter", "text -> image", sleep=0.5)
    reader = spec("QuickReader", "image -> text", sleep=0.1)
    known = {**catalogue.catalogue(), painter.name: painter, reader.name: reader}
    before, catalogue.catalogue = catalogue.catalogue, lambda: known
    try:
        with opened(lambda: ProcessExecutor(size=2)) as executor:
            wall = perform_with(executor, [painter.name, reader.name], runs, length, 1)
    finally:
        catalogue.catalogue = before
    return wall, runs * length / 2 * (0.5 + 0.1) / 2


def main(fast: bool) -> None:
    """Prints the table."""
    count, calls = (1, 50) if fast else (5, 300)
    start_ray()
    makers = [lambda: InProcessExecutor(), lambda: ProcessExecutor(size=1), lambda: Peer(1), lambda: RayPeer(1)]
    text = rounds(count, lambda executor: per_call(executor, ECHO, TEXT, calls), makers)
    picture = rounds(count, lambda executor: per_call(executor, SHOW, PICTURE, calls // 3), makers)
    kinds: list[Callable[[int], Any]] = [lambda size: ProcessExecutor(size=size), Peer, RayPeer]
    pools = [partial(kind, size) for kind in kinds for size in (1, 2)]
    many = rounds(count, lambda executor: throughput(executor, 40), pools)
    dummies = rounds(
        count,
        lambda executor: 64 * 100 / perform_with(executor, ["DummyT2I", "DummyI2T"], 64, 100, 0),
        [lambda: InProcessExecutor(), lambda: ProcessExecutor()],
    )
    wall, ideal = overlap(4, 10 if fast else 20)
    print("| what | this process | `process` | ProcessPoolExecutor | Ray actors |\n| --- | ---: | ---: | ---: | ---: |")
    print("| call with 1 kB, ms | " + " | ".join(f"{value:.2f}" for value in text) + " |")
    print("| call with 1024 × 1024 pixels, ms | " + " | ".join(f"{value:.2f}" for value in picture) + " |")
    gains = " | ".join(f"{many[place + 1] / many[place]:.2f} ×" for place in (0, 2, 4))
    print(f"| two workers against one, CPU-bound | | {gains} |")
    print(
        "| CPU-bound calls a second, two workers | | " + " | ".join(f"{many[place]:.1f}" for place in (1, 3, 5)) + " |"
    )
    print(f"| dummy invocations a second, 64 × 100 | {dummies[0]:.0f} | {dummies[1]:.0f} | | |")
    print(f"| 4 runs of 0.5 s and 0.1 s models on two workers, s (ideal {ideal:.2f}) | | {wall:.2f} | | |")


def start_ray() -> None:
    """A cluster of this machine alone."""
    import ray

    places = os.pathsep.join([str(Path(__file__).parent), *(path for path in sys.path if path)])
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        runtime_env={"env_vars": {"PYTHONPATH": places}},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="one short round")
    main(parser.parse_args().fast)
