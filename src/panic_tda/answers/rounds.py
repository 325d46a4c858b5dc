"""One point for each round of a run: what analyses of recurrence and of drift look at.

A round is one pass through the network. An embedder may measure several of a round's outputs (two texts, say), which
differ by the model that made them; so of every round the last one it measured stands for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.trajectory import Cloud, Trajectory, cycle_length

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.answers.evidence import Evidence


class Rounds(NamedTuple):
    """The rounds of a run under an embedder: ``steps`` (n,) sequence numbers, ``vectors`` (n, d), in order."""

    trajectory: Trajectory
    embedder: str
    steps: NDArray[np.int64]
    vectors: NDArray[np.float32]

    @property
    def key(self) -> tuple[str, str]:
        """Embedder and network: what a summary is over."""
        return self.embedder, self.trajectory.run.network


def rounds_of(evidence: Evidence) -> list[Rounds]:
    """The rounds of every (embedder, run) that has vectors: embedders by name, runs in order."""
    runs = {each.run.run_id: each for each in evidence.trajectories}
    seen = [(cloud, runs[cloud.run_id], _positions(cloud, runs[cloud.run_id])) for cloud in evidence.clouds]
    last: dict[tuple[str, str], int] = {}
    for cloud, trajectory, positions in seen:
        key = cloud.model, trajectory.run.network
        last[key] = max(last.get(key, 0), int(positions.max(initial=0)))
    return [
        Rounds(trajectory, cloud.model, cloud.steps[chosen], cloud.vectors[chosen])
        for cloud, trajectory, positions in seen
        if (chosen := positions == last[cloud.model, trajectory.run.network]).any()
    ]


def by_group(rounds: Sequence[Rounds]) -> dict[tuple[str, str], list[Rounds]]:
    """The runs of each embedder and network."""
    groups: dict[tuple[str, str], list[Rounds]] = {}
    for each in rounds:
        groups.setdefault(each.key, []).append(each)
    return groups


def continued(trajectory: Trajectory, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of the recorded rounds each round shows, (R,) int64, when a run that stopped in a loop goes on in it.

    The loop of a run with given seeds is exact, so how it would have gone on to its full length is known; any other
    run is as it was recorded. ``steps`` (n,) are the sequence numbers of its rounds.
    """
    import numpy as np

    recorded, cycle = len(steps), cycle_length(trajectory)
    period = (trajectory.period or 0) // cycle
    if trajectory.run.stop_reason != "loop" or not 0 < period <= recorded:
        return np.arange(recorded)
    total = max(recorded, (trajectory.run.max_length - 1 - int(steps[0]) % cycle) // cycle + 1)
    more = np.arange(total - recorded)
    return np.concatenate((np.arange(recorded), recorded - period + more % period))


def mean_over_runs(values: Sequence[float], rng: np.random.Generator, *, level: float = 0.95) -> Interval:
    """The mean of one value for each run, with its bootstrap interval over runs, widened where they are few."""
    import numpy as np

    from panic_tda.analysis.bootstrap import Interval, bootstrap_interval
    from panic_tda.analysis.pair_bootstrap import tail_probability

    tail = tail_probability(np.zeros(len(values), np.int64), level)
    if tail != tail:
        return Interval(float(np.mean(values)) if len(values) else np.nan, np.nan, np.nan, level, len(values))
    found = bootstrap_interval(values, lambda drawn: float(drawn.mean()), rng, level=1.0 - 2.0 * tail)
    return found._replace(level=level)


def _positions(cloud: Cloud, trajectory: Trajectory) -> NDArray[np.int64]:
    """For each vector the position in the cycle of the model that made its output."""
    import numpy as np

    places = {step.sequence_number: step.position for step in trajectory.steps}
    return np.array([places.get(int(step), -1) for step in cloud.steps], dtype=np.int64)
