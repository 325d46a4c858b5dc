"""The tables of the answer about states; figures are drawn from them alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from panic_tda.answers.states.visited import Visited, letter
from panic_tda.answers.trajectory import evenly

if TYPE_CHECKING:
    import polars as pl

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.answers.states.visiting import Seen

MOST_RUNS = 40
"""Runs of a network whose rounds are listed one by one."""

QUANTITIES = (
    "spectral_gap", "relaxation_time", "mixing_time", "entropy_rate", "irreversibility", "entropy_production",
)  # fmt: skip


def tables(seen: Sequence[Seen], names: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    """``states``, ``transitions``, ``chains``, ``survival`` and ``rounds``."""
    return {
        "states": _frame(STATES, (row for each in seen for row in _states(each))),
        "transitions": _frame(TRANSITIONS, (row for each in seen for row in _transitions(each))),
        "chains": _frame(CHAINS, (row for each in seen for row in _chains(each))),
        "survival": _frame(SURVIVAL, (row for each in seen for row in _survival(each))),
        "rounds": _frame(ROUNDS, (row for each in seen for row in _rounds(each.visited, names))),
    }


STATES = (
    "embedder", "network", "state", "name", "medoid_sha256", "medoid_text", "rounds", "runs", "stationary", "low",
    "high", "n", "never_left", "dwell", "dwell_low", "dwell_high", "dwell_median", "completed", "cut_off", "law",
    "clustering", "caution",
)  # fmt: skip
TRANSITIONS = ("embedder", "network", "source", "target", "count", "probability", "low", "high", "n", "caution")
CHAINS = ("embedder", "network", "quantity", "value", "low", "high", "n", "caution")
SURVIVAL = ("embedder", "network", "state", "rounds", "surviving", "low", "high")
ROUNDS = (
    "run_id", "run", "network", "prompt", "seed", "embedder", "step", "state", "cluster",
)  # fmt: skip
WHOLE = ("rounds", "runs", "n", "completed", "cut_off", "count", "seed", "step")
WORDS = (
    "embedder", "network", "state", "name", "medoid_sha256", "medoid_text", "law", "clustering", "caution", "source",
    "target", "quantity", "run_id", "run", "prompt", "cluster",
)  # fmt: skip


def _frame(columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> pl.DataFrame:
    import polars as pl

    kinds = {name: pl.Int64 if name in WHOLE else pl.String if name in WORDS else pl.Float64 for name in columns}
    schema = {name: pl.Boolean if name == "never_left" else kind for name, kind in kinds.items()}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def _states(seen: Seen) -> Iterator[tuple[Any, ...]]:
    group, chain = seen.visited, seen.chain
    trapped = {state for each in (chain.closed if chain else ()) if len(each.states) == 1 for state in each.states}
    for dwell in seen.dwells:
        state, medoid = dwell.state, group.medoids[dwell.state]
        inside = [int((visit.clusters == state).sum()) for visit in group.visits]
        number = chain.transitions.states.tolist().index(state) if chain else None
        share = chain.stationary[number] if chain and number is not None else None
        yield (
            group.embedder, group.network, letter(state), group.state_name(state, 60), medoid.sha256, medoid.text,
            sum(inside), sum(rounds > 0 for rounds in inside), *_ends(share), share.n if share else None,
            state in trapped, *_ends(dwell.mean), _known(dwell.median), dwell.completed, dwell.censored,
            dwell.law.verdict, group.found.origin, "; ".join(dwell.cautions),
        )  # fmt: skip


def _transitions(seen: Seen) -> Iterator[tuple[Any, ...]]:
    if seen.chain is None:
        return
    chain, names = seen.chain, [letter(state) for state in seen.chain.transitions.states.tolist()]
    for i, source in enumerate(names):
        exits = int(chain.transitions.counts[i].sum())
        caution = f"only {exits} recorded moves from here" if exits < 5 else ""
        for j, target in enumerate(names):
            ends = (float(table[i, j]) for table in (chain.matrix, chain.low, chain.high))
            moves = int(chain.transitions.counts[i, j])
            yield seen.visited.embedder, seen.visited.network, source, target, moves, *ends, exits, caution


def _chains(seen: Seen) -> Iterator[tuple[Any, ...]]:
    """One row for each quantity, and for each p-value of the checks."""
    key, chain = (seen.visited.embedder, seen.visited.network), seen.chain
    yield *key, "share of rounds in no state", *_ends(seen.outside), seen.outside.n, "; ".join(seen.visited.cautions)
    if chain is None:
        return
    caution = "; ".join(chain.cautions)
    for name in QUANTITIES:
        found: Interval = getattr(chain, name)
        yield *key, name.replace("_", " "), *_ends(found), found.n, caution
    checks = {
        "p: only the present state matters": chain.checks.memory,
        "p: all prompts have one matrix": chain.checks.shared,
        "p: the order of states is reversible": chain.checks.reversible,
    }
    for name, p in checks.items():
        yield *key, name, p, None, None, chain.transitions.transitions, ""


def _survival(seen: Seen) -> Iterator[tuple[Any, ...]]:
    """Kaplan–Meier: the share of stays in each state that last longer."""
    from panic_tda.analysis.survival import kaplan_meier

    for dwell in seen.dwells:
        here = seen.stays.state == dwell.state
        found = kaplan_meier(seen.stays.steps[here], seen.stays.completed[here])
        end = float(seen.stays.steps[here].max())
        corners = [(1.0, 1.0, 1.0), *zip(found.surviving, found.low, found.high, strict=True)]
        for rounds, values in zip([0.0, *found.times, end], [*corners, corners[-1]], strict=True):
            yield seen.visited.embedder, seen.visited.network, letter(dwell.state), int(rounds), *map(float, values)


def _rounds(group: Visited, names: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    """The state of every round, and the cluster itself; both are null where there is none."""
    for index in evenly(len(group.visits), MOST_RUNS):
        visit = group.visits[index]
        run = visit.rounds.trajectory.run
        key = run.run_id, names[run.run_id], run.network, run.prompt, run.seed, group.embedder
        for step, *places in zip(
            visit.rounds.steps.tolist(), visit.states.tolist(), visit.clusters.tolist(), strict=True
        ):
            yield *key, step, *(letter(place) if place >= 0 else None for place in places)


def _ends(interval: Interval | None) -> tuple[float | None, float | None, float | None]:
    if interval is None:
        return None, None, None
    return _known(interval.estimate), _known(interval.low), _known(interval.high)


def _known(value: float) -> float | None:
    return None if value != value else float(value)
