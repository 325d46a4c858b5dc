"""The rows of the frames as typed records: runs, their steps, and their clouds of vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray
    from PIL.Image import Image as PillowImage

    ImageLoader: TypeAlias = Callable[[str], PillowImage]


class Run(NamedTuple):
    """One row of the ``runs`` frame."""

    run_id: str
    network: str
    prompt: str
    prompt_sha256: str
    prompt_type: str
    seed: int
    run_number: int
    length: int
    max_length: int
    stop_reason: str | None
    period: int | None
    failure: str | None
    twin_of: str | None = None


class Step(NamedTuple):
    """What the figures need of one row of the ``invocations`` frame."""

    sequence_number: int
    position: int
    model: str
    type: str
    text: str | None
    sha256: str
    degenerate: str | None
    synthetic: bool


class Trajectory(NamedTuple):
    """A run and its steps in order."""

    run: Run
    steps: tuple[Step, ...]

    @property
    def keys(self) -> list[tuple[int, str]]:
        """For each step the position in the cycle and the hash of the output: what makes a step a repeat."""
        return [(step.position, step.sha256) for step in self.steps]

    @property
    def period(self) -> int | None:
        """Recorded period of a looping run in steps, or else the distance of the last step to its last repeat."""
        if self.run.stop_reason != "loop":
            return None
        if self.run.period is not None:
            return self.run.period
        keys = self.keys
        earlier = [index for index, key in enumerate(keys[:-1]) if key == keys[-1]]
        return len(keys) - 1 - earlier[-1] if earlier else None

    @property
    def loop_start(self) -> int | None:
        """Sequence number of the first step of the loop, or None if the run does not loop."""
        period, keys = self.period, self.keys
        if period is None or not 0 < period <= len(keys):
            return None
        index = len(keys) - 1
        while index >= period and keys[index] == keys[index - period]:
            index -= 1
        return self.steps[index + 1 - period].sequence_number

    @property
    def returns(self) -> int:
        """Number of steps whose output this run had made before, bit for bit, at the same place of the cycle."""
        return len(self.steps) - len(set(self.keys))

    @property
    def still_changing(self) -> bool:
        """Whether the last output differs from the one before it at the same place of the cycle."""
        keys = self.keys
        before = [key for key in keys[:-1] if key[0] == keys[-1][0]]
        return not before or before[-1] != keys[-1]

    @property
    def ending(self) -> Step | None:
        """The last text of the run, or its last image if it made no text."""
        texts = [step for step in self.steps if step.type == "text"]
        return texts[-1] if texts else self.steps[-1] if self.steps else None


class Cloud(NamedTuple):
    """The vectors of one run under one embedder: ``steps`` (n,) sequence numbers, ``vectors`` (n, d)."""

    run_id: str
    model: str
    steps: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def distances_to_start(self) -> NDArray[np.float64]:
        """Euclidean distance of each vector to the first, shape (n,); in [0, 2] for normalised vectors."""
        from panic_tda.analysis.drift import distance_to_start

        return distance_to_start(self.vectors)

    def last_move(self) -> float | None:
        """Euclidean distance between the last two vectors, or None if there is only one."""
        from panic_tda.analysis.drift import distance_to_previous

        return float(distance_to_previous(self.vectors[-2:])[0]) if len(self.vectors) > 1 else None


def in_order(runs: pl.DataFrame) -> pl.DataFrame:
    """The runs by network, prompt, seed and number: the order of every figure, whatever order they were made in."""
    return runs.sort("network", "prompt", "seed", "run_number", "run_id")


def run_rows(runs: pl.DataFrame) -> list[Run]:
    """The runs as records, in order."""
    return [Run(*row) for row in in_order(runs).select(Run._fields).iter_rows()]


def trajectories(runs: pl.DataFrame, invocations: pl.DataFrame) -> list[Trajectory]:
    """Each run with its steps by sequence number, runs in order."""
    steps: dict[str, list[Step]] = {}
    for run_id, *row in invocations.sort("sequence_number").select("run_id", *Step._fields).iter_rows():
        steps.setdefault(run_id, []).append(Step(*row))
    return [Trajectory(run, tuple(steps.get(run.run_id, ()))) for run in run_rows(runs)]


def clouds(runs: pl.DataFrame, embeddings: pl.DataFrame) -> list[Cloud]:
    """One cloud for each (embedder, run) that has vectors: embedders by name, runs in order."""
    order = {run_id: index for index, run_id in enumerate(in_order(runs)["run_id"])}
    groups = embeddings.sort("sequence_number").partition_by("run_id", "model", as_dict=True)
    found = [
        Cloud(str(run_id), str(model), rows["sequence_number"].to_numpy(), _matrix(rows))
        for (run_id, model), rows in groups.items()
        if run_id in order
    ]
    return sorted(found, key=lambda cloud: (cloud.model, order[cloud.run_id]))


def _matrix(rows: pl.DataFrame) -> NDArray[np.float32]:
    import numpy as np

    return np.asarray(rows["vector"].explode().to_numpy(), dtype=np.float32).reshape(len(rows), -1)


def cycle_length(trajectory: Trajectory) -> int:
    """Number of models in the cycle, as far as the steps show it; at least 1."""
    return 1 + max((step.position for step in trajectory.steps), default=0)


def evenly(count: int, limit: int) -> list[int]:
    """At most ``limit`` indices of ``count``, evenly spread, the first and the last among them."""
    if count <= limit:
        return list(range(count))
    if limit == 1:
        return [0]
    return sorted({round(index * (count - 1) / (limit - 1)) for index in range(limit)})


def evenly_by_cycle(count: int, cycle: int, limit: int) -> list[int]:
    """At most ``limit`` steps of ``count``, as whole cycles evenly spread.

    Single steps evenly spread would meet the same model every time (only captions, no images) whenever the
    stride is a multiple of the cycle.
    """
    if count <= limit or cycle > limit // 2:
        return evenly(count, limit)
    blocks = evenly(-(-count // cycle), limit // cycle)
    return [step for block in blocks for step in range(block * cycle, (block + 1) * cycle) if step < count]
