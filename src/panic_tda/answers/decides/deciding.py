"""The answer about what decides: the share of each factor in each outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.decides.factors import factors_of
from panic_tda.answers.decides.outcomes import FEWEST_RUNS, Outcome, outcomes
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.words import percent

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.analysis.permanova import Effect, Permanova

QUESTION = "Which part of the network decides?"


class Decided(NamedTuple):
    """An outcome and its decomposition.

    ``interplay``: the share of what network or models and prompt decide together beyond what each decides; None where
    there are no two runs to each combination. ``left``: the share that is neither a factor's nor interplay.
    """

    outcome: Outcome
    found: Permanova
    interplay: float | None
    left: float


def decides(evidence: Evidence, request: Request) -> Answer:
    """For each outcome the share that network or models, prompt and seed each decide beyond the others."""
    told = [(each, factors_of(each.trajectories)) for each in outcomes(evidence)]
    told = [(each, factors) for each, factors in told if factors]
    if not told:
        return Answer("decides", QUESTION, absence=_absence(evidence))
    decided = [_decide(each, factors, request.rng) for each, factors in request.each(told, "outcomes")]
    tables = {"effects": _effects(decided), "outcomes": _outcomes(decided)}
    return Answer("decides", QUESTION, tuple(map(_finding, decided)), tables)


def _decide(outcome: Outcome, factors: Mapping[str, list[Hashable]], rng: np.random.Generator) -> Decided:
    from panic_tda.analysis.permanova import permanova

    found = permanova(outcome.distances, factors, rng)
    mains = [name for name in factors if name != "seed"]
    cells = list(zip(*(factors[name] for name in mains), strict=True))
    if len(mains) < 2 or min(Counter(cells).values()) < 2:
        return Decided(outcome, found, None, min(1.0, found.unexplained))
    seeds = {"seed": factors["seed"]} if "seed" in factors else {}
    together = permanova(outcome.distances, {"all": cells, **seeds}, rng, permutations=1, resamples=1)
    apart = sum(max(0.0, each.share.estimate) for each in found.effects if each.factor != "seed")
    return Decided(outcome, found, max(0.0, together.effects[0].share.estimate - apart), min(1.0, together.unexplained))


def _absence(evidence: Evidence) -> str:
    finished = [each for each in evidence.trajectories if each.run.stop_reason in ("loop", "length")]
    if len(finished) < FEWEST_RUNS:
        return f"fewer than {FEWEST_RUNS} runs have come to an end"
    if not factors_of(finished):
        return "all runs have the same network and prompt, and no seeds are given"
    return "all runs end alike"


def _finding(decided: Decided) -> Finding:
    outcome, found = decided.outcome, decided.found
    effects = sorted(found.effects, key=lambda each: -_number(each.share.estimate))
    seen = f" (as {outcome.embedder} sees it)" if outcome.embedder else ""
    said = f"{outcome.words[0].upper()}{outcome.words[1:]}{seen}: {'; '.join(map(_effect, effects))}"
    if decided.interplay is not None and decided.interplay == decided.interplay:
        said += (
            f"; their interplay decides {100 * decided.interplay:.0f} %, {100 * decided.left:.0f} % is left to chance"
        )
    elif decided.left == decided.left:
        said += f"; {100 * decided.left:.0f} % is left to their interplay and to chance"
    return finding_of("decides", f"{said}.", _share(effects[0].share), cautions=_cautions(decided))


def _number(value: float) -> float:
    return value if value == value else -1.0


def _effect(effect: Effect) -> str:
    """``the prompt decides 41 % [33, 49] (p = 0.001)``."""
    if effect.p_value != effect.p_value:
        return f"what the {effect.factor} decides cannot be told"
    return f"the {effect.factor} decides {percent(_share(effect.share))} (p = {effect.p_value:.2g})"


def _share(share: Interval) -> Interval:
    """Shares below 0 are chance: they are shown as 0."""
    low, high, estimate = (
        max(0.0, value) if value == value else value for value in (share.low, share.high, share.estimate)
    )
    return share._replace(low=low, high=high, estimate=estimate)


def _cautions(decided: Decided) -> tuple[str, ...]:
    """Those of the factors in few words: a caution that several share is told once."""
    shared: dict[str, list[str]] = {}
    for effect in decided.found.effects:
        for caution in effect.cautions:
            brief = "not balanced, so the shares overlap" if caution.startswith("not balanced") else caution
            shared.setdefault(brief, []).append(effect.factor)
    of_factors = tuple(f"{' and '.join(names)}: {caution}" for caution, names in shared.items())
    return (*decided.outcome.cautions, *decided.found.cautions, *of_factors)


def _effects(decided: Sequence[Decided]) -> pl.DataFrame:
    import polars as pl

    rows = [
        {
            "outcome": each.outcome.name,
            "embedder": each.outcome.embedder,
            "factor": effect.factor,
            "levels": effect.levels,
            "df": effect.df,
            "share": effect.share.estimate,
            "low": effect.share.low,
            "high": effect.share.high,
            "n": effect.share.n,
            "p_value": effect.p_value,
            "partial_r2": effect.partial_r2,
            "pseudo_f": effect.pseudo_f,
            "rearranged": effect.scheme,
            "dispersion_p": effect.dispersion_p,
            "caution": "; ".join(effect.cautions),
        }
        for each in decided
        for effect in each.found.effects
    ]
    numbers = ("share", "low", "high", "p_value", "partial_r2", "pseudo_f", "dispersion_p")
    return pl.DataFrame(rows).with_columns(pl.col(*numbers).fill_nan(None))


def _outcomes(decided: Sequence[Decided]) -> pl.DataFrame:
    import polars as pl

    rows = [
        {
            "outcome": each.outcome.name,
            "words": each.outcome.words,
            "embedder": each.outcome.embedder,
            "runs": each.found.n,
            "interplay": each.interplay,
            "left": each.left,
            "residual_df": each.found.residual_df,
            "permutations": each.found.permutations,
            "caution": "; ".join((*each.outcome.cautions, *each.found.cautions)),
        }
        for each in decided
    ]
    return pl.DataFrame(rows).with_columns(pl.col("interplay", "left").cast(pl.Float64).fill_nan(None))
