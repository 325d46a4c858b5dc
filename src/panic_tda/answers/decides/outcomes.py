"""What may be decided about a run, as distances between runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from panic_tda.analysis.recurrence import exact_absorption
from panic_tda.answers.rounds import Rounds, rounds_of
from panic_tda.answers.states.visited import Visited, visited
from panic_tda.answers.trajectory import Trajectory, cycle_length, evenly
from panic_tda.answers.words import count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.answers.evidence import Evidence

Item = TypeVar("Item")

MOST_RUNS = 600
"""Runs that are compared; of more, evenly many."""

FEWEST_RUNS = 6
LAST_ROUNDS = 5


class Outcome(NamedTuple):
    """Something about each of ``trajectories``: their ``distances`` (n, n); ``embedder`` is empty where none is used.

    ``name`` names it in tables, ``words`` in a sentence.
    """

    name: str
    words: str
    embedder: str
    trajectories: list[Trajectory]
    distances: NDArray[np.float64]
    cautions: tuple[str, ...]


def outcomes(evidence: Evidence) -> Iterator[Outcome]:
    """Every outcome that at least ``FEWEST_RUNS`` finished runs have and that is not the same for all."""
    finished = [each for each in evidence.trajectories if each.run.stop_reason in ("loop", "length")]
    found = [*_embedded(evidence, finished), *_stuck(finished)]
    yield from (each for each in found if len(each.trajectories) >= FEWEST_RUNS and each.distances.any())


def _embedded(evidence: Evidence, finished: Sequence[Trajectory]) -> Iterator[Outcome]:
    ended = {each.run.run_id for each in finished}
    rounds = [each for each in evidence.once(rounds_of) if each.trajectory.run.run_id in ended]
    groups = evidence.once(visited) if rounds else []
    for embedder in dict.fromkeys(each.embedder for each in rounds):
        yield _end([each for each in rounds if each.embedder == embedder], embedder)
        yield from _states([each for each in groups if each.embedder == embedder], embedder, ended)


def _end(rounds: Sequence[Rounds], embedder: str) -> Outcome:
    import numpy as np

    from panic_tda.analysis.distances import euclidean_distances

    chosen, cautions = _bounded(list(rounds))
    distances = euclidean_distances(np.stack([_last(each) for each in chosen]))
    return Outcome("end", "where runs end", embedder, [each.trajectory for each in chosen], distances, cautions)


def _last(rounds: Rounds) -> NDArray[np.float64]:
    """The mean vector of the loop a run ended in, or of the last quarter of its rounds, at most five."""
    import numpy as np

    period = (rounds.trajectory.period or 0) // cycle_length(rounds.trajectory)
    last = period if 0 < period <= len(rounds.steps) else min(LAST_ROUNDS, max(1, len(rounds.steps) // 4))
    mean: NDArray[np.float64] = rounds.vectors[-last:].astype(np.float64).mean(axis=0)
    return mean


def _states(groups: Sequence[Visited], embedder: str, ended: set[str]) -> Iterator[Outcome]:
    from panic_tda.analysis.run_lengths import run_lengths

    visits = [visit for group in groups for visit in group.visits if visit.rounds.trajectory.run.run_id in ended]
    inside, cautions = _bounded([visit for visit in visits if len(visit.recorded)])
    nowhere = len(visits) - sum(len(visit.recorded) > 0 for visit in visits)
    if nowhere:
        cautions += (f"without {nowhere} of {count(len(visits), 'run')}, which visit no state",)
    runs = [visit.rounds.trajectory for visit in inside]
    last = [int(visit.recorded[-1]) for visit in inside]
    yield Outcome("final state", "the state in which runs end", embedder, runs, _unequal(last), cautions)
    stays = [len(visit.recorded) / len(run_lengths(visit.recorded).lengths) for visit in inside]
    yield Outcome("stay", "how long runs stay in a state", embedder, runs, _apart(stays), cautions)


def _stuck(finished: Sequence[Trajectory]) -> Iterator[Outcome]:
    chosen, cautions = _bounded(list(finished))
    starts = [_absorbed(each) for each in chosen]
    yield Outcome("stuck", "whether runs get stuck", "", chosen, _unequal([s is not None for s in starts]), cautions)
    stuck = [(each, start) for each, start in zip(chosen, starts, strict=True) if start is not None]
    if len(stuck) < len(chosen):
        cautions += (f"only the {len(stuck)} of {count(len(chosen), 'run')} that got stuck",)
    runs, steps = [each for each, _ in stuck], [float(start) for _, start in stuck]
    yield Outcome("step stuck", "when runs get stuck", "", runs, _apart(steps), cautions)


def _absorbed(trajectory: Trajectory) -> int | None:
    if trajectory.run.stop_reason == "loop":
        return trajectory.loop_start
    found = exact_absorption(trajectory.keys, passes=3)
    return found.start if found else None


def _bounded(items: list[Item]) -> tuple[list[Item], tuple[str, ...]]:
    if len(items) <= MOST_RUNS:
        return items, ()
    return [items[index] for index in evenly(len(items), MOST_RUNS)], (f"{MOST_RUNS} of {len(items):,} runs",)


def _unequal(labels: Sequence[int | bool]) -> NDArray[np.float64]:
    import numpy as np

    values = np.array(labels, np.int64)
    distances: NDArray[np.float64] = (values[:, None] != values[None, :]).astype(np.float64)
    return distances


def _apart(numbers: Sequence[float]) -> NDArray[np.float64]:
    import numpy as np

    values = np.array(numbers, np.float64)
    distances: NDArray[np.float64] = np.abs(values[:, None] - values[None, :])
    return distances
