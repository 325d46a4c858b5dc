"""How fast do runs of one prompt move apart? The finite-time Lyapunov exponent, up to where the distance levels off."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.analysis.bootstrap import Interval
from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.sensitivity.groups import QUESTION, RESAMPLES, Group, Side, groups, in_rounds, joined
from panic_tda.answers.words import between

if TYPE_CHECKING:
    import polars as pl

    from panic_tda.analysis.lyapunov import LyapunovExponent


class Parting(NamedTuple):
    """The exponent of a group's runs, or of those of one ``prompt``, in nats per round."""

    group: Group
    prompt: str
    found: LyapunovExponent
    cautions: tuple[str, ...]


def lyapunov(evidence: Evidence, request: Request) -> Answer:
    """For each network and embedder, and for each prompt of it, the exponent over all rounds and before saturation."""
    fit = [(group, _sides(group)) for group in groups(evidence)]
    fit = [(group, sides) for group, sides in fit if sides]
    if not fit:
        return Answer("lyapunov", QUESTION, absence="no two runs of a network share a prompt and have vectors")
    pooled = [_parting(group, sides, "", request) for group, sides in request.each(fit, "networks and embedders")]
    prompts = [
        _parting(group, sides, sides[0].run.prompt, request)
        for group, _ in fit
        for sides in request.each(group.by_prompt(), "prompts")
        if len(sides) > 1
    ]
    tables = {"networks": _table(pooled), "prompts": _table(prompts), "curves": _curves(pooled)}
    return Answer("lyapunov", QUESTION, tuple(map(_finding, pooled)), tables)


def _sides(group: Group) -> list[Side]:
    return [side for sides in group.by_prompt() if len(sides) > 1 for side in sides]


def _parting(group: Group, sides: list[Side], prompt: str, request: Request) -> Parting:
    from panic_tda.analysis.lyapunov import lyapunov_exponent

    prompts = [side.run.prompt_sha256 for side in sides]
    points = [side.points for side in sides]
    found = lyapunov_exponent(points, request.rng, prompts=prompts, resamples=RESAMPLES)
    return Parting(group, prompt, found, group.cautions + _cautions(group, found))


def _cautions(group: Group, found: LyapunovExponent) -> tuple[str, ...]:
    others = in_rounds(tuple(caution for caution in found.cautions if not caution.startswith("saturated")))
    if found.saturation is None:
        return others
    return f"saturated: the curve is flat from step {group.step(found.saturation):.0f}", *others


def _finding(parting: Parting) -> Finding:
    early = parting.found.early
    return finding_of("lyapunov", f"{parting.group.name}: {_words(parting)}.", early, cautions=parting.cautions)


def _words(parting: Parting) -> str:
    found = parting.found
    early = found.early
    if math.isnan(early.estimate):
        return "runs of the same prompt never differ for two rounds"
    said = f"the distance between runs of the same prompt {_change(early)} {_percent(early)} a round"
    if found.saturation is None:
        return f"{said}, without levelling off"
    return f"{said} up to step {parting.group.step(found.saturation):.0f}, then stays the same"


def _change(exponent: Interval) -> str:
    if exponent.low <= 0.0 <= exponent.high:
        return "does not change for certain:"
    return "grows by" if exponent.estimate > 0.0 else "shrinks by"


def _percent(exponent: Interval) -> str:
    """The growth a round in percent, as a positive number where it shrinks."""
    sign = -1.0 if exponent.estimate < 0.0 and exponent.high < 0.0 else 1.0
    ends = sorted(sign * 100.0 * math.expm1(end) for end in (exponent.low, exponent.high))
    shown = exponent._replace(estimate=sign * 100.0 * math.expm1(exponent.estimate), low=ends[0], high=ends[1])
    estimate, _, interval = between(shown, 1).partition(" ")
    return f"{estimate} % {interval}".rstrip()


def _table(partings: list[Parting]) -> pl.DataFrame:
    import polars as pl

    rows = [_row(each) for each in partings]
    return pl.DataFrame(rows, schema_overrides={"saturation_step": pl.Int64}).fill_nan(None)


def _row(parting: Parting) -> dict[str, Any]:
    found, group = parting.found, parting.group
    return {
        "network": group.network,
        "prompt": parting.prompt,
        "embedder": group.embedder,
        "exponent": found.exponent.estimate,
        "low": found.exponent.low,
        "high": found.exponent.high,
        "standard_error": found.standard_error,
        "r_squared": found.r_squared,
        "early_exponent": found.early.estimate,
        "early_low": found.early.low,
        "early_high": found.early.high,
        "early_r_squared": found.early_r_squared,
        "saturation_step": None if found.saturation is None else int(group.step(found.saturation)),
        "rounds": found.steps,
        "pairs": found.pairs,
        "merged_pairs": found.merged,
        "n": found.exponent.n,
        "caution": joined(parting.cautions),
    }


def _curves(pooled: list[Parting]) -> pl.DataFrame:
    """The log divergence of each network and embedder, and the lines fitted to it."""
    import numpy as np
    import polars as pl

    pieces = []
    for each in pooled:
        curve = each.found.log_divergence
        until = len(curve) - 1 if each.found.saturation is None else each.found.saturation
        pieces.append(
            pl.DataFrame(
                {
                    "network": each.group.network,
                    "embedder": each.group.embedder,
                    "step": each.group.start + each.group.cycle * np.arange(len(curve)),
                    "log_distance": curve,
                    "low": each.found.log_low,
                    "high": each.found.log_high,
                    "line": _line(curve, each.found.exponent.estimate, len(curve) - 1),
                    "early_line": _line(curve, each.found.early.estimate, until),
                }
            )
        )
    return pl.concat(pieces).fill_nan(None)


def _line(curve: Any, slope: float, last: int) -> Any:
    """The least-squares line of this slope through rounds 0 … ``last``; NaN after them."""
    import numpy as np

    rounds = np.arange(len(curve), dtype=np.float64)
    mine = (rounds <= last) & ~np.isnan(curve)
    if not mine.any():
        return np.full(len(curve), np.nan)
    line = curve[mine].mean() + slope * (rounds - rounds[mine].mean())
    return np.where(rounds <= last, line, np.nan)
