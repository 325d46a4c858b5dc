"""Does shape say more than repeats do? What repeats and dwell times leave unexplained, and whether that tells runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding
from panic_tda.answers.topology.alike import FACTORS, Factor, grouped, holm, tested
from panic_tda.answers.topology.shapes import Shape, shapes_of

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

QUESTION = "Does shape say more than repeats do?"
FEWEST_RUNS = 8
MOST_RUNS = 1000


class Measured(NamedTuple):
    """The runs of an embedder: ``given`` (n, 2), distinct outputs and mean dwell time; a statistic's values by name."""

    embedder: str
    shapes: list[Shape]
    given: NDArray[np.float64]
    statistics: dict[str, list[float]]


def beyond_repeats(evidence: Evidence, request: Request) -> Answer:
    """For each statistic of shape the share that repeats and dwell times explain, and what the rest still tells."""
    measured = [_measured(evidence, *each, request.rng) for each in shapes_of(evidence).items()]
    enough = [each for each in measured if len(each.shapes) >= FEWEST_RUNS]
    if not enough:
        return Answer("beyond-repeats", QUESTION, absence=f"fewer than {FEWEST_RUNS} runs have a persistence diagram")
    repeating = [each for each in enough if _vary(each.given)]
    if not repeating:
        return Answer("beyond-repeats", QUESTION, absence="runs do not differ in repeats or dwell times")
    frame = _statistics(repeating, request)
    findings = [_finding(each, frame) for each in repeating]
    return Answer("beyond-repeats", QUESTION, tuple(findings), {"statistics": frame})


def _vary(given: NDArray[np.float64]) -> bool:
    return bool((given != given[0]).any())


def _measured(evidence: Evidence, embedder: str, shapes: list[Shape], rng: np.random.Generator) -> Measured:
    import numpy as np

    from panic_tda.analysis.persistent_entropy import persistent_entropy

    if len(shapes) > MOST_RUNS:
        shapes = [shapes[index] for index in sorted(rng.choice(len(shapes), MOST_RUNS, replace=False))]
    vectors = {cloud.run_id: cloud.vectors for cloud in evidence.clouds_of(embedder)}
    shapes = [shape for shape in shapes if shape.run.run_id in vectors]
    given = np.array([(shape.distinct_points, _dwell(vectors[shape.run.run_id])) for shape in shapes], np.float64)
    statistics = {
        "entropy of pieces (H0)": [persistent_entropy(shape.bars[0]).plain for shape in shapes],
        "widest gap between pieces (H0)": [shape.longest(0) for shape in shapes],
        "number of loops (H1)": [float(len(shape.bars[1])) for shape in shapes],
        "entropy of loops (H1)": [persistent_entropy(shape.bars[1]).plain for shape in shapes],
        "longest loop (H1)": [shape.longest(1) for shape in shapes],
    }
    return Measured(embedder, shapes, given, statistics)


def _dwell(vectors: NDArray[np.float32]) -> float:
    """Mean number of steps in a row with the same output."""
    return len(vectors) / (1 + int((vectors[1:] != vectors[:-1]).any(axis=1).sum()))


def _statistics(measured: list[Measured], request: Request) -> pl.DataFrame:
    """One row for each embedder, statistic and factor; a statistic without a factor to tell has one row."""
    import polars as pl

    rows: list[dict[str, Any]] = []
    todo = [(each, name) for each in measured for name in each.statistics]
    for each, name in request.each(todo, "statistics"):
        rows += _rows(each, name, request.rng)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    known = [index for index, row in enumerate(rows) if row["p_value"] is not None]
    adjusted: list[float | None] = [None] * len(rows)
    for index, value in zip(known, holm([rows[index]["p_value"] for index in known]), strict=True):
        adjusted[index] = value
    return frame.with_columns(pl.Series("adjusted_p", adjusted, dtype=pl.Float64))


def _rows(each: Measured, name: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    from panic_tda.analysis.rank_correlation import unexplained_ranks

    found = unexplained_ranks(each.statistics[name], each.given)
    row = {
        "embedder": each.embedder,
        "statistic": name,
        "explained": None if found.explained != found.explained else found.explained,
        "n": len(each.shapes),
        "factor": None,
        "p_value": None,
        "caution": "it is the same in all runs" if found.explained != found.explained else "",
    }
    if not found.ranks.any():
        return [row]
    told = {factor.name: _p_value(each, factor, found.ranks, rng) for factor in FACTORS[:2]}
    return [row | {"factor": name, "p_value": value} for name, value in told.items() if value is not None] or [row]


def _p_value(each: Measured, factor: Factor, ranks: NDArray[np.float64], rng: np.random.Generator) -> float | None:
    """Of a group test on how far apart the unexplained ranks of two runs are."""
    import numpy as np

    kept = grouped(each.shapes, factor)
    apart = np.abs(np.subtract.outer(ranks[kept], ranks[kept]))
    found = tested(apart, [each.shapes[index].run for index in kept], factor, rng, resamples=1)
    return None if found is None else found.p_value


def _finding(each: Measured, frame: pl.DataFrame) -> Finding:
    mine = frame.filter(frame["embedder"] == each.embedder)
    shares = {row["statistic"]: row["explained"] for row in mine.iter_rows(named=True) if row["explained"] is not None}
    predicted = ", ".join(f"{100 * share:.0f} % in the {name}" for name, share in shares.items())
    said = (
        f"As {each.embedder} sees it, repeats and dwell times predict how runs differ in shape: "
        f"{predicted or 'no statistic varies'} (of the variance of ranks over {len(each.shapes)} runs); {_rest(mine)}"
    )
    cautions = (f"only {len(each.shapes)} runs",) if len(each.shapes) < 2 * FEWEST_RUNS else ()
    explained = shares.get("entropy of pieces (H0)", 0.0)
    return Finding("beyond-repeats", f"{said}.", explained, n=len(each.shapes), cautions=cautions)


def _rest(mine: pl.DataFrame) -> str:
    """What the unexplained part still tells."""
    tested = mine["factor"].drop_nulls().unique(maintain_order=True).to_list()
    if not tested:
        return "there are not two networks or prompts of two runs that the rest could tell"
    telling = mine.filter(mine["adjusted_p"] <= 0.05)
    told = {factor: telling.filter(telling["factor"] == factor)["statistic"].to_list() for factor in tested}
    parts = [f"the rest of the {' and the '.join(names)} tells the {factor}" for factor, names in told.items() if names]
    return "; ".join(parts) or f"the rest is not seen to tell {' or '.join(tested)}"
