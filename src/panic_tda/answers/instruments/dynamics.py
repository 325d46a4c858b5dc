"""How far two embedders agree in how runs move, which states they visit, and what shape their way has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.answer import Answer
from panic_tda.answers.instruments.pairs import Pair, Seen
from panic_tda.answers.instruments.statistic import Statistic, known
from panic_tda.answers.rounds import mean_over_runs
from panic_tda.answers.states.visited import Visited, hashes
from panic_tda.answers.topology.shapes import NAMES, Shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST_STEPS = 4
"""Steps of a run, below which their sizes are not ranked."""

FEWEST_RUNS = 4
"""Runs, below which numbers of runs are not ranked."""

_MOST_CLUSTERED = 800
_RESAMPLES = 100

Row = dict[str, Any]


class Verdict(NamedTuple):
    """What an analysis says of a run, yes or no: ``holds`` reads it from a row of its table ``runs``."""

    name: str
    analysis: str
    holds: Callable[[Row], bool | None]


VERDICTS = (
    Verdict("goes round in circles", "sliding-windows", lambda row: row["score"] > row["chance"]),
    Verdict("follows its own tracks", "recurrence", lambda row: None if row["stuck"] else row["determinism_p"] <= 0.05),
    Verdict("moves on to another region", "change_points", lambda row: row["changes"] > 0),
)
"""Being stuck is not among them: it is a matter of hashes, the same whoever looks."""

Judged = dict[tuple[str, str, str], bool]
"""For (verdict, embedder, run id) whether it holds."""


def judged(ask: Callable[[str], Answer]) -> Judged:
    """What the other analyses say of each run under each embedder."""
    found: Judged = {}
    for verdict in VERDICTS:
        tables = ask(verdict.analysis).tables
        for row in tables["runs"].iter_rows(named=True) if "runs" in tables else ():
            holds = verdict.holds(row)
            if holds is not None:
                found[verdict.name, row["embedder"], row["run_id"]] = bool(holds)
    return found


def steps(pair: Pair, rng: np.random.Generator) -> list[Statistic]:
    """Whether runs take their large steps at the same time, and whether the same runs take large steps."""
    within = [known(step_correlation(each)) for each in pair.seen]
    mean = mean_over_runs([value for value in within if value is not None], rng)
    few = ("no run has enough steps",) if not mean.n else ()
    found = [Statistic("steps", "sizes of steps within a run, rank correlation", mean, 0.0, None, few)]
    means = [mean_steps(each) for each in pair.seen if len(each.one.steps) > 1]
    return found + _ranked("steps", "mean step of each run, rank correlation", means, rng)


def step_sizes(seen: Seen) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The distance from each round to the next, under both: (n − 1,) each."""
    from panic_tda.analysis.drift import distance_to_previous

    return distance_to_previous(seen.one.vectors), distance_to_previous(seen.other.vectors)


def step_correlation(seen: Seen) -> float:
    """Spearman's correlation of the step sizes; NaN of few steps, and where all are alike."""
    import numpy as np
    from scipy.stats import rankdata

    one, other = step_sizes(seen) if len(seen.one.steps) > FEWEST_STEPS else (np.zeros(1), np.zeros(1))
    ranks = [rankdata(each) - (len(each) + 1) / 2 for each in (one, other)]
    size = float(np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1])))
    return float(ranks[0] @ ranks[1]) / size if size > 0.0 else float("nan")


def mean_steps(seen: Seen) -> tuple[float, float]:
    """The mean step under both; NaN of a single round."""
    one, other = step_sizes(seen)
    return (float(one.mean()), float(other.mean())) if len(one) else (float("nan"), float("nan"))


def states(pair: Pair, groups: Sequence[Visited], rng: np.random.Generator) -> Iterator[Statistic]:
    """Whether the clusters are the same, and whether the same runs end in the same one."""
    from panic_tda.analysis.mutual_information import adjusted_mutual_information

    clusters = {group.embedder: group.found.of for group in groups}
    points = pair.spread(_MOST_CLUSTERED)
    where = list(zip(points.runs, points.rounds, strict=True))
    keys = [([*hashes(each.one)], [*hashes(each.other)]) for each in pair.seen]
    one = [clusters[pair.one][keys[run][0][number]] for run, number in where]
    other = [clusters[pair.other][keys[run][1][number]] for run, number in where]
    found = adjusted_mutual_information(one, other, rng, runs=points.runs, resamples=_RESAMPLES)
    yield Statistic("states", "clusters, adjusted mutual information", found, 0.0, None, _lone(one, other))
    ends = final_states(groups)
    both = [
        (ends[pair.one, each.run_id], ends[pair.other, each.run_id])
        for each in pair.seen
        if (pair.one, each.run_id) in ends and (pair.other, each.run_id) in ends
    ]
    if len(both) >= FEWEST_RUNS:
        last, other_last = (list(each) for each in zip(*both, strict=True))
        found = adjusted_mutual_information(last, other_last, rng)
        name = "where runs end, adjusted mutual information"
        yield Statistic("states", name, found, 0.0, None, _lone(last, other_last))


