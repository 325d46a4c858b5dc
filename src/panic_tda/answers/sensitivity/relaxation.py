"""How soon do runs settle? The distance of a run to its first round, and the time in which it levels off."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.analysis.bootstrap import Interval
from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.sensitivity.groups import (
    QUESTION,
    RESAMPLES,
    Group,
    Side,
    distance_words,
    groups,
    in_rounds,
    joined,
)
from panic_tda.answers.words import between, count

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from panic_tda.analysis.pooled_relaxation import PooledRelaxation

FEWEST_ROUNDS = 6


class Settling(NamedTuple):
    """The mean distance to the first round over the runs of a group, or of one ``prompt`` of it; ``tau`` in steps."""

    group: Group
    prompt: str
    found: PooledRelaxation
    tau: Interval
    cautions: tuple[str, ...]


def relaxation(evidence: Evidence, request: Request) -> Answer:
    """For each run, prompt and network the relaxation time of the distance to the first round."""
    fit = [(group, _long(group.sides)) for group in groups(evidence)]
    fit = [(group, sides) for group, sides in fit if sides]
    if not fit:
        return Answer("relaxation", QUESTION, absence=f"no run has vectors of {FEWEST_ROUNDS} rounds")
    singles = [row for group, sides in fit for side in request.each(sides, "runs") for row in [_run(group, side)]]
    pooled = [each for group, sides in fit if (each := _settling(group, sides, "", request))]
    prompts = [
        each
        for group, _ in fit
        for sides in request.each(group.by_prompt(), "prompts")
        if (each := _settling(group, _long(sides), sides[0].run.prompt, request))
    ]
    tables = {"runs": _table(singles), "prompts": _table(map(_row, prompts)), "networks": _table(map(_row, pooled))}
    return Answer("relaxation", QUESTION, tuple(map(_finding, pooled)), tables | {"curves": _curves(pooled)})


def _long(sides: list[Side]) -> list[Side]:
    return [side for side in sides if len(side.points) >= FEWEST_ROUNDS]


def _distances(side: Side) -> NDArray[np.float64]:
    """From round 1 on; at round 0 the distance is 0 because it is to itself, which is not where relaxation begins."""
    from panic_tda.analysis.drift import distance_to_start

    return distance_to_start(side.points)[1:]


def _run(group: Group, side: Side) -> dict[str, Any]:
    from panic_tda.analysis.relaxation import relaxation_time

    found = relaxation_time(_distances(side))
    cut = () if side.whole else ("cut at an output without a vector",)
    return {
        "run_id": side.run.run_id,
        "network": group.network,
        "prompt": side.run.prompt,
        "seed": side.run.seed,
        "embedder": group.embedder,
        "tau": found.tau.estimate * group.cycle,
        "low": found.tau.low * group.cycle,
        "high": found.tau.high * group.cycle,
        "standard_error": found.standard_error * group.cycle,
        "start_distance": found.start.estimate,
        "end_distance": found.end.estimate,
        "r_squared": found.r_squared,
        "n": found.tau.n,
        "caution": joined(cut, in_rounds(found.cautions)),
    }


def _settling(group: Group, sides: list[Side], prompt: str, request: Request) -> Settling | None:
    from panic_tda.analysis.pooled_relaxation import pooled_relaxation_time

    if len(sides) < 2:
        return None
    found = pooled_relaxation_time([_distances(side) for side in sides], request.rng, resamples=RESAMPLES)
    return Settling(group, prompt, found, group.in_steps(found.tau), group.cautions + in_rounds(found.cautions))


def _finding(settling: Settling) -> Finding:
    said = f"{settling.group.name}: {_words(settling)}."
    return finding_of("relaxation", said, settling.tau, cautions=settling.cautions)


def _words(settling: Settling) -> str:
    tau = settling.tau
    if math.isinf(tau.high) or tau.estimate >= len(settling.found.curve) * settling.group.cycle:
        least = f", so the relaxation time is {tau.low:.1f} steps or more" if tau.low > 0.0 else ""
        return f"it cannot be told that runs settle within {_steps(settling)}{least}"
    end = f"{distance_words(settling.found.end)} from their first round"
    if tau.estimate < settling.group.cycle:
        return f"runs reach the distance at which they stay within a round, {end}"
    return f"runs settle {end}, with a relaxation time of {between(tau, 1)} steps"


def _steps(settling: Settling) -> str:
    return count((len(settling.found.curve) + 1) * settling.group.cycle, "step")


def _row(settling: Settling) -> dict[str, Any]:
    found = settling.found
    return {
        "network": settling.group.network,
        "prompt": settling.prompt,
        "embedder": settling.group.embedder,
        "tau": settling.tau.estimate,
        "low": settling.tau.low,
        "high": settling.tau.high,
        "start_distance": found.start.estimate,
        "end_distance": found.end.estimate,
        "end_low": found.end.low,
        "end_high": found.end.high,
        "r_squared": found.r_squared,
        "n": settling.tau.n,
        "caution": joined(settling.cautions),
    }


def _table(rows: Any) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(list(rows)).fill_nan(None)


def _curves(pooled: list[Settling]) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    pieces = [
        pl.DataFrame(
            {
                "network": each.group.network,
                "embedder": each.group.embedder,
                "step": each.group.start + each.group.cycle * (1 + np.arange(len(each.found.curve))),
                "distance": each.found.curve,
                "low": each.found.low,
                "high": each.found.high,
                "fitted": each.found.fitted,
            }
        )
        for each in pooled
    ]
    return pl.concat(pieces).fill_nan(None) if pieces else pl.DataFrame()
