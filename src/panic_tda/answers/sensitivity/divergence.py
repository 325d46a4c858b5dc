"""How far runs of other prompts lie apart, against runs of the same prompt with other seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.analysis.bootstrap import Interval
from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.sensitivity.groups import QUESTION, RESAMPLES, Group, groups, joined
from panic_tda.answers.trajectory import evenly
from panic_tda.answers.words import between, count

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from panic_tda.analysis.divergence import DivergenceCurve

MOST_ROUNDS = 120
"""Rounds of a curve, evenly chosen; its last is always among them."""


class Apart(NamedTuple):
    """A group's distances by round, at ``rounds``, and where each run ends: of the same prompt, of others, and more."""

    group: Group
    rounds: list[int]
    curves: dict[str, DivergenceCurve]
    ends: dict[str, Interval]
    cautions: tuple[str, ...]


def divergence(evidence: Evidence, request: Request) -> Answer:
    """For each network and embedder the mean distance between runs, round by round and at the end."""
    several = [group for group in groups(evidence) if len(group.sides) > 1]
    if not several:
        return Answer("divergence", QUESTION, absence="no two runs of a network have vectors of the same embedder")
    found = [_apart(group, request.rng) for group in request.each(several, "networks and embedders")]
    return Answer("divergence", QUESTION, tuple(map(_finding, found)), {"ends": _ends(found), "curves": _curves(found)})


def _apart(group: Group, rng: np.random.Generator) -> Apart:
    from panic_tda.analysis.divergence import divergence_curve, prompt_divergence

    longest = max(len(points) for points in group.points)
    rounds = evenly(longest, MOST_ROUNDS)
    thinned = [points[[each for each in rounds if each < len(points)]] for points in group.points]
    lasts = [points[-1:] for points in group.points]
    prompts = group.prompts
    if 1 < len(set(prompts)) < len(prompts):
        whole, end = (prompt_divergence(each, prompts, rng, resamples=RESAMPLES) for each in (thinned, lasts))
        curves = {"same prompt": whole.same, "different prompts": whole.different}
        ends = {"same": end.same, "different": end.different, "excess": end.excess}
        cautions = end.cautions + end.excess.cautions + _ending(whole.different)
    else:
        kind = "different prompts" if len(set(prompts)) > 1 else "same prompt"
        curve, end_curve = (divergence_curve(each, rng, resamples=RESAMPLES) for each in (thinned, lasts))
        curves, ends = {kind: curve}, {kind.split()[0]: end_curve}
        cautions = end_curve.cautions + _ending(curve)
    intervals = {name: _interval(each) for name, each in ends.items()}
    return Apart(group, rounds, curves, intervals, group.cautions + cautions)


def _ending(curve: DivergenceCurve) -> tuple[str, ...]:
    return tuple(caution for caution in curve.cautions if "end at different" in caution)


def _interval(curve: DivergenceCurve) -> Interval:
    return Interval(float(curve.mean[0]), float(curve.low[0]), float(curve.high[0]), curve.level, curve.runs)


def _finding(apart: Apart) -> Finding:
    group, ends = apart.group, apart.ends
    prompts = len(set(group.prompts))
    details = (f"{count(len(group.sides), 'run')} of {count(prompts, 'prompt')}",)
    if "excess" not in ends:
        (kind, interval), *_ = ends.items()
        runs = "runs of the same prompt with other seeds" if kind == "same" else "runs of different prompts"
        missing = "there is no other prompt" if kind == "same" else "no prompt has two runs"
        said = f"{group.name}: {runs} end {between(interval)} apart; {missing} to hold that against."
        return finding_of("divergence", said, interval, details=details, cautions=apart.cautions)
    said = (
        f"{group.name}: runs from different prompts end {between(ends['different'])} apart, "
        f"against {between(ends['same'])} between runs of the same prompt: {_verdict(ends['excess'])}."
    )
    return finding_of("divergence", said, ends["excess"], details=details, cautions=apart.cautions)


def _verdict(excess: Interval) -> str:
    if excess.low != excess.low:
        return "too few runs to say whether the prompt still shows"
    if excess.low > 0.0:
        return "the prompt still shows"
    return "no trace of the prompt can be told" if excess.high >= 0.0 else "the seed matters more than the prompt"


def _ends(found: list[Apart]) -> pl.DataFrame:
    import polars as pl

    rows = [
        {
            "network": each.group.network,
            "embedder": each.group.embedder,
            "kind": kind,
            "distance": interval.estimate,
            "low": interval.low,
            "high": interval.high,
            "n": interval.n,
            "prompts": len(set(each.group.prompts)),
            "caution": joined(each.cautions),
        }
        for each in found
        for kind, interval in each.ends.items()
    ]
    return pl.DataFrame(rows).fill_nan(None)


def _curves(found: list[Apart]) -> pl.DataFrame:
    import polars as pl

    rows: list[dict[str, Any]] = []
    for each in found:
        for kind, curve in each.curves.items():
            for place, pairs in enumerate(curve.pairs.tolist()):
                rows.append(
                    {
                        "network": each.group.network,
                        "embedder": each.group.embedder,
                        "kind": kind,
                        "step": int(each.group.step(each.rounds[place])),
                        "distance": float(curve.mean[place]),
                        "low": float(curve.low[place]),
                        "high": float(curve.high[place]),
                        "pairs": pairs,
                    }
                )
    return pl.DataFrame(rows).fill_nan(None)
