"""Does it go round in circles? The loop that sliding windows over the rounds of a run trace, against them shuffled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.rounds import Rounds, continued, mean_over_runs, rounds_of
from panic_tda.answers.words import between, count, percent

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from panic_tda.analysis.sliding_window import WindowPeriodicity

QUESTION = "Does it go round in circles?"
FEWEST_ROUNDS = 9
MOST_ROUNDS = 500
SHUFFLINGS = 40
"""So many of a network's runs, drawn anew where they are fewer, are shuffled to say what chance scores."""

_WINDOWS = 150
_FEW_RUNS = 5


class Windowed(NamedTuple):
    """What the windows of the (last) ``used`` rounds of a run trace, its exact loop gone on with."""

    rounds: Rounds
    used: int
    found: WindowPeriodicity
    cautions: tuple[str, ...]


def sliding_windows(evidence: Evidence, request: Request) -> Answer:
    """For each run its periodicity score and period; for each network the share of runs that score above chance."""
    long = [each for each in evidence.once(rounds_of) if _length(each) >= FEWEST_ROUNDS]
    if not long:
        return Answer("sliding-windows", QUESTION, absence=f"no run has vectors of {FEWEST_ROUNDS} rounds")
    seen = [_windowed(each) for each in request.each(long, "runs")]
    groups: dict[tuple[str, str], list[Windowed]] = {}
    for each in seen:
        groups.setdefault(each.rounds.key, []).append(each)
    todo = request.each(groups.items(), "networks shuffled")
    chance = {key: _chance(group, request.rng) for key, group in todo}
    tables = {"runs": _runs(seen, chance), "networks": _networks(groups, chance, request.rng)}
    findings = [_finding(*key, group, chance[key], request.rng) for key, group in groups.items()]
    return Answer("sliding-windows", QUESTION, tuple(findings), tables)


def _length(rounds: Rounds) -> int:
    return len(continued(rounds.trajectory, rounds.steps))


def _windowed(rounds: Rounds) -> Windowed:
    from panic_tda.analysis.sliding_window import window_periodicity

    order = continued(rounds.trajectory, rounds.steps)
    used = order[-MOST_ROUNDS:]
    found = window_periodicity(rounds.vectors[used], windows=_WINDOWS)
    cautions = [caution.replace("steps", "rounds") for caution in found.cautions]
    if len(order) > len(rounds.steps):
        cautions.append(f"it stopped in an exact loop after {count(len(rounds.steps), 'round')} and is continued by it")
    if len(used) < len(order):
        cautions.append(f"its last {len(used)} of {len(order)} rounds")
    return Windowed(rounds, len(used), found, tuple(cautions))


def _chance(group: list[Windowed], rng: np.random.Generator) -> float:
    """The score that 5 % of a network's runs exceed when their rounds are shuffled."""
    import numpy as np

    from panic_tda.analysis.sliding_window import window_periodicity
    from panic_tda.analysis.surrogates import shuffled_order

    scores = []
    repeated = group * -(-SHUFFLINGS // len(group))
    for index in rng.permutation(len(repeated))[:SHUFFLINGS]:
        each = repeated[index]
        used = continued(each.rounds.trajectory, each.rounds.steps)[-MOST_ROUNDS:]
        shuffled = used[shuffled_order(len(used), rng)]
        scores.append(window_periodicity(each.rounds.vectors[shuffled], windows=_WINDOWS).score)
    return float(np.quantile(scores, 0.95, method="higher"))


def _above(group: list[Windowed], chance: float) -> list[Windowed]:
    return [each for each in group if each.found.score > chance]


def _runs(seen: list[Windowed], chance: dict[tuple[str, str], float]) -> pl.DataFrame:
    import polars as pl

    rows: list[dict[str, Any]] = []
    for each in seen:
        run, found = each.rounds.trajectory.run, each.found
        rows.append(
            {
                "embedder": each.rounds.embedder,
                "run_id": run.run_id,
                "network": run.network,
                "prompt": run.prompt,
                "seed": run.seed,
                "rounds": each.used,
                "score": found.score,
                "period": found.period,
                "passes": found.passes,
                "chance": chance[each.rounds.key],
                "caution": "; ".join(each.cautions),
            }
        )
    return pl.DataFrame(rows).with_columns(pl.col("period").fill_nan(None))


def _networks(
    groups: dict[tuple[str, str], list[Windowed]], chance: dict[tuple[str, str], float], rng: np.random.Generator
) -> pl.DataFrame:
    import polars as pl

    rows = []
    for (embedder, network), group in groups.items():
        mean = mean_over_runs([each.found.score for each in group], rng)
        rows.append(
            {
                "embedder": embedder,
                "network": network,
                "score": mean.estimate,
                "low": mean.low,
                "high": mean.high,
                "n": mean.n,
                "above": len(_above(group, chance[embedder, network])),
                "chance": chance[embedder, network],
                "caution": "; ".join(_cautions(group)),
            }
        )
    return pl.DataFrame(rows).with_columns(pl.col("low", "high").fill_nan(None))


def _cautions(group: list[Windowed]) -> Iterator[str]:
    if len(group) < _FEW_RUNS:
        yield f"only {count(len(group), 'run')}"
    for words, told in (("the trajectory stands", "stand still"), ("windows stand", "stand still for a while"),
                        ("exact loop", "continued by an exact loop")):  # fmt: skip
        number = sum(any(words in caution for caution in each.cautions) for each in group)
        if number:
            yield f"{number:,} of {count(len(group), 'run')} {told}"


def _finding(embedder: str, network: str, group: list[Windowed], chance: float, rng: np.random.Generator) -> Finding:
    from panic_tda.analysis.shares import share_interval

    above = _above(group, chance)
    share = share_interval(len(above), len(group))
    mean = mean_over_runs([each.found.score for each in group], rng)
    said = (
        f"{network} (as {embedder} sees it): {len(above):,} of {count(len(group), 'run')} go round in circles more "
        f"than their shuffled rounds do, {percent(share)} (5 % would by chance)"
    )
    if above:
        periods = sorted(each.found.period for each in above)
        spread = f"{periods[0]:.0f}" + (f" to {periods[-1]:.0f}" if periods[-1] > periods[0] else "")
        said += f", with periods of {spread} rounds"
    said += f"; periodicity score {between(mean)} on average (1 is a perfect circle; chance stays below {chance:.2f})"
    return finding_of("sliding-windows", f"{said}.", share, cautions=tuple(_cautions(group)))
