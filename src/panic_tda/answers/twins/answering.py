"""The answer about twins: what became of each change, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.twins import tables
from panic_tda.answers.twins.groups import Changed, Seen, Sized, by_change, by_network, noise_floors
from panic_tda.answers.twins.pairs import Beside, pairs_of
from panic_tda.answers.words import between, percent

if TYPE_CHECKING:
    from panic_tda.analysis.bootstrap import Interval

QUESTION = "Does a small change matter?"


def twins(evidence: Evidence, request: Request) -> Answer:
    """For each twin when it differs from its run and is the same again; for each change how far apart they end."""
    pairs = pairs_of(evidence)
    if not pairs:
        return Answer("twins", QUESTION, absence=_absence(evidence))
    beside = Beside(evidence)
    separations = [each for pair in request.each(pairs, "pairs") for each in beside.separations(pair)]
    changed = by_change(pairs, separations, noise_floors(evidence), request.rng)
    sized = by_network(separations, request.rng)
    findings = (*map(_finding, changed), *(found for each in sized for found in _growth_finding(each)))
    return Answer("twins", QUESTION, findings, tables.tables(pairs, separations, changed, sized))


def _absence(evidence: Evidence) -> str:
    if evidence.twins is None:
        return "no run has a twin; give twins in the experiment file"
    return "no pair of a run and its twin has made anything yet"


def _finding(changed: Changed) -> Finding:
    differed = len(changed.pairs) - changed.never
    said = f"{changed.network}: with {changed.change.words}, "
    if not differed:
        said += "no twin ever differs from its run: there it makes no difference"
    else:
        said += f"{len(changed.merges):,} of {differed:,} {'twin' if differed == 1 else 'twins'} "
        said += f"{'is' if len(changed.merges) == 1 else 'are'} the same as their run again, {percent(changed.share)}"
        if len(changed.merges) > 1:
            said += f", half of these by step {changed.merges[(len(changed.merges) - 1) // 2]}"
        if len(changed.merges) < differed:
            others = "the others end" if changed.merges else "they end"
            said += "".join(f"; {others} {_apart(seen)}" for seen in changed.seen)
    return finding_of("twins", f"{said}.", changed.share, details=_details(changed), cautions=changed.cautions)


def _apart(seen: Seen) -> str:
    """``0.92 [0.80, 1.03] apart (MiniLM), as far as runs with other seeds (0.95)``."""
    said = f"{between(seen.final)} apart ({seen.embedder})"
    if seen.floor is None:
        return said
    comparison = "closer than" if seen.final.high < seen.floor else "as far as"
    comparison = "farther than" if seen.final.low > seen.floor else comparison
    if seen.final.low != seen.final.low:
        comparison = "beside"
    return f"{said}, {comparison} runs with other seeds ({seen.floor:.2f})"


def _details(changed: Changed) -> tuple[str, ...]:
    return tuple(
        f"“{pair.run.prompt}”, seed {pair.run.seed}: "
        + ("never differs" if pair.differ is None else f"differs from step {pair.differ}")
        + (f", the same again from step {pair.merge}" if pair.merged else "")
        for pair in changed.pairs
    )


def _growth_finding(sized: Sized) -> Iterator[Finding]:
    growth = sized.growth
    if growth.rate.estimate != growth.rate.estimate:
        return
    until = f" until round {growth.saturation}" if growth.saturation is not None else ""
    said = (
        f"{sized.network} (as {sized.embedder} sees it): from round to round a difference {_way(growth.rate)}{until}, "
    )
    said += f"a factor of {between(growth.factor)} each"
    if how := _size_words(sized.size.exponent):
        said += f"; what is left of it in the end {how} (exponent {between(sized.size.exponent)})"
    cautions = tuple(caution.replace("step", "round") for caution in growth.cautions)
    more = tuple(f"exponent: {caution}" for caution in sized.size.cautions if caution not in growth.cautions)
    yield finding_of("twins growth", f"{said}.", growth.factor, cautions=cautions + more)


def _way(rate: Interval) -> str:
    if rate.low > 0.0:
        return "grows"
    return "shrinks" if rate.high < 0.0 else "neither grows nor shrinks"


def _size_words(exponent: Interval) -> str:
    """What the exponent says, where it says one thing only."""
    if exponent.low <= 0.0 <= exponent.high:
        return "" if exponent.high >= 1.0 else "does not depend on how large it was"
    if exponent.low <= 1.0 <= exponent.high:
        return "is in proportion to how large it was"
    return "depends on how large it was, but not in proportion" if exponent.low == exponent.low else ""
