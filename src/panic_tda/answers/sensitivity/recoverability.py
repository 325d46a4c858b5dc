"""Can the prompt of a run still be told from what it makes?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.analysis.bootstrap import Interval
from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.sensitivity.groups import QUESTION, RESAMPLES, Group, groups, in_rounds, joined
from panic_tda.answers.words import between, count, percent

if TYPE_CHECKING:
    import polars as pl

    from panic_tda.analysis.recoverability import Recoverability


class Told(NamedTuple):
    """How well the prompts of a group are told; ``half_life`` in steps."""

    group: Group
    found: Recoverability
    half_life: Interval
    cautions: tuple[str, ...]


def recoverability(evidence: Evidence, request: Request) -> Answer:
    """For each network and embedder the accuracy of naming the prompt, round by round, and its half-life."""
    fit = [group for group in groups(evidence) if sum(len(runs) > 1 for runs in group.by_prompt()) > 1]
    if not fit:
        return Answer("recoverability", QUESTION, absence="no network has two prompts with two runs each")
    found = [_told(group, request) for group in request.each(fit, "networks and embedders")]
    tables = {"half_lives": _half_lives(found), "curves": _curves(found)}
    return Answer("recoverability", QUESTION, tuple(map(_finding, found)), tables)


def _told(group: Group, request: Request) -> Told:
    from panic_tda.analysis.recoverability import prompt_recoverability

    # In the order of seeds, a seed is left out of all prompts at once.
    sides = sorted(group.sides, key=lambda side: (side.run.seed, side.run.run_number, side.run.prompt_sha256))
    prompts = [side.run.prompt_sha256 for side in sides]
    found = prompt_recoverability([side.points for side in sides], prompts, request.rng, resamples=RESAMPLES)
    return Told(group, found, group.in_steps(found.half_life), group.cautions + in_rounds(found.cautions))


def _finding(told: Told) -> Finding:
    found = told.found
    first, last = (_accuracy(found, place) for place in (0, -1))
    prompts = count(int(found.prompts[0]), "prompt")
    said = (
        f"{told.group.name}: the right one of {prompts} is named from the first round for {percent(first)} of runs, "
        f"from the last for {percent(last)} (chance {100 * found.chance[-1]:.0f} %)"
    )
    return finding_of("recoverability", f"{said}; {_fading(told)}.", last, cautions=told.cautions)


def _accuracy(found: Recoverability, place: int) -> Interval:
    estimate, low, high = (float(values[place]) for values in (found.accuracy, found.low, found.high))
    return Interval(estimate, low, high, found.half_life.level, int(found.runs[place]))


def _fading(told: Told) -> str:
    life = told.half_life
    if math.isnan(life.estimate):
        return "at first the prompt does not show for certain"
    if math.isinf(life.estimate):
        return "the trace of the prompt does not fade by half"
    bounded = life if math.isfinite(life.high) else life._replace(low=math.nan)
    at_least = f" (at least {life.low:.0f})" if math.isinf(life.high) else ""
    return f"half of what tells the prompts apart is lost after {between(bounded, 0)} steps{at_least}"


def _half_lives(found: list[Told]) -> pl.DataFrame:
    import polars as pl

    rows = [
        {
            "network": told.group.network,
            "embedder": told.group.embedder,
            "prompts": int(told.found.prompts[0]),
            "accuracy_first": float(told.found.accuracy[0]),
            "accuracy_last": float(told.found.accuracy[-1]),
            "chance": float(told.found.chance[-1]),
            "half_life": told.half_life.estimate,
            "low": told.half_life.low,
            "high": told.half_life.high,
            "n": told.half_life.n,
            "caution": joined(told.cautions),
        }
        for told in found
    ]
    return pl.DataFrame(rows).fill_nan(None)


def _curves(found: list[Told]) -> pl.DataFrame:
    import polars as pl

    pieces = [
        pl.DataFrame(
            {
                "network": told.group.network,
                "embedder": told.group.embedder,
                "step": told.group.start + told.group.cycle * told.found.steps,
                "accuracy": told.found.accuracy,
                "low": told.found.low,
                "high": told.found.high,
                "chance": told.found.chance,
                "n": told.found.runs,
            }
        )
        for told in found
    ]
    return pl.concat(pieces)
