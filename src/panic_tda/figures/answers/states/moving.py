"""The change points of every run over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.trajectory import evenly
from panic_tda.answers.words import count
from panic_tda.figures.drawing import BLUE, GREY, VERMILLION, legend, name_axes, panels, whole_numbers

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes

MOST_RUNS = 60


def change_points(answer: Answer) -> list[Drawing]:
    """A panel for each network and embedder: a line for each run, a mark at each change."""
    from matplotlib.lines import Line2D

    runs, changes, networks = (answer.tables[name] for name in ("runs", "changes", "networks"))
    most = min(MOST_RUNS, int(networks["n"].max() or 0))  # type: ignore[arg-type]
    figure, all_axes = panels(len(networks), columns=2, width=4.4, height=1.5 + 0.09 * most)
    for axes, row in zip(all_axes, networks.iter_rows(named=True), strict=True):
        _panel(axes, _of(runs, row), _of(changes, row), row)
    handles = [
        Line2D([], [], color=GREY, lw=1.2, label="a run"),
        Line2D([], [], color=BLUE, lw=0, marker="|", markersize=8, markeredgewidth=2, label="moves on"),
        Line2D([], [], color=VERMILLION, lw=0, marker="x", markersize=4, label="moves on, with a caution"),
    ]
    legend(figure, handles, loc="outside lower left", columns=3)
    largest = f" (at most {MOST_RUNS} runs of a network, evenly chosen)" if int(networks["n"].max() or 0) > most else ""  # type: ignore[arg-type]
    caption = (
        f"Steps from which the centre of a run's vectors lies elsewhere{largest}; the thicker the mark, the further. "
        f"{count(runs['run_id'].n_unique(), 'run')}."
    )
    return [Drawing("change_points", figure, caption)]


def _of(table: pl.DataFrame, row: dict[str, Any]) -> pl.DataFrame:
    return table.filter(table["embedder"] == row["embedder"], table["network"] == row["network"])


def _panel(axes: Axes, runs: pl.DataFrame, changes: pl.DataFrame, row: dict[str, Any]) -> None:
    shown = [runs.row(index, named=True) for index in evenly(len(runs), MOST_RUNS)]
    place = {run["run_id"]: line for line, run in enumerate(shown)}
    for line, run in enumerate(shown):
        axes.plot([run["first_step"], run["last_step"]], [line, line], color=GREY, lw=0.8, alpha=0.7)
    widest = float(changes["shift"].max() or 1.0)  # type: ignore[arg-type]
    for run_id, step, shift, caution in changes.select("run_id", "step", "shift", "caution").iter_rows():
        if run_id in place:
            colour, mark = (VERMILLION, "x") if caution else (BLUE, "|")
            width = 0.6 + 1.6 * shift / widest
            axes.plot(step, place[run_id], mark, color=colour, markersize=4 if caution else 6, markeredgewidth=width)
    axes.set_yticks([])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    name_axes(axes, f"{row['network']} ({row['embedder']})", "Step", count(len(shown), "run"))
    whole_numbers(axes)
