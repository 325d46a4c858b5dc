"""What the analyses of an experiment read: its frames, and the trajectories in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from panic_tda.answers.trajectory import Cloud, Run, Trajectory, clouds, run_rows, trajectories
from panic_tda.answers.words import run_names
from panic_tda.errors import NotFound
from panic_tda.store import frames
from panic_tda.store.database import Record

if TYPE_CHECKING:
    import polars as pl

Found = TypeVar("Found")


class Frames(NamedTuple):
    """The frames an experiment is judged by, as the store gives them."""

    runs: pl.DataFrame
    invocations: pl.DataFrame
    embeddings: pl.DataFrame
    persistence_bars: pl.DataFrame
    persistence_diagrams: pl.DataFrame


@dataclass(frozen=True)
class Evidence:
    """Frames, and what is read from them once; ``record`` and ``experiment_ids`` where they came from a record.

    Runs are in the order of every figure: by network, prompt, seed and run number. Twins are no independent runs: they
    are nowhere here but in ``twins``.
    """

    frames: Frames
    record: Record | None = field(default=None, repr=False)
    experiment_ids: tuple[str, ...] = ()
    twin_frames: Frames | None = field(default=None, repr=False)

    @cached_property
    def twins(self) -> Evidence | None:
        """The same of the twins of these runs, or None when there is none."""
        return None if self.twin_frames is None or self.twin_frames.runs.is_empty() else Evidence(self.twin_frames)

    @cached_property
    def runs(self) -> list[Run]:
        """Every run, in order."""
        return run_rows(self.frames.runs)

    @cached_property
    def names(self) -> dict[str, str]:
        """For each run id the shortest name that tells it from the others."""
        return run_names(self.runs, 28)

    @cached_property
    def trajectories(self) -> list[Trajectory]:
        """Each run with its steps, in order."""
        return trajectories(self.frames.runs, self.frames.invocations)

    @cached_property
    def clouds(self) -> list[Cloud]:
        """The vectors of each (embedder, run) that has any: embedders by name, runs in order."""
        return clouds(self.frames.runs, self.frames.embeddings)

    @cached_property
    def embedders(self) -> list[str]:
        """The embedders that measured anything, by name."""
        return sorted({cloud.model for cloud in self.clouds})

    def clouds_of(self, embedder: str) -> list[Cloud]:
        """The vectors of each run under one embedder, runs in order."""
        return [cloud for cloud in self.clouds if cloud.model == embedder]

    def run(self, run_id: str) -> Run:
        """The run of that id."""
        return self._by_id[run_id]

    def once(self, read: Callable[[Evidence], Found]) -> Found:
        """What ``read`` finds in this evidence; several analyses may ask, the first one has it computed."""
        if read not in self._found:
            self._found[read] = read(self)
        found: Found = self._found[read]
        return found

    @cached_property
    def _found(self) -> dict[Callable[[Evidence], Any], Any]:
        return {}

    @cached_property
    def _by_id(self) -> dict[str, Run]:
        return {run.run_id: run for run in self.runs}


def frames_of(record: Record, experiment_ids: Sequence[str]) -> Frames:
    """Everything the analyses and the figures read, by full experiment ids; twins are left out."""
    return apart(_everything(record, experiment_ids))[0]


def apart(everything: Frames) -> tuple[Frames, Frames]:
    """The frames of the runs, and those of their twins."""
    import polars as pl

    twins = everything.runs.filter(pl.col("twin_of").is_not_null())["run_id"]
    if twins.is_empty():
        return everything, Frames(*(frame.clear() for frame in everything))
    mine = pl.col("run_id").is_in(twins.to_list())
    return Frames(*(frame.filter(~mine) for frame in everything)), Frames(*(frame.filter(mine) for frame in everything))


def _everything(record: Record, experiment_ids: Sequence[str]) -> Frames:
    return Frames(
        runs=frames.runs_frame(record, experiment_ids),
        invocations=frames.invocations_frame(record, experiment_ids),
        embeddings=frames.embeddings_frame(record, experiment_ids),
        persistence_bars=frames.bars_frame(record, experiment_ids),
        persistence_diagrams=frames.diagrams_frame(record, experiment_ids),
    )


def gather(record: Record, experiment_ids: Sequence[str], *, embedders: Sequence[str] = ()) -> Evidence:
    """The evidence of these experiments, by full ids; with ``embedders`` (names) what these measured alone.

    Raises ``NotFound`` for an embedder that measured nothing in these experiments.
    """
    everything = _everything(record, experiment_ids)
    if embedders:
        everything = _measured_by(embedders, everything, experiment_ids)
    runs, twins = apart(everything)
    return Evidence(runs, record, tuple(experiment_ids), twins)


def _measured_by(embedders: Sequence[str], everything: Frames, experiment_ids: Sequence[str]) -> Frames:
    import polars as pl

    known = set(everything.embeddings["model"].unique())
    for name in embedders:
        if name not in known:
            commands = "; ".join(f"panic-tda experiment extend {key} --embedder {name}" for key in experiment_ids)
            raise NotFound(f"{name} has not measured these experiments", hint=f"it does so with: {commands}")
    mine = pl.col("model").is_in(list(embedders))
    measured = ("embeddings", "persistence_bars", "persistence_diagrams")
    return everything._replace(**{name: getattr(everything, name).filter(mine) for name in measured})
