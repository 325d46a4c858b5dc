"""The answer about twins: what became of each change, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.twins import tables
from panic_tda.answers.twins.groups import Changed, Seen, Sized, by_change, by_network, noise_floors
from panic_tda.answers.twins.pairs import Beside, pairs_of
from panic_tda.answers.words import between, count, percent

if TYPE_CHECKING:
    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.analysis.twins import TwinGrowth

QUESTION = "Does a small change matter?"
_FEWEST_ROUNDS = 3
"""Fewer rounds of growth before separations are flat are no growth to speak of."""
_MOST_SIZES = 3


def twins(evidence: Evidence, request: Request) -> Answer:
    """For each twin when it differs from its run and is the same again; for each change how far apart they end."""
    pairs = pairs_of(evidence)
    if not pairs:
        return Answer("twins", QUESTION, absence=_absence(evidence))
    beside = Beside(evidence)
    separations = [each for pair in request.each(pairs, "pairs") for each in beside.separations(pair)]
    changed = by_change(pairs, separations, noise_floors(evidence), request.rng)
    sized = by_network(changed, request.rng)
    findings = [*map(_finding, _telling(changed)), *(found for each in sized for found in _growth_finding(each))]
    return Answer("twins", QUESTION, tuple(findings), tables.tables(pairs, separations, changed, sized))


def _telling(changed: Sequence[Changed]) -> list[Changed]:
    """All, or of many changes of a network's prompts the smallest and the largest; the tables hold every one."""
    sizes: dict[str, list[Changed]] = {}
    for each in changed:
        if each.change.kind == "prompt":
            sizes.setdefault(each.network, []).append(each)
    left_out = [each for of_network in sizes.values() if len(of_network) > _MOST_SIZES for each in of_network[1:-1]]
    return [each for each in changed if each not in left_out]


def _absence(evidence: Evidence) -> str:
    if evidence.twins is None:
        return "no run has a twin; give twins in the experiment file"
    return "no pair of a run and its twin has made anything yet"


def _finding(changed: Changed) -> Finding:
    differed = len(changed.pairs) - changed.never
    said = f"{changed.network}: with {changed.change.words}, "
    if not differed:
        said += "no twin ever differs from its run: there it makes no difference."
        return finding_of("twins", said, changed.share, cautions=changed.cautions[:-1])
    said += f"{_again(len(changed.merges), differed)}, {percent(changed.share)}"
    if len(changed.merges) > 1:
        said += f", half of these by step {changed.merges[(len(changed.merges) - 1) // 2]}"
    if len(changed.merges) < differed and changed.seen:
        others = "the others end" if changed.merges else "they end"
        said += f"; {others} {', and '.join(map(_apart, changed.seen))}"
    return finding_of("twins", f"{said}.", changed.share, details=_details(changed), cautions=changed.cautions)


def _again(merged: int, differed: int) -> str:
    twins = "twin" if differed == 1 else "twins"
    same = "is the same as its" if merged == 1 else "are the same as their"
    return f"{merged:,} of {differed:,} {twins} {same} run again"


def _apart(seen: Seen) -> str:
    """``0.92 [0.80, 1.03] apart (MiniLM), as far as runs with other seeds (0.95)``."""
    said = f"{between(seen.final)} apart ({seen.embedder})"
    if seen.floor is None:
        return said
    if seen.final.low != seen.final.low:
        return f"{said}, runs with other seeds {seen.floor:.2f}"
    comparison = "closer than" if seen.final.high < seen.floor else "as far as"
    comparison = "farther than" if seen.final.low > seen.floor else comparison
    return f"{said}, {comparison} runs with other seeds ({seen.floor:.2f})"


def _details(changed: Changed) -> tuple[str, ...]:
    return tuple(
        f"“{pair.run.prompt}”, seed {pair.run.seed}: "
        + ("never differs" if pair.differ is None else f"differs from step {pair.differ}")
        + (f", the same again from step {pair.merge}" if pair.merged else "")
        for pair in changed.pairs
    )


def _growth_finding(sized: Sized) -> Iterator[Finding]:
    growth = sized.smallest.growth
    if growth.rate.estimate != growth.rate.estimate:
        return
    at_once = growth.saturation is not None and growth.last - growth.first < _FEWEST_ROUNDS
    said = f"{sized.network} (as {sized.embedder} sees it): with {sized.smallest.change.words}, "
    said += _at_once(growth) if at_once else _way(growth)
    if how := _size_words(sized.size.exponent):
        said += f"; of all changes, what is left in the end {how} (exponent {between(sized.size.exponent)})"
    known = ("neither", "the rate rests", "saturated", "R²") if at_once else ("neither",)
    cautions = [each.replace("step", "round") for each in growth.cautions if not each.startswith(known)]
    cautions += [each for each in sized.size.cautions if how and "factor" in each]
    yield finding_of("twins growth", f"{said}.", growth.factor, cautions=tuple(cautions))


def _at_once(growth: TwinGrowth) -> str:
    return f"a difference is as large as it gets within {count(growth.last - growth.first, 'round')}"


def _way(growth: TwinGrowth) -> str:
    """What becomes of a difference from round to round."""
    factor = f"from round to round (factor {between(growth.factor)})"
    if growth.rate.low > 0.0:
        until = f", for {growth.last - growth.first} rounds" if growth.saturation is not None else ""
        return f"a difference grows {factor}{until}"
    return f"a difference {'shrinks' if growth.rate.high < 0.0 else 'is not seen to grow or shrink'} {factor}"


def _size_words(exponent: Interval) -> str:
    """What the exponent says, where it says one thing only."""
    if exponent.low <= 0.0 <= exponent.high:
        return "" if exponent.high >= 1.0 else "is not seen to depend on the first difference"
    if exponent.low <= 1.0 <= exponent.high:
        return "is in proportion to the first difference"
    return "depends on the first difference, but not in proportion" if exponent.low == exponent.low else ""