def final_states(groups: Sequence[Visited]) -> dict[tuple[str, str], int]:
    """For (embedder, run id) the state in which the run was last seen."""
    return {
        (group.embedder, visit.rounds.trajectory.run.run_id): int(visit.recorded[-1])
        for group in groups
        for visit in group.visits
        if len(visit.recorded)
    }


def _lone(one: Sequence[int], other: Sequence[int]) -> tuple[str, ...]:
    sizes = len(set(one)), len(set(other))
    return (f"there is {'but one class' if max(sizes) == 1 else 'but one class under one of them'}",) * (
        min(sizes) == 1
    )


def verdicts(pair: Pair, found: Judged) -> Iterator[tuple[Verdict, list[tuple[bool, bool]]]]:
    """For each verdict that is given of some runs under both embedders, what it is under both, run by run."""
    for verdict in VERDICTS:
        keys = [((verdict.name, pair.one, run.run_id), (verdict.name, pair.other, run.run_id)) for run in pair.seen]
        both = [(found[one], found[other]) for one, other in keys if one in found and other in found]
        if both:
            yield verdict, both


def verdict_row(pair: Pair, verdict: Verdict, both: Sequence[tuple[bool, bool]]) -> Row:
    """Of how many runs a verdict holds under each, and the share of runs of which it is the same."""
    from panic_tda.analysis.shares import share_interval

    same = share_interval(sum(one == other for one, other in both), len(both))
    return pair.key | {
        "verdict": verdict.name,
        "analysis": verdict.analysis,
        "runs": len(both),
        "holds": sum(one for one, _ in both),
        "holds_under_other": sum(other for _, other in both),
        "only_here": sum(one and not other for one, other in both),
        "only_under_other": sum(other and not one for one, other in both),
        "same": same.estimate,
        "low": same.low,
        "high": same.high,
    }


def total_persistence(shapes: dict[str, list[Shape]]) -> dict[tuple[str, str, int], float]:
    """For (embedder, run id, dimension) the sum of the lengths of the finite bars."""
    return {
        (embedder, shape.run.run_id, dimension): float(shape.lengths(dimension).sum())
        for embedder, mine in shapes.items()
        for shape in mine
        for dimension in range(len(shape.bars))
    }


def shape(
    pair: Pair, totals: dict[tuple[str, str, int], float], rng: np.random.Generator
) -> Iterator[tuple[Statistic, Row]]:
    """For each dimension whether the same runs have much persistence, and how much more they have under the other."""
    for dimension, features in enumerate(NAMES):
        keys = [((pair.one, run.run_id, dimension), (pair.other, run.run_id, dimension)) for run in pair.seen]
        both = [(totals[one], totals[other]) for one, other in keys if one in totals and other in totals]
        if len(both) < FEWEST_RUNS or not any(map(any, both)):
            continue
        change = mean_over_runs([other - one for one, other in both], rng)
        row = pair.key | {
            "dimension": dimension,
            "total": sum(one for one, _ in both) / len(both),
            "total_under_other": sum(other for _, other in both) / len(both),
            "change": change.estimate,
            "low": known(change.low),
            "high": known(change.high),
            "n": change.n,
        }
        for found in _ranked("shape", f"total persistence of {features}, rank correlation", both, rng):
            yield found, row


def _ranked(aspect: str, name: str, values: Sequence[tuple[float, float]], rng: np.random.Generator) -> list[Statistic]:
    """Whether the runs rank alike in a number that each embedder gives them; nothing of few runs."""
    from panic_tda.analysis.rank_correlation import rank_correlation

    if len(values) < FEWEST_RUNS:
        return []
    one, other = (list(each) for each in zip(*values, strict=True))
    found = rank_correlation(one, other, rng)
    same = ("it is the same in all runs",) if found.estimate != found.estimate else ()
    return [Statistic(aspect, name, found, 0.0, None, same)]
