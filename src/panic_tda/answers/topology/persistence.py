"""What shape has its way? Pieces, loops and voids of each run, and how far entropy only counts distinct outputs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.rounds import mean_over_runs
from panic_tda.answers.topology.shapes import Shape, run_columns, shapes_of
from panic_tda.answers.words import between, count

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from panic_tda.analysis.bootstrap import Interval

QUESTION = "What shape has its way?"
CONFOUNDED = 0.7
"""Rank correlations from here on say that an entropy mostly counts distinct outputs."""

INTERVAL = ("correlation", "low", "high")

_FEW_POINTS = 5
_FEW_RUNS = 5
_RESAMPLES = 1000


def persistence(evidence: Evidence, request: Request) -> Answer:
    """For each run the bars by dimension, the longest and their entropies; for each embedder what these depend on."""
    import polars as pl

    seen = shapes_of(evidence)
    if not seen:
        return Answer("persistence", QUESTION, absence="no run has a persistence diagram")
    runs = pl.DataFrame(
        [_row(shape) for shapes in seen.values() for shape in request.each(shapes, "runs")], infer_schema_length=None
    )
    measured = Counter(cloud.model for cloud in evidence.clouds)
    tables = {"runs": runs, "entropy": _entropies(runs, request.rng)}
    findings = [each for embedder in seen for each in _findings(embedder, tables, measured[embedder], request.rng)]
    return Answer("persistence", QUESTION, tuple(findings), tables)


def _row(shape: Shape) -> dict[str, Any]:
    from panic_tda.analysis.persistent_entropy import persistent_entropy

    row = run_columns(shape) | {"points": shape.points, "distinct_points": shape.distinct_points}
    for dimension, bars in enumerate(shape.bars):
        entropy = persistent_entropy(bars)
        row |= {
            f"bars_h{dimension}": len(bars),
            f"longest_h{dimension}": shape.longest(dimension),
            f"entropy_h{dimension}": entropy.plain,
            f"normalised_entropy_h{dimension}": entropy.normalised,
        }
    return row | {"caution": "; ".join(_run_cautions(shape))}


def _run_cautions(shape: Shape) -> Iterator[str]:
    if shape.distinct_points < _FEW_POINTS:
        yield f"only {count(shape.distinct_points, 'distinct output')}"
    elif shape.repeats:
        yield f"{shape.repeats:,} of {count(shape.points, 'output')} are repeats, which have no bars of their own"
    if shape.covering_radius > 0.0:
        yield f"a sample stands for all outputs: ends of bars are right within {2 * shape.covering_radius:.2g}"


def _entropies(runs: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Rank correlation over runs of each entropy with the number of distinct outputs."""
    import polars as pl

    from panic_tda.analysis.rank_correlation import rank_correlation

    rows = []
    for group in runs.partition_by("embedder", maintain_order=True):
        for name in (name for name in runs.columns if "entropy" in name and group[name].null_count() < len(group)):
            found = rank_correlation(group["distinct_points"], group[name], rng, resamples=_RESAMPLES)
            rows.append(
                {
                    "embedder": group["embedder"][0],
                    "dimension": int(name[-1]),
                    "normalised": name.startswith("normalised"),
                    "correlation": found.estimate,
                    "low": found.low,
                    "high": found.high,
                    "n": found.n,
                    "caution": "; ".join(_entropy_cautions(group["distinct_points"], found)),
                }
            )
    return pl.DataFrame(rows).with_columns(pl.col(INTERVAL).fill_nan(None))


def _entropy_cautions(distinct: pl.Series, found: Interval) -> Iterator[str]:
    if distinct.n_unique() == 1:
        yield "all runs have the same number of distinct outputs"
    elif found.estimate != found.estimate:
        yield "it is the same in all runs"
    elif abs(found.estimate) >= CONFOUNDED:
        yield "it mostly counts distinct outputs"
    if found.n < _FEW_RUNS:
        yield f"only {count(found.n, 'run')}"


def _findings(embedder: str, tables: dict[str, pl.DataFrame], runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    mine = tables["runs"].filter(tables["runs"]["embedder"] == embedder)
    loops = mean_over_runs(mine["bars_h1"].to_list(), rng)
    longest = mean_over_runs(mine["longest_h1"].to_list(), rng)
    said = (
        f"As {embedder} sees it, the way of a run closes into {between(loops, 1)} loops on average; the longest of "
        f"each run lasts {between(longest, _digits(longest))} (from the distance at which it closes to that at which "
        "its hole is filled; outputs lie at most 2 apart)."
    )
    yield finding_of("persistence", said, loops, cautions=tuple(_shape_cautions(mine, runs)))
    entropies = tables["entropy"].filter(tables["entropy"]["embedder"] == embedder, dimension=0).sort("normalised")
    yield _entropy_finding(embedder, *entropies.rows(named=True))


def _digits(interval: Interval) -> int:
    """Decimals that show two digits of a small estimate."""
    return 2 if interval.estimate <= 0.0 else max(2, 1 - math.floor(math.log10(interval.estimate)))


def _shape_cautions(mine: pl.DataFrame, runs: int) -> Iterator[str]:
    if len(mine) < _FEW_RUNS:
        yield f"only {count(len(mine), 'run')}"
    if len(mine) < runs:
        yield f"{runs - len(mine)} of {count(runs, 'run')} have no diagram"
    repeating = int((mine["distinct_points"] < mine["points"]).sum())
    if repeating:
        yield f"{repeating} of {count(len(mine), 'run')} repeat outputs, which then count once"


def _entropy_finding(embedder: str, plain: dict[str, Any], normalised: dict[str, Any]) -> Finding:
    from panic_tda.analysis.bootstrap import Interval

    def interval(row: dict[str, Any]) -> Interval:
        estimate, low, high = (float("nan") if row[name] is None else row[name] for name in INTERVAL)
        return Interval(estimate, low, high, 0.95, row["n"])

    if plain["correlation"] is None:
        said = f"As {embedder} sees it, entropies need no correction for the number of outputs: {plain['caution']}."
        return Finding("entropy", said, 0.0, n=plain["n"])
    said = (
        f"As {embedder} sees it, persistent entropy (H0) goes with the number of distinct outputs, rank correlation "
        f"{between(interval(plain))}"
    )
    if normalised["correlation"] is not None:
        said += f"; normalised entropy {between(interval(normalised))}"
    cautions = tuple(caution for caution in plain["caution"].split("; ") if caution)
    return finding_of("entropy", f"{said}.", interval(plain), cautions=cautions)
