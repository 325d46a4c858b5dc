"""How far two embedders agree in where outputs lie: CKA, Procrustes distance, ranks of distances, neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.instruments.pairs import Pair, Points
from panic_tda.answers.instruments.statistic import Statistic
from panic_tda.answers.trajectory import Step, evenly
from panic_tda.answers.words import count, shorten

if TYPE_CHECKING:
    import numpy as np

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.analysis.neighbour_overlap import NeighbourOverlap

FEWEST_OUTPUTS = 8
"""Distinct outputs that both measured, below which nothing is compared."""

FEWEST_RUNS = 4
"""Below which there are no independent pieces to draw anew, and outputs are compared as if each were a run."""

NEIGHBOURS = 10

_MOST_OUTPUTS = 400
_MOST_NEIGHBOURING = 2_000
_MOST_LISTED = 50
_MANY = 0.8
"""The share of runs that must have as many outputs as are taken of each."""

_NEAR = 0.7
"""Procrustes distances of runs dealt anew from here down say that any two clouds of so few outputs look alike."""

CKA = "linear CKA"
PROCRUSTES = "Procrustes distance"
RANKS = "rank correlation of distances"


class Neighbourhoods(NamedTuple):
    """The ``points`` whose neighbours were ``found`` under both."""

    points: Points
    found: NeighbourOverlap


def geometry(pair: Pair, rng: np.random.Generator) -> list[Statistic]:
    """The three statistics of the vectors, on equally many distinct outputs of each run."""
    from panic_tda.analysis.distance_agreement import distance_agreement
    from panic_tda.analysis.linear_cka import linear_cka
    from panic_tda.analysis.procrustes_distance import procrustes_distance

    points, left_out = _equally_many(pair)
    independent = len(set(points.runs)) >= FEWEST_RUNS
    if not independent:
        points, left_out = pair.spread(_MOST_OUTPUTS), 0
    runs = points.runs if independent else None
    cka = linear_cka(points.one, points.other, rng, runs=runs)
    laid = procrustes_distance(points.one, points.other, rng, runs=runs)
    ranks = distance_agreement(points.one, points.other, rng, runs=runs)
    cautions = tuple(_cautions(pair, left_out, independent=independent))
    few = ("few outputs in many dimensions lie near each other by chance",) if laid.chance < _NEAR else ()
    found = [
        Statistic("geometry", CKA, cka, 0.0, None, cautions),
        Statistic("geometry", PROCRUSTES, laid.distance, laid.chance, None, cautions + few),
        Statistic("geometry", RANKS, ranks.correlation, ranks.chance, ranks.p_value, cautions + ranks.cautions),
    ]
    return found if independent else [each._replace(found=_alone(each.found, pair), p_value=None) for each in found]


def _equally_many(pair: Pair) -> tuple[Points, int]:
    """As many distinct outputs of each run, so that whole runs can change places; and how many runs have too few."""
    having = sorted(len(mine) for mine in pair.distinct if mine)
    enough = having[int((1.0 - _MANY) * len(having))]
    each = max(1, min(enough, _MOST_OUTPUTS // len(having)))
    chosen = [[mine[place] for place in evenly(len(mine), each)] if len(mine) >= each else [] for mine in pair.distinct]
    with_some = [run for run, mine in enumerate(chosen) if mine]
    kept = {with_some[place] for place in evenly(len(with_some), _MOST_OUTPUTS)}
    return pair.points([mine if run in kept else [] for run, mine in enumerate(chosen)]), len(pair.seen) - len(kept)


def _cautions(pair: Pair, left_out: int, *, independent: bool) -> Iterator[str]:
    if not independent:
        yield f"outputs of {count(len(pair.seen), 'run')} compared as if they were independent"
    elif left_out:
        yield f"without {left_out} of {count(len(pair.seen), 'run')}, which made too little that is new"


def _alone(interval: Interval, pair: Pair) -> Interval:
    """The estimate without an interval: between so few runs nothing is known of the spread."""
    return interval._replace(low=float("nan"), high=float("nan"), n=len(pair.seen))


def neighbourhoods(pair: Pair, rng: np.random.Generator) -> Neighbourhoods:
    """The nearest neighbours of every distinct output among all of them, or among evenly many of very many."""
    from panic_tda.analysis.neighbour_overlap import neighbour_overlap

    points = pair.spread(_MOST_NEIGHBOURING)
    k = min(NEIGHBOURS, (len(points.runs) - 1) // 4 + 1)
    return Neighbourhoods(points, neighbour_overlap(points.one, points.other, rng, k=k, runs=points.runs))


def overlap(hoods: Neighbourhoods) -> Statistic:
    """The mean share of common neighbours."""
    k = hoods.found.nearest.shape[1]
    return Statistic("neighbours", f"shared neighbours, {k} nearest", hoods.found.overlap, hoods.found.chance)


def most_changed(pair: Pair, hoods: Neighbourhoods, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The outputs that keep the fewest neighbours, and the nearest that they lose and gain."""
    import numpy as np

    order = np.argsort(hoods.found.of_each, kind="stable")
    for place in order[hoods.found.of_each[order] < 1.0][:_MOST_LISTED].tolist():
        near, other_near = (table[place].tolist() for table in (hoods.found.nearest, hoods.found.other_nearest))
        lost = [each for each in near if each not in other_near]
        gained = [each for each in other_near if each not in near]
        step = _step(pair, hoods.points, place)
        run_id = pair.seen[hoods.points.runs[place]].run_id
        yield pair.key | {
            "run_id": run_id,
            "run": names[run_id],
            "step": step.sequence_number,
            "output": _words(step, 200),
            "overlap": float(hoods.found.of_each[place]),
            "lost": _words(_step(pair, hoods.points, lost[0])),
            "gained": _words(_step(pair, hoods.points, gained[0])),
        }


def _step(pair: Pair, points: Points, place: int) -> Step:
    """The step of the first embedder's output that stands at a place."""
    rounds = pair.seen[points.runs[place]].one
    number = int(rounds.steps[points.rounds[place]])
    return next(step for step in rounds.trajectory.steps if step.sequence_number == number)


def _words(step: Step, length: int = 60) -> str:
    return shorten(step.text, length) if step.text else f"image {step.sha256[:12]}"
