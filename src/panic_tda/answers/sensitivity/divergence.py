"""How far runs of other prompts lie apart, against runs of the same prompt with other seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.analysis.bootstrap import Interval
from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.sensitivity.groups import QUESTION, RESAMPLES, Group, distance_words, groups, in_rounds, joined
from panic_tda.answers.trajectory import evenly
from panic_tda.answers.words import count

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from panic_tda.analysis.divergence import DivergenceCurve
    from panic_tda.analysis.group_test import GroupTest

SIGNIFICANT = 0.05
MOST_ROUNDS = 120
"""Rounds of a curve, evenly chosen; its last is always among them."""


class Apart(NamedTuple):
    """The distances of a group by round, at ``rounds``, and between the ends of its runs.

    ``ends`` are those of the ``same`` prompt, of ``different`` ones, and their difference, the ``excess``; the ``test``
    exchanges prompts between runs. A group with one prompt, or one run of each, has only the one or the other.
    """

    group: Group
    rounds: list[int]
    curves: dict[str, DivergenceCurve]
    ends: dict[str, Interval]
    test: GroupTest | None
    cautions: tuple[str, ...]


def divergence(evidence: Evidence, request: Request) -> Answer:
    """For each network and embedder the mean distance between runs, round by round and at the end."""
    several = [group for group in groups(evidence) if len(group.sides) > 1]
    if not several:
        return Answer("divergence", QUESTION, absence="no two runs of a network have vectors of the same embedder")
    found = [_apart(group, request.rng) for group in request.each(several, "networks and embedders")]
    return Answer("divergence", QUESTION, tuple(map(_finding, found)), {"ends": _ends(found), "curves": _curves(found)})


def _apart(group: Group, rng: np.random.Generator) -> Apart:
    rounds = evenly(max(len(points) for points in group.points), MOST_ROUNDS)
    thinned = [points[[each for each in rounds if each < len(points)]] for points in group.points]
    prompts = len(set(group.prompts))
    if 1 < prompts < len(group.sides):
        return _against_the_floor(group, rounds, thinned, rng)
    return _without_a_floor(group, rounds, thinned, "different" if prompts > 1 else "same", rng)


def _against_the_floor(
    group: Group, rounds: list[int], thinned: list[NDArray[np.float32]], rng: np.random.Generator
) -> Apart:
    from panic_tda.analysis.distances import euclidean_distances
    from panic_tda.analysis.divergence import prompt_divergence
    from panic_tda.analysis.group_test import group_test

    lasts = [points[-1:] for points in group.points]
    whole, end = (prompt_divergence(each, group.prompts, rng, resamples=RESAMPLES) for each in (thinned, lasts))
    distances = euclidean_distances([points[0] for points in lasts])
    test = group_test(distances, group.prompts, rng, resamples=1)
    return Apart(
        group,
        rounds,
        {"same": whole.same, "different": whole.different},
        {"same": _interval(end.same), "different": _interval(end.different), "excess": _interval(end.excess)},
        test,
        group.cautions + end.excess.cautions + test.cautions + _uneven(whole.different),
    )


def _without_a_floor(
    group: Group, rounds: list[int], thinned: list[NDArray[np.float32]], kind: str, rng: np.random.Generator
) -> Apart:
    from panic_tda.analysis.divergence import divergence_curve

    whole = divergence_curve(thinned, rng, resamples=RESAMPLES)
    end = divergence_curve([points[-1:] for points in group.points], rng, resamples=RESAMPLES)
    cautions = group.cautions + end.cautions + _uneven(whole)
    return Apart(group, rounds, {kind: whole}, {kind: _interval(end)}, None, cautions)


def _uneven(curve: DivergenceCurve) -> tuple[str, ...]:
    return in_rounds(tuple(caution for caution in curve.cautions if "end at different" in caution))


def _interval(curve: DivergenceCurve) -> Interval:
    return Interval(float(curve.mean[0]), float(curve.low[0]), float(curve.high[0]), curve.level, curve.runs)


def _finding(apart: Apart) -> Finding:
    group, ends = apart.group, {name: distance_words(end) for name, end in apart.ends.items()}
    details = (f"{count(len(group.sides), 'run')} of {count(len(set(group.prompts)), 'prompt')}",)
    if apart.test is not None:
        said = (
            f"runs from different prompts end {ends['different']} apart, against {ends['same']} between runs of the "
            f"same prompt: {_verdict(apart.test)}"
        )
        value = apart.ends["excess"]
    elif "same" in ends:
        said = f"runs of the same prompt with other seeds end {ends['same']} apart; there is no other prompt"
        value = apart.ends["same"]
    else:
        said = f"runs from different prompts end {ends['different']} apart; no two runs share a prompt"
        value = apart.ends["different"]
    return finding_of("divergence", f"{group.name}: {said}.", value, details=details, cautions=apart.cautions)


def _verdict(test: GroupTest) -> str:
    if test.least_p > SIGNIFICANT:
        return "too few runs to tell whether the prompt still shows"
    shows = "the prompt still shows" if test.p_value <= SIGNIFICANT else "no trace of the prompt can be told"
    return f"{shows} (p = {test.p_value:.2g})"


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
            "p_value": None if each.test is None else each.test.p_value,
            "prompts": len(set(each.group.prompts)),
            "caution": joined(each.cautions),
        }
        for each in found
        for kind, interval in each.ends.items()
    ]
    return pl.DataFrame(rows, schema_overrides={"p_value": pl.Float64}).fill_nan(None)


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
