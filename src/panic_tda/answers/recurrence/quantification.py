"""Does a run repeat stretches of its way? The lines in its recurrence matrix, against the same rounds shuffled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.rounds import Rounds, mean_over_runs, rounds_of
from panic_tda.answers.words import count, percent

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from panic_tda.analysis.recurrence_quantification import RecurrenceQuantification
    from panic_tda.analysis.surrogates import SurrogateTest

QUESTION = "Has it been here before?"
FEWEST_ROUNDS = 10
MOST_ROUNDS = 500
_FEW_RUNS = 5
_SURROGATES = (39, 199)
_WORK = 20_000
"""Surrogates over all runs, as far as their number for one run allows."""

_OF_RUNS = {
    "slow": "slow motion in {}: what is near in time is near in place",
    "only ": "few rounds in {}",
    "the threshold is 0": "a threshold of 0 in {}",
    "it stopped in": "only the way into a loop in {}",
}
"""What a network is told when runs are cautioned so."""


class Measured(NamedTuple):
    """What was found in the (last) ``used`` rounds of a run."""

    rounds: Rounds
    used: int
    found: RecurrenceQuantification
    tests: dict[str, SurrogateTest]
    cautions: tuple[str, ...]

    @property
    def stuck(self) -> bool:
        """Whether its end repeats itself exactly, which makes all its lines trivial."""
        return any(caution.startswith("stuck") for caution in self.found.cautions)

    def value(self, measure: str) -> float:
        """One of the measures."""
        return float(getattr(self.found.measures, measure))


def recurrence(evidence: Evidence, request: Request) -> Answer:
    """For each run the recurrence measures and their shuffled bands; for each network their means over runs."""
    long = [each for each in evidence.once(rounds_of) if len(each.steps) >= FEWEST_ROUNDS]
    if not long:
        return Answer("recurrence", QUESTION, absence=f"no run has vectors of {FEWEST_ROUNDS} rounds")
    surrogates = min(max(_WORK // len(long), _SURROGATES[0]), _SURROGATES[1])
    measured = [_measured(each, surrogates, request.rng) for each in request.each(long, "runs")]
    groups: dict[tuple[str, str], list[Measured]] = {}
    for each in measured:
        groups.setdefault(each.rounds.key, []).append(each)
    tables = {"runs": _runs(measured), "networks": _networks(groups, request.rng)}
    findings = [_finding(*key, group, request.rng) for key, group in groups.items()]
    return Answer("recurrence", QUESTION, tuple(findings), tables)


def _measured(rounds: Rounds, surrogates: int, rng: np.random.Generator) -> Measured:
    from panic_tda.analysis.distances import euclidean_distances
    from panic_tda.analysis.recurrence_quantification import recurrence_quantification, recurrence_test
    from panic_tda.analysis.surrogates import shuffled_order

    vectors = rounds.vectors[-MOST_ROUNDS:]
    distances = euclidean_distances(vectors)
    orders = [shuffled_order(len(vectors), rng) for _ in range(surrogates)]
    found = recurrence_quantification(distances)
    tests = recurrence_test(distances, orders, rng)
    return Measured(rounds, len(vectors), found, tests, tuple(_cautions(rounds, len(vectors), found)))


def _cautions(rounds: Rounds, used: int, found: RecurrenceQuantification) -> Iterator[str]:
    yield from (caution.replace("steps", "rounds").replace("from step", "from round") for caution in found.cautions)
    if rounds.trajectory.run.stop_reason == "loop":
        yield "it stopped in an exact loop: this is its way there"
    if used < len(rounds.steps):
        yield f"its last {used} of {len(rounds.steps)} rounds"


def _free(group: list[Measured]) -> list[Measured]:
    """The runs whose lines mean something."""
    return [each for each in group if not each.stuck]


def _repeating(group: list[Measured]) -> int:
    return sum(each.tests["determinism"].greater <= 0.05 for each in group)


def _finding(embedder: str, network: str, group: list[Measured], rng: np.random.Generator) -> Finding:
    from panic_tda.analysis.shares import share_interval

    free = _free(group)
    share = share_interval(_repeating(free), len(free))
    stuck = len(group) - len(free)
    if not free:
        said = f"{network} (as {embedder} sees it): {_all(stuck)} stuck: what repeats exactly says no more"
        return Finding("recurrence", f"{said}.", stuck, n=stuck, cautions=("nothing is left to test",))
    mean = mean_over_runs([each.value("determinism") for each in free], rng)
    chance = sum((each.tests["determinism"].low + each.tests["determinism"].high) / 2 for each in free) / len(free)
    said = (
        f"{network} (as {embedder} sees it): {_repeating(free):,} of {count(len(free), 'run')} "
        f"{'follows its' if _repeating(free) == 1 else 'follow their'} own tracks more than the same rounds shuffled "
        f"do, {percent(share)} (5 % would by chance); of the times that a run comes near an earlier place, it goes on "
        f"along its earlier way in {percent(mean)} (determinism; shuffled {100 * chance:.0f} %)"
    )
    said += f"; {count(stuck, 'run')} stuck in exact repetition not counted" if stuck else ""
    return finding_of("recurrence", f"{said}.", share, cautions=tuple(_group_cautions(free)))


def _all(number: int) -> str:
    return {1: "the run is", 2: "both runs are"}.get(number, f"all {number:,} runs are")


def _group_cautions(free: list[Measured]) -> Iterator[str]:
    if len(free) < _FEW_RUNS:
        yield f"only {count(len(free), 'run')}"
    for start, told in _OF_RUNS.items():
        number = sum(any(caution.startswith(start) for caution in each.cautions) for each in free)
        if number:
            yield told.format(f"{number:,} of {count(len(free), 'run')}")


def _runs(measured: list[Measured]) -> pl.DataFrame:
    import polars as pl

    rows: list[dict[str, Any]] = []
    for each in measured:
        run, measures = each.rounds.trajectory.run, each.found.measures
        row = {
            "run_id": run.run_id,
            "network": run.network,
            "prompt": run.prompt,
            "seed": run.seed,
            "embedder": each.rounds.embedder,
            "rounds": each.used,
            "threshold": each.found.threshold,
            "stuck": each.stuck,
            "recurrence_rate": measures.recurrence_rate,
        }
        for name, test in each.tests.items():
            row |= {name: test.observed, f"{name}_low": test.low, f"{name}_high": test.high, f"{name}_p": test.greater}
        tests = next(iter(each.tests.values()))
        rows.append(row | {"surrogates": tests.surrogates, "caution": "; ".join(each.cautions)})
    return pl.DataFrame(rows)


def _networks(groups: dict[tuple[str, str], list[Measured]], rng: np.random.Generator) -> pl.DataFrame:
    """The mean of each measure over the runs not stuck; ``above``: how many exceed their rounds shuffled, p ≤ 0.05."""
    import polars as pl

    from panic_tda.analysis.recurrence_quantification import Measures

    rows = []
    for (embedder, network), group in groups.items():
        free = _free(group)
        for measure in Measures._fields:
            mean = mean_over_runs([each.value(measure) for each in free], rng)
            above = [each.tests[measure].greater <= 0.05 for each in free if measure in each.tests]
            rows.append(
                {
                    "embedder": embedder,
                    "network": network,
                    "measure": measure,
                    "mean": mean.estimate,
                    "low": mean.low,
                    "high": mean.high,
                    "n": mean.n,
                    "above": sum(above) if above else None,
                    "stuck": len(group) - len(free),
                    "caution": "; ".join(_group_cautions(free)) if free else "every run is stuck",
                }
            )
    schema = {"above": pl.Int64, "mean": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return pl.DataFrame(rows, schema_overrides=schema).with_columns(pl.col("mean", "low", "high").fill_nan(None))
