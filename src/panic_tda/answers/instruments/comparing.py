"""The answer about instruments: what two embedders, or two versions of one, say differently of the same trajectories.

Vectors of two embedders have no common measure. What is compared is what does not depend on their axes: distances,
neighbours, angles up to a rotation, the order of numbers of runs, and verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding
from panic_tda.answers.instruments import dynamics, geometry, telling
from panic_tda.answers.instruments.compared import Compared
from panic_tda.answers.instruments.pairs import Pair, pairs
from panic_tda.answers.instruments.tables import tables
from panic_tda.answers.states.visited import visited
from panic_tda.answers.topology.shapes import shapes_of

if TYPE_CHECKING:
    from panic_tda.answers.instruments.dynamics import Judged
    from panic_tda.answers.states.visited import Visited

QUESTION = "What changes with the embedder?"


def instruments(evidence: Evidence, request: Request) -> Answer:
    """For every two embedders, or versions of one, how far they agree in geometry, neighbours, dynamics and shape."""
    if len(evidence.embedders) < 2:
        return Answer("instruments", QUESTION, absence=_lone(evidence))
    found = [pair for pair in pairs(evidence) if sum(map(len, pair.distinct)) >= geometry.FEWEST_OUTPUTS]
    if not found:
        words = f"no two embedders measured {geometry.FEWEST_OUTPUTS} different outputs of the same runs"
        return Answer("instruments", QUESTION, absence=words)
    judged, groups = dynamics.judged(request.ask), evidence.once(visited)
    totals = dynamics.total_persistence(shapes_of(evidence))
    compared = [_compared(pair, judged, groups, totals, request) for pair in request.each(found, "pairs")]
    findings = tuple(finding for each in compared for finding in _findings(each, evidence.names))
    return Answer("instruments", QUESTION, findings, tables(compared, evidence.names))


def _lone(evidence: Evidence) -> str:
    only = f"only {evidence.embedders[0]}" if evidence.embedders else "no embedder"
    return f"{only} measured these runs; another one does with panic-tda experiment extend ID --embedder NAME"


def _compared(
    pair: Pair, judged: Judged, groups: list[Visited], totals: dict[tuple[str, str, int], float], request: Request
) -> Compared:
    rng = request.rng
    hoods = geometry.neighbourhoods(pair, rng)
    shapes = list(dynamics.shape(pair, totals, rng))
    return Compared(
        pair=pair,
        statistics=(
            *geometry.geometry(pair, rng),
            geometry.overlap(hoods),
            *dynamics.steps(pair, rng),
            *dynamics.states(pair, groups, rng),
            *(statistic for statistic, _ in shapes),
        ),
        hoods=hoods,
        verdicts=tuple(dynamics.verdict_row(pair, *each) for each in dynamics.verdicts(pair, judged)),
        shapes=tuple(row for _, row in shapes),
        judged=judged,
        ends=dynamics.final_states(groups),
        totals=totals,
    )


def _findings(each: Compared, names: Mapping[str, str]) -> Iterator[Finding]:
    yield telling.geometry(each, names)
    yield telling.dynamics(each)
    if each.shapes:
        yield telling.shape(each)
