"""The answer about states: which there are, where runs go from each, and how long they stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.rounds import mean_over_runs
from panic_tda.answers.states import tables
from panic_tda.answers.states.visited import Visited, letter, visited
from panic_tda.answers.words import between, count, percent

if TYPE_CHECKING:
    import numpy as np

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.analysis.closed_classes import ClosedClass
    from panic_tda.analysis.dwell_times import DwellTime, Stays
    from panic_tda.analysis.markov_chain import MarkovChain

QUESTION = "What states does it visit?"
FEWEST_EXITS = 5
"""Completed stays below which a state's dwell time is not told in a sentence."""

FEWEST_STEPS = 5
"""Recorded steps in a closed class below which "never left" says nothing."""

FEWEST_RUNS = 5
UNLIKELY = 0.05

LAWS = {
    "exponential": "; how long it has stayed says nothing about when it leaves",
    "heavy tail": "; the longer it has stayed, the less likely it leaves",
    "regular": "; the longer it has stayed, the more likely it leaves",
    "too few": "",
}


class Seen(NamedTuple):
    """Everything about the states of one network under one embedder; no ``chain`` where fewer than 2 are visited."""

    visited: Visited
    outside: Interval
    chain: MarkovChain | None
    stays: Stays
    dwells: tuple[DwellTime, ...]


def states(evidence: Evidence, request: Request) -> Answer:
    """The clusters of each embedder as states, their transition matrix with all that follows, and the dwell times."""
    groups = evidence.once(visited) if evidence.clouds else []
    if not groups:
        return Answer("states", QUESTION, absence="no run has vectors")
    seen = [_see(each, request.rng) for each in request.each(groups, "networks")]
    findings = [finding for each in seen for finding in _findings(each)]
    return Answer("states", QUESTION, tuple(findings), tables.tables(seen, evidence.names))


def _see(group: Visited, rng: np.random.Generator) -> Seen:
    from panic_tda.analysis.dwell_times import dwell_time, stays
    from panic_tda.analysis.markov_chain import markov_chain

    visits = [visit for visit in group.visits if len(visit.recorded)]
    prompts = [visit.rounds.trajectory.run.prompt_sha256 for visit in visits]
    chain = None
    if len(group.states) > 1:
        several = len(set(prompts)) > 1
        chain = markov_chain([visit.whole for visit in visits], rng, groups=prompts if several else None)
    found = stays([visit.recorded for visit in visits])
    dwells = tuple(dwell_time(found, state, rng) for state in group.states)
    return Seen(group, mean_over_runs(group.outside, rng), chain, found, dwells)


def _findings(seen: Seen) -> Iterator[Finding]:
    yield _which(seen)
    if seen.chain is not None:
        yield _where_to(seen, seen.chain)
        yield _order(seen, seen.chain)
    told = [each for each in seen.dwells if each.completed >= FEWEST_EXITS]
    if told:
        yield _how_long(seen, told)


def _which(seen: Seen) -> Finding:
    group, runs = seen.visited, count(len(seen.visited.visits), "run")
    if not group.states:
        said = f"{group.name}: no states stand out in what {runs} make"
        return Finding("states", f"{said}.", 0, n=len(group.visits), cautions=group.cautions)
    most = group.state_name(group.states[0])
    said = f"{group.name}: {runs} visit {count(len(group.states), 'state')}, most often {most}"
    said += f"; {percent(seen.outside)} of a run's rounds lie in none"
    details = tuple(group.state_name(state, 80) for state in group.states)
    return finding_of("states", f"{said}.", seen.outside, details=details, cautions=group.cautions)


def _where_to(seen: Seen, chain: MarkovChain) -> Finding:
    """Whether the start is forgotten and how soon, or the states from which there is no way out."""
    group, cautions = seen.visited, _of_chain(seen, chain)
    if len(chain.closed) > 1:
        kept = [each for each in chain.closed if each.steps >= FEWEST_STEPS]
        said = f"{group.name}: runs end in different states and stay there"
        said += f": {_listed(kept)} {'was' if len(kept) == 1 else 'were'} never left" if kept else ""
        if len(kept) < len(chain.closed):
            said += f"; in {_listed([each for each in chain.closed if each not in kept])} runs end too soon to tell"
        return Finding("memory of the start", f"{said}.", len(kept), n=chain.transitions.runs, cautions=cautions)
    share, state = _most(chain)
    said = f"{group.name}: after {between(chain.mixing_time, 1)} rounds it hardly matters in which state a run began"
    said += f"; without end it would be in {group.state_name(state)} {percent(share)} of the time"
    trap = chain.closed[0]
    if len(trap.states) < len(chain.transitions.states):
        said += f"; {_listed([trap])} was {trap.evidence}"
    return finding_of("memory of the start", f"{said}.", chain.mixing_time, cautions=cautions)


def _most(chain: MarkovChain) -> tuple[Interval, int]:
    """The greatest stationary share and its state."""
    best = max(range(len(chain.stationary)), key=lambda number: chain.stationary[number].estimate)
    return chain.stationary[best], int(chain.transitions.states[best])


def _listed(classes: Sequence[ClosedClass]) -> str:
    names = ["/".join(map(letter, each.states)) for each in classes]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _order(seen: Seen, chain: MarkovChain) -> Finding:
    """How far the present state settles the next, and whether the states have an order."""
    from panic_tda.analysis.bootstrap import Interval

    most, rate, p = log(len(chain.transitions.states)), chain.entropy_rate, chain.checks.reversible
    settled = Interval(1 - rate.estimate / most, 1 - rate.high / most, 1 - rate.low / most, rate.level, rate.n)
    said = f"{seen.visited.name}: the present state settles the next by {percent(settled)} "
    said += f"({between(rate)} of {most:.2f} nats are left open)"
    if p <= UNLIKELY:
        said += f"; {percent(chain.irreversibility)} of all moves keep to one direction round the states (p = {p:.2g})"
    return finding_of("order of states", f"{said}.", settled, cautions=_of_chain(seen, chain))


def _of_chain(seen: Seen, chain: MarkovChain) -> tuple[str, ...]:
    """The cautions of the chain but those about what the sentences do not speak of, or say themselves."""
    said = ("irreversible", "entropy production", "closed classes")
    cautions = tuple(each for each in chain.cautions if not any(words in each for words in said))
    if seen.outside.estimate > 0.5:
        cautions += ("most rounds lie in no state and were given to the one visited last",)
    few = len(seen.visited.visits)
    return (*cautions, f"only {count(few, 'run')}") if few < FEWEST_RUNS else cautions


def _how_long(seen: Seen, told: Sequence[DwellTime]) -> Finding:
    """The state with most completed stays, and the range of all."""
    best, means = max(told, key=lambda each: each.completed), [each.mean.estimate for each in told]
    said = (
        f"{seen.visited.name}: a stay in {seen.visited.state_name(best.state)} lasts {between(best.mean, 1)} rounds on "
    )
    said += f"average{LAWS[best.law.verdict]}"
    if len(told) > 1:
        said += f"; in {count(len(told), 'state')} with enough exits to tell, {min(means):.1f} to {max(means):.1f}"
    return finding_of("dwell time", f"{said}.", best.mean, cautions=best.cautions)
