"""How long until a run comes back? First returns near an earlier output, once it has been left, and exact returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.rounds import Rounds, by_group, continued, rounds_of
from panic_tda.answers.words import between, count

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.analysis.return_times import Returns, ReturnTimes

QUESTION = "How long until it comes back?"
QUANTILE = 0.1
FEWEST_ROUNDS = 10
MOST_ROUNDS = 500
_FEW_RUNS = 5
_PAIRS = 5000
_RESAMPLES = 200


def returns(evidence: Evidence, request: Request) -> Answer:
    """For each network the distribution of the rounds until a run is near a place again that it had left.

    Near is closer than nine tenths of the pairs of outputs of different runs, the same distance for all runs under an
    embedder. Runs that stopped in an exact loop are continued by it.
    """
    rounds = evidence.once(rounds_of)
    measured = dict.fromkeys(each.embedder for each in rounds if len(each.steps) >= FEWEST_ROUNDS)
    near = {name: _near([each for each in rounds if each.embedder == name], request.rng) for name in measured}
    if not near:
        return Answer("returns", QUESTION, absence=f"no run has vectors of {FEWEST_ROUNDS} rounds")
    long = [each for each in rounds if each.embedder in near]
    seen = {id(each): _returns(each, near[each.embedder]) for each in request.each(long, "runs")}
    rows, curves, findings = [], [], []
    for key, group in by_group(long).items():
        for kind, place in (("near", 0), ("exact", 1)):
            runs = [seen[id(each)][place] for each in group]
            found = _found(runs, request.rng)
            if found is None:
                continue
            rows.append(_row(key, kind, near[key[0]], *found))
            curves += [(*key, kind, *point) for point in _curve(found[0])]
            findings += [_finding(key, near[key[0]], *found)] if kind == "near" else []
    if not rows:
        return Answer("returns", QUESTION, absence="no run has left a place yet")
    return Answer("returns", QUESTION, tuple(findings), {"networks": _networks(rows), "curve": _curves(curves)})


def _near(rounds: list[Rounds], rng: np.random.Generator) -> float:
    """The distance that a tenth of the pairs of outputs of different runs do not exceed; of a lone run, of its own.

    Runs that stand still, whose own outputs are all near each other, do not shrink what is near for the others.
    """
    import numpy as np

    one = rng.integers(len(rounds), size=_PAIRS)
    other = (one + rng.integers(1, max(len(rounds), 2), size=_PAIRS)) % len(rounds)
    drawn = [
        np.stack(
            [
                rounds[run].vectors[int(place * len(rounds[run].vectors))]
                for run, place in zip(runs, places, strict=True)
            ]
        )
        for runs, places in ((one, rng.random(_PAIRS)), (other, rng.random(_PAIRS)))
    ]
    return float(np.quantile(np.linalg.norm(drawn[0].astype(np.float64) - drawn[1], axis=1), QUANTILE))


def _returns(rounds: Rounds, near: float) -> tuple[Returns, Returns]:
    from panic_tda.analysis.distances import euclidean_distances
    from panic_tda.analysis.recurrence import recurrence_matrix
    from panic_tda.analysis.return_times import first_returns, symbol_returns

    hashes = {step.sequence_number: step.sha256 for step in rounds.trajectory.steps}
    order = continued(rounds.trajectory, rounds.steps)[:MOST_ROUNDS]
    recurrent = recurrence_matrix(euclidean_distances(rounds.vectors[order]), near)
    exact = [hashes[int(rounds.steps[each])] for each in order]
    return first_returns(recurrent, leave_first=True), symbol_returns(exact)


def _found(runs: list[Returns], rng: np.random.Generator) -> tuple[ReturnTimes, Interval] | None:
    """The distribution over all visits, and the interval of its mean over runs; None where no place was left."""
    import numpy as np

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.analysis.pair_bootstrap import percentile_band, tail_probability
    from panic_tda.analysis.return_times import return_times

    left = [each for each in runs if len(each.steps)]
    if not left:
        return None
    found = return_times(left)
    drawn = [
        return_times([left[run] for run in rng.integers(len(left), size=len(left))]).mean for _ in range(_RESAMPLES)
    ]
    low, high = percentile_band(np.array(drawn)[:, None], tail_probability(np.zeros(len(left), np.int64), 0.95))
    return found, Interval(found.mean, float(low[0]), float(high[0]), 0.95, len(left))


def _cautions(found: ReturnTimes, n: int, near: float) -> tuple[str, ...]:
    few = (f"only {count(n, 'run')}",) * (n < _FEW_RUNS)
    exact = ("near is 0: only exact repeats count",) * (near == 0.0)
    return few + exact + tuple(caution.replace("steps", "rounds") for caution in found.cautions)


def _finding(key: tuple[str, str], near: float, found: ReturnTimes, mean: Interval) -> Finding:
    embedder, network = key
    after = "more than " if found.unresolved > 0.0 else ""
    half = f"half are back after {found.median:.0f}" if found.median == found.median else "fewer than half came back"
    said = f"{network} (as {embedder} sees it): "
    if found.returns:
        said += f"what a run has left it comes near again (within {near:.2g}) after {after}{between(mean, 1)} rounds "
        said += f"on average; {half}"
    else:
        said += f"nothing a run has left did it come near again (within {near:.2g}) in {found.longest} rounds"
    return finding_of("returns", f"{said}.", mean, cautions=_cautions(found, mean.n, near))


def _row(key: tuple[str, str], kind: str, near: float, found: ReturnTimes, mean: Interval) -> dict[str, Any]:
    return {
        "embedder": key[0],
        "network": key[1],
        "kind": kind,
        "within": near if kind == "near" else 0.0,
        "mean_rounds": found.mean,
        "low": mean.low,
        "high": mean.high,
        "n": mean.n,
        "median_rounds": found.median,
        "returns": found.returns,
        "not_returned": found.censored,
        "unresolved": found.unresolved,
        "caution": "; ".join(_cautions(found, mean.n, near if kind == "near" else 1.0)),
    }


def _networks(rows: list[dict[str, Any]]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(rows).with_columns(pl.col("low", "high", "median_rounds").cast(pl.Float64).fill_nan(None))


def _curve(found: ReturnTimes) -> list[tuple[float, float]]:
    """Rounds since the visit, and the share of visits not back by then, to the longest time watched."""
    points = [(0.0, 1.0), *zip(found.times.tolist(), found.not_returned.tolist(), strict=True)]
    return [*points, (float(found.longest), points[-1][1])]


def _curves(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    import polars as pl

    schema = {"embedder": pl.String, "network": pl.String, "kind": pl.String,
              "rounds": pl.Float64, "not_returned": pl.Float64}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
