"""The answer about change points: when does a run move on to another region, and stay there?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.rounds import Rounds, by_group, mean_over_runs, rounds_of
from panic_tda.answers.words import between, count

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.analysis.change_points import ChangePoints

QUESTION = "When does it move on?"


class Moves(NamedTuple):
    """The change points of one run."""

    rounds: Rounds
    found: ChangePoints

    @property
    def steps(self) -> list[int]:
        """The sequence numbers at which the run is first seen in a new region."""
        return [int(self.rounds.steps[row]) for row in self.found.steps]


class Group(NamedTuple):
    """The runs of a network under an embedder and how often they move on."""

    embedder: str
    network: str
    moves: list[Moves]
    times: Interval

    @property
    def cautions(self) -> tuple[str, ...]:
        """What concerns at least a third of the runs, in the words of the run it concerns most."""
        kinds: dict[str, list[str]] = {}
        for each in self.moves:
            for caution in each.found.cautions:
                kinds.setdefault(caution.split()[0], []).append(caution)
        often = [words for words in kinds.values() if 3 * len(words) >= len(self.moves)]
        return tuple(f"{len(words)} of {len(self.moves)} runs: {sorted(words)[len(words) // 2]}" for words in often)


def change_points(evidence: Evidence, request: Request) -> Answer:
    """For each run the rounds at which the centre of its vectors jumps; for each network how often that happens."""
    rounds = evidence.once(rounds_of)
    if not rounds:
        return Answer("change_points", QUESTION, absence="no run has vectors")
    found = {id(each): _moves(each) for each in request.each(rounds, "runs")}
    groups = [_group(*key, [found[id(each)] for each in mine], request.rng) for key, mine in by_group(rounds).items()]
    tables = {"runs": _runs(groups, evidence.names), "changes": _changes(groups), "networks": _networks(groups)}
    return Answer("change_points", QUESTION, tuple(map(_finding, groups)), tables)


def _moves(rounds: Rounds) -> Moves:
    from panic_tda.analysis.change_points import change_points as changes_of

    return Moves(rounds, changes_of(rounds.vectors))


def _group(embedder: str, network: str, moves: list[Moves], rng: np.random.Generator) -> Group:
    return Group(embedder, network, moves, mean_over_runs([float(len(each.found.steps)) for each in moves], rng))


def _finding(group: Group) -> Finding:
    who = f"{group.network} (as {group.embedder} sees it)"
    steps = sorted(step for each in group.moves for step in each.steps)
    if not steps:
        said = f"{who}: none of {count(len(group.moves), 'run')} moves on to another region and stays there"
    else:
        never = sum(not each.steps for each in group.moves)
        said = f"{who}: a run moves on to another region {between(group.times, 1)} times on average"
        said += (
            f", {never} of {count(len(group.moves), 'run')} never; half of the moves come by step {median(steps):.0f}"
        )
    return finding_of("change points", f"{said}.", group.times, cautions=group.cautions)


def _runs(groups: Sequence[Group], names: dict[str, str]) -> pl.DataFrame:
    import polars as pl

    rows = [
        _key(each) | {
            "run": names[each.rounds.trajectory.run.run_id],
            "rounds": len(each.rounds.steps),
            "first_step": int(each.rounds.steps[0]),
            "last_step": int(each.rounds.steps[-1]),
            "changes": len(each.found.steps),
            "noise": each.found.noise,
            "memory": each.found.memory,
            "effective_dimension": each.found.effective_dimension,
            "caution": "; ".join(each.found.cautions),
        }
        for group in groups
        for each in group.moves
    ]  # fmt: skip
    return pl.DataFrame(rows)


def _key(moves: Moves) -> dict[str, Any]:
    run = moves.rounds.trajectory.run
    return {
        "run_id": run.run_id,
        "network": run.network,
        "prompt": run.prompt,
        "seed": run.seed,
        "embedder": moves.rounds.embedder,
    }


def _changes(groups: Sequence[Group]) -> pl.DataFrame:
    import polars as pl

    def rows() -> Iterator[dict[str, Any]]:
        for group in groups:
            for each in group.moves:
                for step, shift in zip(each.steps, each.found.shifts.tolist(), strict=True):
                    yield _key(each) | {"step": step, "shift": shift, "caution": "; ".join(each.found.cautions)}

    words = ("run_id", "network", "prompt", "embedder", "caution")
    order = ("run_id", "network", "prompt", "seed", "embedder", "step", "shift", "caution")
    kinds = {name: pl.String if name in words else pl.Float64 if name == "shift" else pl.Int64 for name in order}
    return pl.DataFrame(list(rows()), schema=kinds)


def _networks(groups: Sequence[Group]) -> pl.DataFrame:
    import polars as pl

    rows = [
        {
            "embedder": group.embedder,
            "network": group.network,
            "changes": group.times.estimate,
            "low": group.times.low,
            "high": group.times.high,
            "n": group.times.n,
            "never": sum(not each.steps for each in group.moves),
            "caution": "; ".join(group.cautions),
        }
        for group in groups
    ]
    return pl.DataFrame(rows).with_columns(pl.col("low", "high").fill_nan(None))
