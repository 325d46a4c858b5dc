"""Pairs of a run and its twin: when they differ, when they are the same again, and how far apart they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.evidence import Evidence
from panic_tda.answers.rounds import Rounds, continued, rounds_of
from panic_tda.answers.trajectory import Run, Trajectory, cycle_length

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Steps = NDArray[np.int64]


class Change(NamedTuple):
    """What was done to a twin, in the order of tables and figures: noise before prompts, small before large."""

    kind: str
    size: int
    """The step of other noise, or the number of places of the prompt."""
    place: str = ""
    """What was changed of a prompt: ``character`` or ``pixel``."""

    @property
    def step(self) -> int:
        """The first step that it can change."""
        return self.size if self.kind == "noise" else 0

    @property
    def words(self) -> str:
        """``other noise at step 4``, ``1 character of the prompt changed``, ``4 pixels of the prompt changed``."""
        if self.kind == "noise":
            return f"other noise at step {self.size}"
        return f"{self.size:,} {self.place}{'' if self.size == 1 else 's'} of the prompt changed"


class Pair(NamedTuple):
    """A run and its twin, compared up to step ``end``, the last that both reach when exact loops go on.

    ``differ``: the first step whose outputs differ, or None. ``merge``: the step from which all outputs are the same
    again, or None. ``caution``: why less than their full length was compared.
    """

    run: Run
    twin: Run
    change: Change
    differ: int | None
    merge: int | None
    end: int
    caution: str

    @property
    def merged(self) -> bool:
        """Whether they differed and are the same again."""
        return self.differ is not None and self.merge is not None


class Separations(NamedTuple):
    """How far a pair lies apart under an embedder: ``distances`` (n,) at sequence numbers ``steps`` (n,)."""

    pair: Pair
    embedder: str
    steps: Steps
    distances: Floats

    @property
    def first(self) -> float:
        """The distance at the first round after the change."""
        return float(self.distances[0])

    @property
    def last(self) -> float:
        """The distance at the last round that both reach."""
        return float(self.distances[-1])


def pairs_of(evidence: Evidence) -> list[Pair]:
    """Every twin that has made something, beside its run: in the order of runs, small changes first."""
    if evidence.twins is None:
        return []
    runs = {each.run.run_id: each for each in evidence.trajectories}
    twins = {each.run.run_id: each for each in evidence.twins.trajectories}
    rows = evidence.twins.frames.runs.select("run_id", "twin_of", "perturbation").iter_rows()
    found = [
        _pair(runs[twin_of], twins[run_id], _change(json.loads(perturbation), twins[run_id].run))
        for run_id, twin_of, perturbation in rows
        if twin_of in runs and runs[twin_of].steps and twins[run_id].steps
    ]
    order = {run_id: place for place, run_id in enumerate(runs)}
    return sorted(found, key=lambda pair: (order[pair.run.run_id], pair.change, pair.twin.run_number))


def _change(perturbation: dict[str, Any], twin: Run) -> Change:
    if perturbation["kind"] == "noise":
        return Change("noise", int(perturbation["step"]))
    return Change("prompt", int(perturbation["changes"]), "character" if twin.prompt_type == "text" else "pixel")


def _pair(run: Trajectory, twin: Trajectory, change: Change) -> Pair:
    from panic_tda.analysis.twins import merge_step

    start = change.step
    one, other = (_keys(each)[start:] for each in (run, twin))
    both = min(len(one), len(other))
    differ = next((start + step for step in range(both) if one[step] != other[step]), None)
    merge = merge_step(one, other)
    end = start + both - 1
    short = end + 1 < min(run.run.max_length, twin.run.max_length)
    return Pair(
        run.run,
        twin.run,
        change,
        differ,
        None if merge is None else start + merge,
        end,
        f"compared up to step {end} only: {_why(run, twin)}" if short else "",
    )


def _why(run: Trajectory, twin: Trajectory) -> str:
    failed = [each for each in (run, twin) if each.run.stop_reason == "failed"]
    return "one of the two failed" if failed else "not finished"


def _keys(trajectory: Trajectory) -> list[str]:
    """The hashes of all outputs, to the full length of a run that stopped in a loop: the loop is exact."""
    keys = [step.sha256 for step in trajectory.steps]
    period = trajectory.period if trajectory.run.stop_reason == "loop" else None
    if period and period <= len(keys):
        keys += [keys[len(keys) - period + step % period] for step in range(trajectory.run.max_length - len(keys))]
    return keys


class Beside:
    """The rounds of all runs and twins, to lay them side by side."""

    def __init__(self, evidence: Evidence) -> None:
        self._runs = _by_embedder(evidence.once(rounds_of))
        self._twins = _by_embedder(rounds_of(evidence.twins)) if evidence.twins is not None else {}

    def separations(self, pair: Pair) -> Iterator[Separations]:
        """Of a pair under every embedder that measured both, at the rounds from the change on: embedders by name."""
        from panic_tda.analysis.twins import separation

        for embedder, runs in self._runs.items():
            run, twin = runs.get(pair.run.run_id), self._twins.get(embedder, {}).get(pair.twin.run_id)
            if run is None or twin is None:
                continue
            steps, one, other = _together(run, twin, pair.change.step)
            if len(steps):
                yield Separations(pair, embedder, steps, separation(run.vectors[one], twin.vectors[other]))


def _by_embedder(rounds: Sequence[Rounds]) -> dict[str, dict[str, Rounds]]:
    found: dict[str, dict[str, Rounds]] = {}
    for each in rounds:
        found.setdefault(each.embedder, {})[each.trajectory.run.run_id] = each
    return found


def _together(run: Rounds, twin: Rounds, start: int) -> tuple[Steps, Steps, Steps]:
    """The steps from ``start`` on of the rounds that both have, and where their vectors are."""
    import numpy as np

    (steps, one), (others, other) = _course(run), _course(twin)
    common, first, second = np.intersect1d(steps, others, assume_unique=True, return_indices=True)
    late = common >= start
    return common[late], one[first[late]], other[second[late]]


def _course(rounds: Rounds) -> tuple[Steps, Steps]:
    """The steps of a run's rounds, to its full length where a loop goes on, and which recorded round each shows."""
    import numpy as np

    cycle = cycle_length(rounds.trajectory)
    if (np.diff(rounds.steps) != cycle).any():  # some round has no vector, so what would follow is not known
        return rounds.steps, np.arange(len(rounds.steps))
    shown = continued(rounds.trajectory, rounds.steps)
    return rounds.steps[0] + cycle * np.arange(len(shown)), shown
