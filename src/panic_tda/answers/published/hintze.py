"""Hintze et al., Patterns 7(1):101451: distance to round 0 by round, and the motifs in which runs end, by network."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.published.chains import Chain, Chains, chains_of, told
from panic_tda.answers.words import count, shorten

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from panic_tda.analysis.distance_to_round_zero import DriftByRound
    from panic_tda.analysis.motifs import MotifTable

QUESTION = "As Hintze et al. ask: how far from round 0, and in which motifs do runs end?"
FEWEST_ENDS = 10
"""With fewer final outputs there is no cluster to speak of."""

NO_MOTIF = "none"


class Motifs(NamedTuple):
    """The table, and for each motif the run whose final output lies in its midst."""

    table: MotifTable
    examples: dict[str, Chain]


def hintze(evidence: Evidence, request: Request) -> Answer:
    """The distance to round 0 by round for each network, and the table of final motifs by network for each embedder."""
    from panic_tda.analysis.distance_to_round_zero import distance_to_round_zero

    groups = chains_of(evidence)
    if not groups:
        return Answer("hintze", QUESTION, absence="no finished run has vectors of two rounds")
    found = [
        (each, distance_to_round_zero([chain.vectors for chain in each.chains], request.rng, resamples=1000))
        for each in request.each(groups, "networks")
    ]
    motifs = {
        embedder: seen
        for embedder in dict.fromkeys(each.embedder for each in groups)
        if (seen := _motifs([each for each in groups if each.embedder == embedder], request.rng)) is not None
    }
    tables = {"distance_to_round_0": _curves(found), "motifs": _counts(motifs), "motif_test": _tests(motifs)}
    findings = [_distance(*each) for each in found] + [_motif(*each) for each in motifs.items()]
    return Answer("hintze", QUESTION, tuple(findings), tables)


def _cautions(group: Chains, found: DriftByRound) -> tuple[str, ...]:
    return (*group.cautions, *(each for each in found.cautions if not each.startswith("only")))


def _distance(group: Chains, found: DriftByRound) -> Finding:
    from panic_tda.analysis.bootstrap import Interval

    last = len(found.mean) - 1
    mean, low, high = (float(each[last]) for each in (found.mean, found.low, found.high))
    end = Interval(mean, low, high, found.level, int(found.runs[last]))
    said = f"{group.who}: in round {last} the outputs are {told(end)} away from round 0 (0 the same, 2 the opposite)"
    return finding_of("distance to round 0", f"{said}.", end, cautions=_cautions(group, found))


def _curves(found: list[tuple[Chains, DriftByRound]]) -> pl.DataFrame:
    import polars as pl

    frames = [
        pl.DataFrame(
            {
                "round": range(len(each.mean)),
                "distance": each.mean,
                "low": each.low,
                "high": each.high,
                "n": each.runs,
            }
        ).with_columns(
            pl.lit(group.embedder).alias("embedder"),
            pl.lit(group.network).alias("network"),
            pl.lit("; ".join(_cautions(group, each))).alias("caution"),
        )
        for group, each in found
    ]
    return pl.concat(frames).select(
        "embedder", "network", "round", pl.col("distance", "low", "high").fill_nan(None), "n", "caution"
    )


def _motifs(groups: list[Chains], rng: np.random.Generator) -> Motifs | None:
    """The final outputs of all networks under an embedder, clustered, against the networks, within prompts."""
    import numpy as np

    from panic_tda.analysis.clustering import Sizes, cluster
    from panic_tda.analysis.motifs import motif_table

    ends: list[Chain] = [chain for group in groups for chain in group.chains]
    if len(ends) < FEWEST_ENDS:
        return None
    least = max(3, min(5, len(ends) // 8))
    vectors = np.stack([each.vectors[-1] for each in ends])
    labels = cluster(vectors, rng, sizes=Sizes(least, least)).best.labels
    names = [NO_MOTIF if label < 0 else f"motif {label + 1}" for label in labels]
    table = motif_table(names, [each.run.network for each in ends], rng, strata=[each.run.prompt for each in ends])
    loose = names.count(NO_MOTIF)
    astray = (f"{loose:,} of {count(len(names), 'final output')} in no motif",) * (loose > 0)
    examples = {f"motif {label + 1}": ends[_medoid(vectors, labels == label)] for label in range(labels.max() + 1)}
    return Motifs(table._replace(cautions=table.cautions + astray), examples)


def _medoid(vectors: NDArray[np.float32], members: NDArray[np.bool_]) -> int:
    """The member with the least total distance to the others."""
    import numpy as np

    from panic_tda.analysis.distances import euclidean_distances

    places = np.flatnonzero(members)
    return int(places[euclidean_distances(vectors[places]).sum(axis=1).argmin()])


def _motif(embedder: str, found: Motifs) -> Finding:
    table = found.table
    runs = {name: int(table.counts[row].sum()) for row, name in enumerate(table.motifs) if name != NO_MOTIF}
    largest = sorted(found.examples, key=lambda name: -runs[name])
    said = f"As {embedder} sees them, the last outputs of {count(table.n, 'run')} fall into {count(len(runs), 'motif')}"
    if min(table.counts.shape) > 1:
        said += (
            f"; motif and network go together with Cramér's V = {table.cramers_v:.2f} ({table.chance_v:.2f} by chance, "
            f"p = {table.p_chi_square:.3f})"
        )
    details = tuple(
        f"{name}, {count(runs[name], 'run')}: “{shorten(found.examples[name].ending, 80)}”" for name in largest
    )
    return Finding("motifs", f"{said}.", table.cramers_v, details, n=table.n, cautions=table.cautions)


def _counts(motifs: dict[str, Motifs]) -> pl.DataFrame:
    """Runs of each network in each motif; ``example`` is the run in its midst, ``ending`` that run's last text."""
    import polars as pl

    rows = []
    for embedder, found in motifs.items():
        for row, motif in enumerate(found.table.motifs):
            example = found.examples.get(str(motif))
            shown = (example.run.run_id, example.ending) if example else (None, None)
            for column, network in enumerate(found.table.models):
                runs, caution = int(found.table.counts[row, column]), "; ".join(found.table.cautions)
                rows.append((embedder, motif, network, runs, *shown, caution))
    schema = {"embedder": pl.String, "motif": pl.String, "network": pl.String, "runs": pl.Int64, "example": pl.String,
              "ending": pl.String, "caution": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").sort("embedder", "motif", "network")


def _tests(motifs: dict[str, Motifs]) -> pl.DataFrame:
    import polars as pl

    columns = ("chi_square", "p_chi_square", "g", "p_g", "cramers_v", "chance_v")
    rows = [
        (embedder, *(getattr(found.table, name) for name in columns), found.table.n, "; ".join(found.table.cautions))
        for embedder, found in motifs.items()
    ]
    schema = {"embedder": pl.String, **dict.fromkeys(columns, pl.Float64), "n": pl.Int64, "caution": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
