"""Mollah et al., arXiv 2509.04438: mean cumulative drift (a mean similarity) and the rate of semantic drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.published.chains import Chains, chains_of, equally_long, told

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.analysis.mean_cumulative_drift import DriftRate

QUESTION = "As Mollah et al. ask: how much of the beginning is kept?"


class Kept(NamedTuple):
    """What one network keeps of generation 0, as one embedder sees it; ``rate`` needs four generations."""

    group: Chains
    similarities: NDArray[np.float64]
    cumulative: Interval
    rate: DriftRate | None


def mollah(evidence: Evidence, request: Request) -> Answer:
    """For each network the mean similarity to generation 0, and the rate at which it falls."""
    found = [_kept(each, request.rng) for each in request.each(chains_of(evidence), "networks")]
    if not found:
        return Answer("mollah", QUESTION, absence="no finished run has vectors of two rounds")
    tables = {"drift": _drift(found), "similarity": _similarity(found)}
    return Answer("mollah", QUESTION, tuple(_finding(each) for each in found), tables)


def _kept(group: Chains, rng: np.random.Generator) -> Kept:
    import numpy as np

    from panic_tda.analysis.mean_cumulative_drift import (
        mean_cumulative_drift,
        semantic_drift_rate,
        similarity_to_start,
    )

    table = np.stack([similarity_to_start(each) for each in equally_long(group.chains)])
    rate = semantic_drift_rate(table) if table.shape[1] >= 4 else None
    return Kept(group, table, mean_cumulative_drift(table, rng), rate)


def _cautions(kept: Kept) -> tuple[str, ...]:
    if kept.rate is None:
        return (*kept.group.cautions, f"only {kept.similarities.shape[1]} generations: no rate")
    return tuple(dict.fromkeys((*kept.group.cautions, *kept.rate.cautions)))


def _finding(kept: Kept) -> Finding:
    generations = kept.similarities.shape[1]
    said = (
        f"{kept.group.who}: over {generations} generations the similarity to generation 0 is "
        f"{told(kept.cumulative)} on average (MCD; 1 the same, 0 nothing in common)"
    )
    if kept.rate is not None and not kept.rate.cautions:
        said += f"; it falls at a rate of {told(kept.rate.rate)} per generation to {kept.rate.plateau:.2f}"
    return finding_of("mean cumulative drift", f"{said}.", kept.cumulative, cautions=_cautions(kept))


def _drift(found: list[Kept]) -> pl.DataFrame:
    import polars as pl

    rows: list[dict[str, Any]] = []
    for each in found:
        row: dict[str, Any] = {
            "embedder": each.group.embedder, "network": each.group.network,
            "generations": each.similarities.shape[1], "mcd": each.cumulative.estimate,
            "mcd_low": each.cumulative.low, "mcd_high": each.cumulative.high,
        }  # fmt: skip
        if each.rate is not None:
            rate = each.rate.rate
            row |= {"rate": rate.estimate, "rate_low": rate.low, "rate_high": rate.high,
                    "amplitude": each.rate.amplitude, "plateau": each.rate.plateau, "rmse": each.rate.rmse}  # fmt: skip
        rows.append(row | {"n": each.cumulative.n, "caution": "; ".join(_cautions(each))})
    numbers = ("mcd", "mcd_low", "mcd_high", "rate", "rate_low", "rate_high", "amplitude", "plateau", "rmse")
    schema = {"embedder": pl.String, "network": pl.String, "generations": pl.Int64,
              **dict.fromkeys(numbers, pl.Float64), "n": pl.Int64, "caution": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col(numbers).fill_nan(None))


def _similarity(found: list[Kept]) -> pl.DataFrame:
    """The mean similarity by generation, and the fitted curve where there is one."""
    import numpy as np
    import polars as pl

    rows = []
    for each in found:
        for generation, similarity in enumerate(each.similarities.mean(axis=0), start=1):
            rate = each.rate
            fitted = None if rate is None else float(
                rate.amplitude * np.exp(-rate.rate.estimate * generation) + rate.plateau
            )  # fmt: skip
            rows.append((each.group.embedder, each.group.network, generation, float(similarity), fitted))
    schema = {"embedder": pl.String, "network": pl.String, "generation": pl.Int64,
              "similarity": pl.Float64, "fitted": pl.Float64}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
