"""The shape of a run under an embedder: its persistence diagram as the record holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.trajectory import Run

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from panic_tda.answers.evidence import Evidence

NAMES = ("pieces (H0)", "loops (H1)", "voids (H2)")
"""Of the features, by dimension, in a reader's words."""


class Shape(NamedTuple):
    """``bars`` by dimension, each (n, 2), of the ``distinct_points`` that are left of the ``points`` of a run.

    A ``covering_radius`` above 0 says that landmarks stood for all points: ends of bars are right within twice that.
    """

    embedder: str
    run: Run
    points: int
    distinct_points: int
    covering_radius: float
    bars: tuple[NDArray[np.float64], ...]

    @property
    def repeats(self) -> int:
        """Outputs that the run had made before."""
        return self.points - self.distinct_points

    def lengths(self, dimension: int) -> NDArray[np.float64]:
        """Lengths of the finite bars, (n,)."""
        import numpy as np

        bars = self.bars[dimension]
        finite: NDArray[np.float64] = bars[np.isfinite(bars[:, 1])]
        return finite[:, 1] - finite[:, 0]

    def longest(self, dimension: int) -> float:
        """Length of the longest finite bar; 0 without one."""
        return float(self.lengths(dimension).max(initial=0.0))


def shapes_of(evidence: Evidence) -> dict[str, list[Shape]]:
    """For each embedder the runs that have a diagram, in order; all have bars of the same dimensions."""
    bars, rows = evidence.frames.persistence_bars, evidence.frames.persistence_diagrams
    facts = {(row["model"], row["run_id"]): row for row in rows.iter_rows(named=True) if row["absence"] is None}
    found: dict[str, list[Shape]] = {}
    for embedder in sorted({model for model, _ in facts}):
        mine = bars.filter(bars["model"] == embedder)
        dimensions = range(1 + max(1, *mine["dimension"].unique().to_list(), 0))
        of_runs = {str(run_id): own for (run_id,), own in mine.partition_by("run_id", as_dict=True).items()}
        found[embedder] = [
            _shape(embedder, run, facts[embedder, run.run_id], of_runs.get(run.run_id), dimensions)
            for run in evidence.runs
            if (embedder, run.run_id) in facts
        ]
    return {embedder: shapes for embedder, shapes in found.items() if shapes}


def _shape(embedder: str, run: Run, facts: dict[str, Any], bars: pl.DataFrame | None, dimensions: range) -> Shape:
    import numpy as np

    def of(dimension: int) -> NDArray[np.float64]:
        if bars is None:
            return np.empty((0, 2))
        return np.asarray(bars.filter(bars["dimension"] == dimension).select("birth", "death").to_numpy())

    return Shape(
        embedder,
        run,
        facts["points"],
        facts["distinct_points"],
        facts.get("covering_radius") or 0.0,
        tuple(of(dimension) for dimension in dimensions),
    )


def run_columns(shape: Shape) -> dict[str, Any]:
    """The columns that say which run a row is about."""
    run = shape.run
    return {
        "embedder": shape.embedder,
        "run_id": run.run_id,
        "network": run.network,
        "prompt": run.prompt,
        "seed": run.seed,
    }
