"""The sections of a report that hold charts: each chart stands alone, so that a narrow page stacks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from panic_tda.answers.trajectory import in_order, run_rows
from panic_tda.answers.words import STOP_REASONS, count, run_names
from panic_tda.figures.curves import distance_curves
from panic_tda.figures.diagrams import persistence_diagrams
from panic_tda.figures.html import chart, paragraph, section, table
from panic_tda.figures.recurrence import recurrence_plots
from panic_tda.figures.stops import stop_counts, stop_reasons

if TYPE_CHECKING:
    import polars as pl

_NO_EMBEDDINGS = "No output of these runs has an embedding, so there is nothing to measure."
_CONFOUNDED = (
    "Read the entropies with care: plain persistent entropy grows with the number of bars, and exact repeats add "
    "points without adding bars, so two runs can differ in entropy only because one has more distinct outputs. "
    "Compare the normalised entropy (divided by the logarithm of the number of bars), and look at how many of the "
    "points are distinct: the difference is their multiplicity."
)


def curves_section(runs: pl.DataFrame, embeddings: pl.DataFrame) -> str:
    """Distance to the start, one chart for each (network, embedder)."""
    charts = [
        chart(distance_curves(group, rows, columns=1), f"Distance to the start: {network}, {model}")
        for (network,), group in in_order(runs).partition_by("network", as_dict=True, maintain_order=True).items()
        for model, rows in _by_embedder(group, embeddings)
    ]
    words = paragraph(
        "How far each embedded output lies from the first one of its run. Outputs are unit vectors: 0 is the same, "
        "about 1.4 is unrelated, 2 is opposite. A flat line has come to rest."
    )
    return section("Distance to the start", *_panels(runs, words, charts, "panels wide"))


def recurrence_section(runs: pl.DataFrame, invocations: pl.DataFrame, embeddings: pl.DataFrame) -> str:
    """Recurrence plots, one for each (run, embedder)."""
    charts = [
        chart(recurrence_plots(run, invocations, rows), f"Recurrence plot: {name}, {model}")
        for run, name in _each_run(runs)
        for model, rows in _by_embedder(run, embeddings)
    ]
    words = paragraph(
        "Each point compares two steps of a run: dark is near, bright is far, and a coloured cell is the same output "
        "bit for bit. Diagonal stripes are a loop, dark blocks are a place where the run lingers."
    )
    return section("Recurrence", *_panels(runs, words, charts, "panels"))


def diagrams_section(runs: pl.DataFrame, bars: pl.DataFrame, diagrams: pl.DataFrame) -> str:
    """Persistence diagrams, their entropies, and the reason where there is none."""
    if diagrams.is_empty() and bars.is_empty():
        return ""
    charts = [
        chart(persistence_diagrams(run, rows), f"Persistence diagram: {name}, {model}")
        for run, name in _each_run(runs)
        for model, rows in _by_embedder(run, bars)
    ]
    words = paragraph(
        "Each point is a feature of the cloud of outputs: a gap between groups (H0), a hole (H1), a void (H2). "
        "The farther above the diagonal, the longer it lasts as the scale grows."
    )
    panels = f'<div class="panels">{"".join(charts)}</div>' if charts else ""
    return section("Persistence diagrams", words, panels, paragraph(_CONFOUNDED, "note"), _entropies(runs, diagrams))


def stops_section(runs: pl.DataFrame) -> str:
    """Why the runs stopped, as a chart and as a table."""
    counts = stop_counts(runs)
    if not counts:
        return ""
    rows: list[tuple[str | int, ...]] = [
        (network, *(found[reason] for reason in STOP_REASONS), found.total()) for network, found in counts.items()
    ]
    drawn = chart(stop_reasons(runs), "Stop reasons for each network", kind="single")
    return section("Stop reasons", drawn, table(("Network", *STOP_REASONS, "runs"), rows))


def _entropies(runs: pl.DataFrame, diagrams: pl.DataFrame) -> str:
    names = run_names(run_rows(runs))
    rows: list[tuple[str | int | float | None, ...]] = [
        (
            names[row["run_id"]],
            row["model"],
            row["points"],
            row["distinct_points"],
            *_values(row["entropy"]),
            *_values(row["normalised_entropy"]),
            _remark(row),
        )
        for row in diagrams.iter_rows(named=True)
        if row["run_id"] in names
    ]
    plain = [f"Entropy H{dimension}" for dimension in (0, 1, 2)]
    normalised = [f"H{dimension} normalised" for dimension in (0, 1, 2)]
    head = ("Run", "Embedder", "Points", "Distinct", *plain, *normalised, "Remark")
    return table(head, rows) if rows else ""


def _remark(row: Mapping[str, Any]) -> str:
    """Why there is no diagram, which outputs are missing from it, and how far it may be off."""
    parts = [f"no diagram: {row['absence']}"] if row["absence"] else []
    if missing := row.get("unmeasured"):
        parts.append(f"{count(missing, 'output')} without a vector left out")
    if radius := row.get("covering_radius"):
        # Hausdorff distance r between landmarks and points: bottleneck distance of the diagrams at most 2 r.
        parts.append(f"computed on landmarks, births and deaths are off by at most {2 * radius:.2g}")
    return "; ".join(parts)


def _values(numbers: Sequence[float | None] | None) -> list[float | None]:
    """One number for each of H0, H1 and H2, or None."""
    given = list(numbers or ())[:3]
    return given + [None] * (3 - len(given))


def _by_embedder(runs: pl.DataFrame, frame: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """The rows of these runs, embedder by embedder."""
    rows = frame.join(runs.select("run_id"), on="run_id", how="semi").sort("model")
    return [
        (str(model), found) for (model,), found in rows.partition_by("model", as_dict=True, maintain_order=True).items()
    ]


def _each_run(runs: pl.DataFrame) -> list[tuple[pl.DataFrame, str]]:
    names = run_names(run_rows(runs))
    ordered = in_order(runs)
    return [(ordered.slice(index, 1), names[run_id]) for index, run_id in enumerate(ordered["run_id"])]


def _panels(runs: pl.DataFrame, words: str, charts: Sequence[str], kind: str) -> list[str]:
    if runs.is_empty():
        return []
    return [words, f'<div class="{kind}">{"".join(charts)}</div>'] if charts else [paragraph(_NO_EMBEDDINGS, "faint")]
