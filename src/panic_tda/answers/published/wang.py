"""Wang et al., arXiv 2502.15208: do texts alternate? The 2-periodicity degree by edit distance, and near periods."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.published.chains import FEW_RUNS, Chain, chain_cautions, chains_of, ended, texts_of
from panic_tda.answers.rounds import mean_over_runs
from panic_tda.answers.trajectory import Run, Trajectory
from panic_tda.answers.words import count, percent

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from panic_tda.analysis.periodicity import Periodicity

QUESTION = "As Wang et al. ask: do loops alternate?"
MOST_ROUNDS = 60
FEWEST_TEXTS = 4
FEWEST_ROUNDS = 8


class Degrees(NamedTuple):
    """Similarity of a run's texts one and two rounds apart: 1 − mean normalised edit distance, 1 for equal texts."""

    run: Run
    texts: int
    one_apart: float
    two_apart: float


class Period(NamedTuple):
    """The near period of a run under an embedder; None where its outputs stand still."""

    embedder: str
    run: Run
    found: Periodicity

    @property
    def significant(self) -> bool:
        """Whether the period is unlikely to be chance."""
        return self.found.p_value <= 0.05


def wang(evidence: Evidence, request: Request) -> Answer:
    """The degree of each run that makes texts, and the near period of each (embedder, run) with enough rounds."""
    ends = [each for each in evidence.trajectories if ended(each)]
    degrees = [found for each in request.each(ends, "texts") if (found := _degrees(each)) is not None]
    groups = chains_of(evidence, FEWEST_ROUNDS)
    chains = [(group.embedder, chain) for group in groups for chain in group.chains]
    periods = [_period(*each, request.rng) for each in request.each(chains, "periods")]
    if not degrees and not periods:
        return Answer(
            "wang", QUESTION, absence=f"no finished run has {FEWEST_TEXTS} texts or vectors of {FEWEST_ROUNDS} rounds"
        )
    runs = Counter(each.run.network for each in evidence.trajectories)
    findings = [*_degree_findings(degrees, runs, request.rng), *_period_findings(periods)]
    tables = {"degrees": _degree_table(degrees), "periods": _period_table(periods)}
    return Answer("wang", QUESTION, tuple(findings), tables)


def _degrees(trajectory: Trajectory) -> Degrees | None:
    from panic_tda.analysis.edit_distance import normalised_edit_distance

    texts = texts_of(trajectory)[:MOST_ROUNDS]
    if len(texts) < FEWEST_TEXTS:
        return None
    one, two = (
        1.0
        - sum(normalised_edit_distance(*pair) for pair in zip(texts, texts[lag:], strict=False)) / (len(texts) - lag)
        for lag in (1, 2)
    )
    return Degrees(trajectory.run, len(texts), one, two)


def _period(embedder: str, chain: Chain, rng: np.random.Generator) -> Period:
    from panic_tda.analysis.distances import euclidean_distances
    from panic_tda.analysis.periodicity import periodicity

    distances = euclidean_distances(chain.vectors[:MOST_ROUNDS])
    return Period(embedder, chain.run, periodicity(distances, rng, surrogates=99))


def _degree_findings(degrees: list[Degrees], runs: Counter[str], rng: np.random.Generator) -> list[Finding]:
    findings = []
    for network in dict.fromkeys(each.run.network for each in degrees):
        group = [each for each in degrees if each.run.network == network]
        two = mean_over_runs([each.two_apart for each in group], rng)
        one = mean_over_runs([each.one_apart for each in group], rng)
        more = mean_over_runs([each.two_apart - each.one_apart for each in group], rng)
        verdict = "texts alternate" if more.low > 0.0 else "texts do not alternate"
        said = (
            f"{network}: {verdict}: two rounds apart they agree in {percent(two)} of their letters (2-periodicity "
            f"degree), one round apart in {percent(one)}"
        )
        still = sum(each.one_apart == 1.0 for each in group)
        cautions = (*chain_cautions(len(group), runs[network]), *(f"{count(still, 'run')} stood still",) * (still > 0))
        findings.append(finding_of("2-periodicity", f"{said}.", two, cautions=cautions))
    return findings


def _period_findings(periods: list[Period]) -> list[Finding]:
    from panic_tda.analysis.shares import share_interval

    findings = []
    for embedder, network in dict.fromkeys((each.embedder, each.run.network) for each in periods):
        group = [each for each in periods if (each.embedder, each.run.network) == (embedder, network)]
        found = [each.found.period for each in group if each.significant]
        share = share_interval(len(found), len(group))
        seen = ", ".join(f"{period} × {number}" for period, number in Counter(found).most_common(4))
        go = "goes" if len(found) == 1 else "go"
        said = (
            f"{network} (as {embedder} sees it): {len(found):,} of {count(len(group), 'run')} {go} round in a period, "
        )
        said += f"{percent(share)} (5 % would by chance)" + (f"; rounds: {seen}" if seen else "")
        cautions = (f"only {count(len(group), 'run')}",) * (len(group) < FEW_RUNS)
        findings.append(finding_of("near period", f"{said}.", share, cautions=cautions))
    return findings


def _degree_table(degrees: list[Degrees]) -> pl.DataFrame:
    import polars as pl

    rows: list[dict[str, Any]] = [
        _of_run(each.run)
        | {"texts": each.texts, "degree_1": each.one_apart, "degree_2": each.two_apart}
        | {"caution": "it stands still: every degree is 1" if each.one_apart == 1.0 else ""}
        for each in degrees
    ]
    schema = {**_run_columns(), "texts": pl.Int64, "degree_1": pl.Float64, "degree_2": pl.Float64, "caution": pl.String}
    return pl.DataFrame(rows, schema=schema)


def _period_table(periods: list[Period]) -> pl.DataFrame:
    import polars as pl

    rows: list[dict[str, Any]] = [
        _of_run(each.run)
        | {"embedder": each.embedder, "period": each.found.period if each.significant else None}
        | {"likeliest": each.found.period, "contrast": each.found.contrast, "p_value": each.found.p_value}
        | {"caution": "; ".join(each.found.cautions).replace("outputs", "rounds")}
        for each in periods
    ]
    schema = {**_run_columns(), "embedder": pl.String, "period": pl.Int64, "likeliest": pl.Int64,
              "contrast": pl.Float64, "p_value": pl.Float64, "caution": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def _of_run(run: Run) -> dict[str, Any]:
    return {"run_id": run.run_id, "network": run.network, "prompt": run.prompt, "seed": run.seed}


def _run_columns() -> dict[str, Any]:
    import polars as pl

    return {"run_id": pl.String, "network": pl.String, "prompt": pl.String, "seed": pl.Int64}
