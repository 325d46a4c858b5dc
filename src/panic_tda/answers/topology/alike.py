"""Which runs have the same shape? Distances between their diagrams, and whether prompt, network or seed decide."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.topology.shapes import NAMES, Shape, run_columns, shapes_of
from panic_tda.answers.trajectory import Run
from panic_tda.answers.words import count, percent
from panic_tda.errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.analysis.group_test import GroupTest

QUESTION = "Which runs have the same shape?"
MOST_RUNS = 400
"""More are sampled, and fewer where diagrams are large."""

EXACT_RUNS = 20
"""Up to so many runs the exact distances are computed as well."""

_EXACT_BARS = 500
_WORK = 2e7
_RESAMPLES = 500


class Factor(NamedTuple):
    """What runs are grouped by, and within which ``block`` labels may change places."""

    name: str
    label: Callable[[Run], Hashable]
    block: Callable[[Run], Hashable]


FACTORS = (
    Factor("network", lambda run: run.network, lambda run: run.prompt_sha256),
    Factor("prompt", lambda run: run.prompt_sha256, lambda run: run.network),
    Factor("seed", lambda run: run.seed, lambda run: (run.network, run.prompt_sha256)),
)


class Compared(NamedTuple):
    """The ``shapes`` compared under an embedder, and for each dimension that has bars their distances (n, n)."""

    embedder: str
    shapes: list[Shape]
    sliced: dict[int, NDArray[np.float64]]
    left_out: int


def diagram_distances(evidence: Evidence, request: Request) -> Answer:
    """Sliced Wasserstein distances of all diagrams, exact ones of few, and a permutation test for each factor."""
    seen = {embedder: shapes for embedder, shapes in shapes_of(evidence).items() if len(shapes) > 1}
    if not seen:
        return Answer("diagram-distances", QUESTION, absence="fewer than two runs have a persistence diagram")
    compared = [_compared(*each, request.rng) for each in request.each(seen.items(), "embedders")]
    groups = _groups(compared, request)
    tables = {"runs": _runs(compared, evidence.names), "pairs": _pairs(compared), "groups": groups}
    findings = [each for one in compared for each in _findings(one, groups)]
    return Answer("diagram-distances", QUESTION, tuple(findings), tables)


def _compared(embedder: str, shapes: list[Shape], rng: np.random.Generator) -> Compared:
    from panic_tda.analysis.sliced_wasserstein import sliced_wasserstein_matrix

    bars = max(1.0, sum(len(shape.bars[0]) for shape in shapes) / len(shapes))
    most = max(2, min(MOST_RUNS, int((2 * _WORK / bars) ** 0.5)))
    chosen = sorted(rng.choice(len(shapes), most, replace=False)) if len(shapes) > most else range(len(shapes))
    kept = [shapes[index] for index in chosen]
    sliced = {
        dimension: sliced_wasserstein_matrix([shape.bars[dimension] for shape in kept])
        for dimension in range(len(kept[0].bars))
        if any(shape.lengths(dimension).size for shape in kept)
    }
    return Compared(embedder, kept, sliced, len(shapes) - len(kept))


def _runs(compared: list[Compared], names: dict[str, str]) -> pl.DataFrame:
    """The runs in the order of the figure's rows."""
    import polars as pl

    return pl.DataFrame(
        [
            run_columns(shape) | {"place": place, "name": names[shape.run.run_id], "left_out": each.left_out}
            for each in compared
            for place, shape in enumerate(each.shapes)
        ]
    )


def _pairs(compared: list[Compared]) -> pl.DataFrame:
    """One row for each pair of runs and dimension; exact distances where there are few runs."""
    import polars as pl

    schema = {"embedder": pl.String, "dimension": pl.Int64, "run_id": pl.String, "other_run_id": pl.String,
              "sliced_wasserstein": pl.Float64, "wasserstein": pl.Float64, "bottleneck": pl.Float64}  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for each in compared:
        for dimension, matrix in each.sliced.items():
            exact = _exact(each.shapes, dimension)
            rows += [
                (each.embedder, dimension, one.run.run_id, other.run.run_id, float(matrix[i, j]), *exact(one, other))
                for (i, one), (j, other) in combinations(enumerate(each.shapes), 2)
            ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _exact(shapes: list[Shape], dimension: int) -> Callable[[Shape, Shape], tuple[float | None, float | None]]:
    from panic_tda.analysis.diagram_distances import bottleneck_distance, wasserstein_distance

    if len(shapes) > EXACT_RUNS or max(len(shape.bars[dimension]) for shape in shapes) > _EXACT_BARS:
        return lambda one, other: (None, None)

    def distances(one: Shape, other: Shape) -> tuple[float, float]:
        pair = one.bars[dimension], other.bars[dimension]
        return wasserstein_distance(*pair), bottleneck_distance(*pair)

    return distances


def _groups(compared: list[Compared], request: Request) -> pl.DataFrame:
    """One row for each embedder, dimension and factor that has two groups of two runs."""
    import polars as pl

    tests = [(each, dimension, factor) for each in compared for dimension in each.sliced for factor in FACTORS]
    rows: list[dict[str, Any]] = []
    for each, dimension, factor in request.each(tests, "group tests"):
        kept = grouped(each.shapes, factor)
        if len(kept) > 1 and each.sliced[dimension][kept][:, kept].any():
            runs = [each.shapes[index].run for index in kept]
            found = tested(each.sliced[dimension][kept][:, kept], runs, factor, request.rng, resamples=_RESAMPLES)
            left = len(each.shapes) - len(kept)
            rows += [_group_row(each.embedder, dimension, factor.name, found, left)] if found else []
    schema = {"embedder": pl.String, "dimension": pl.Int64, "factor": pl.String, "groups": pl.Int64, "n": pl.Int64,
              "within": pl.Float64, "between": pl.Float64, "effect": pl.Float64, "low": pl.Float64,
              "high": pl.Float64, "p_value": pl.Float64, "least_p": pl.Float64, "caution": pl.String}  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema)
    return frame.with_columns(pl.Series("adjusted_p", holm(frame["p_value"].to_list()), dtype=pl.Float64))


