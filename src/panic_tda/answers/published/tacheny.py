"""Tacheny, arXiv 2512.10350: local drift, global drift and dispersion, as distances between vectors (chords).

The paper calibrates similarities by human judgements first; these are not calibrated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.published.chains import Chain, Chains, chains_of, told
from panic_tda.answers.rounds import mean_over_runs

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from panic_tda.analysis.bootstrap import Interval

QUESTION = "As Tacheny asks: do loops contract or explore?"
FEWEST_ROUNDS = 4


class Moves(NamedTuple):
    """Means over a run: of its steps, of its distance to the start, and its dispersion early and late (its halves)."""

    local_drift: float
    global_drift: float
    early_dispersion: float
    late_dispersion: float


def tacheny(evidence: Evidence, request: Request) -> Answer:
    """For each network the means over runs of drift and dispersion, and the local drift round by round."""
    groups = chains_of(evidence, FEWEST_ROUNDS)
    if not groups:
        return Answer("tacheny", QUESTION, absence=f"no finished run has vectors of {FEWEST_ROUNDS} rounds")
    rows, curves, findings = [], [], []
    for group in request.each(groups, "networks"):
        moves = [_moves(chain) for chain in group.chains]
        means = {name: mean_over_runs([getattr(each, name) for each in moves], request.rng) for name in Moves._fields}
        falls = mean_over_runs([each.late_dispersion - each.early_dispersion for each in moves], request.rng)
        means["dispersion_change"] = falls
        rows += [(group, name, mean) for name, mean in means.items()]
        curves.append((group, *_local_drift(group, request.rng)))
        findings.append(_finding(group, means))
    return Answer("tacheny", QUESTION, tuple(findings), {"networks": _networks(rows), "local_drift": _curves(curves)})


def _moves(chain: Chain) -> Moves:
    from panic_tda.analysis.drift import distance_to_previous, distance_to_start
    from panic_tda.analysis.trajectory_dispersion import dispersion

    half = len(chain.vectors) // 2
    return Moves(
        float(distance_to_previous(chain.vectors).mean()),
        float(distance_to_start(chain.vectors)[1:].mean()),
        dispersion(chain.vectors[:half]),
        dispersion(chain.vectors[half:]),
    )


def _local_drift(
    group: Chains, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Mean, band and runs of the distance to the round before, for rounds 1 …."""
    import numpy as np

    from panic_tda.analysis.distance_to_round_zero import mean_by_round
    from panic_tda.analysis.drift import distance_to_previous
    from panic_tda.analysis.pair_bootstrap import percentile_band, run_weights, tail_probability

    one = np.zeros(len(group.chains), np.int64)
    steps = [distance_to_previous(chain.vectors) for chain in group.chains]
    means, runs = mean_by_round(steps, run_weights(one, rng, 1000))
    low, high = percentile_band(means[1:], tail_probability(one, 0.95))
    return means[0], low, high, runs


def _finding(group: Chains, means: dict[str, Interval]) -> Finding:
    change = means["dispersion_change"]
    known = change.low == change.low
    verdict = "neither contracts nor spreads clearly"
    if known and (change.low > 0.0 or change.high < 0.0):
        verdict = "spreads" if change.low > 0.0 else "contracts"
    said = (
        f"{group.who} {verdict}: the outputs of the later half lie {told(means['late_dispersion'])} from their "
        f"centre, those of the earlier half {told(means['early_dispersion'])}; a round moves "
        f"{told(means['local_drift'])} (0 not at all, 2 to the opposite)"
    )
    return finding_of("dispersion", f"{said}.", change, cautions=group.cautions)


def _networks(rows: list[tuple[Chains, str, Interval]]) -> pl.DataFrame:
    import polars as pl

    made = [
        (group.embedder, group.network, name, mean.estimate, mean.low, mean.high, mean.n, "; ".join(group.cautions))
        for group, name, mean in rows
    ]
    schema = {"embedder": pl.String, "network": pl.String, "measure": pl.String, "mean": pl.Float64,
              "low": pl.Float64, "high": pl.Float64, "n": pl.Int64, "caution": pl.String}  # fmt: skip
    return pl.DataFrame(made, schema=schema, orient="row").with_columns(pl.col("low", "high").fill_nan(None))


def _curves(
    curves: list[tuple[Chains, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]],
) -> pl.DataFrame:
    import polars as pl

    frames = [
        pl.DataFrame({"round": range(1, len(mean) + 1), "distance": mean, "low": low, "high": high, "n": runs}).select(
            pl.lit(group.embedder).alias("embedder"),
            pl.lit(group.network).alias("network"),
            "round",
            pl.col("distance", "low", "high").fill_nan(None),
            "n",
            pl.lit("; ".join(group.cautions)).alias("caution"),
        )
        for group, mean, low, high, runs in curves
    ]
    return pl.concat(frames)