def grouped(shapes: list[Shape], factor: Factor) -> list[int]:
    """The runs in groups of at least two, if there are two such groups; else none."""
    from collections import Counter

    drawn = factor.name == "seed"
    labels = [None if drawn and shape.run.seed < 0 else factor.label(shape.run) for shape in shapes]
    sizes = {label: size for label, size in Counter(labels).items() if size > 1 and label is not None}
    return [index for index, label in enumerate(labels) if label in sizes] if len(sizes) > 1 else []


def tested(
    distances: NDArray[np.float64],
    runs: list[Run],
    factor: Factor,
    rng: np.random.Generator,
    *,
    resamples: int,
) -> GroupTest | None:
    """The test of a factor on the distances (n, n) of these runs; None where nothing can be compared."""
    from panic_tda.analysis.group_test import group_test

    labels, blocks = [factor.label(run) for run in runs], [factor.block(run) for run in runs]
    try:
        return group_test(distances, labels, rng, blocks=blocks, resamples=resamples)
    except RequestError:
        return None


def _group_row(embedder: str, dimension: int, factor: str, found: GroupTest, left: int) -> dict[str, Any]:
    cautions = [*found.cautions, *([f"{count(left, 'run')} alone in their group left out"] if left else [])]
    return {
        "embedder": embedder,
        "dimension": dimension,
        "factor": factor,
        "groups": found.groups,
        "n": found.effect.n,
        "within": found.within,
        "between": found.between,
        "effect": found.effect.estimate,
        "low": found.effect.low,
        "high": found.effect.high,
        "p_value": found.p_value,
        "least_p": found.least_p,
        "caution": "; ".join(cautions),
    }


def holm(p_values: list[float]) -> list[float]:
    """The p-values adjusted for how many they are (Holm, Scand. J. Stat. 6 (1979)), in the order given."""
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = worst
    return adjusted


def _findings(each: Compared, groups: pl.DataFrame) -> Iterator[Finding]:
    for factor in FACTORS:
        mine = groups.filter((groups["embedder"] == each.embedder) & (groups["factor"] == factor.name))
        rows = list(mine.sort("dimension").iter_rows(named=True))
        if rows:
            yield _finding(each, factor.name, rows)


def _finding(each: Compared, factor: str, rows: list[dict[str, Any]]) -> Finding:
    told = any(row["adjusted_p"] <= 0.05 and row["effect"] > 0.0 for row in rows)
    alike = "are more alike in shape than others" if told else "are not told from others by shape"
    parts = [f"{_percent(row)} in {NAMES[row['dimension']]}, p = {row['adjusted_p']:.2g}" for row in rows]
    cautions = list(dict.fromkeys(caution for row in rows for caution in row["caution"].split("; ") if caution))
    if each.left_out:
        cautions.append(f"{len(each.shapes):,} of {len(each.shapes) + each.left_out:,} runs, drawn at random")
    said = f"As {each.embedder} sees it, runs of the same {factor} {alike}: closer by {'; '.join(parts)}"
    return finding_of("groups", f"{said}.", _interval(rows[0]), cautions=tuple(cautions))


def _percent(row: dict[str, Any]) -> str:
    """The effect in per cent; what rounds to 0 has no sign."""
    rounded = {name: round(row[name], 2) + 0.0 for name in ("effect", "low", "high")}
    return percent(_interval(row | rounded))


def _interval(row: dict[str, Any]) -> Interval:
    from panic_tda.analysis.bootstrap import Interval

    return Interval(row["effect"], row["low"], row["high"], 0.95, row["n"])
