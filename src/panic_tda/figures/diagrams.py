"""Persistence diagrams: when each topological feature of a trajectory is born, and when it dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from panic_tda.answers.trajectory import run_rows
from panic_tda.answers.words import count, run_names
from panic_tda.figures.drawing import BLUE, GREEN, INK, TEXT, VERMILLION, legend, name_axes, panels

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS_AS_SHAPES = 1_000
_DIMENSIONS = {0: (BLUE, "o"), 1: (VERMILLION, "^"), 2: (GREEN, "s")}


def persistence_diagrams(runs: pl.DataFrame, bars: pl.DataFrame, *, columns: int = 3) -> Figure:
    """Death against birth of every bar, one panel for each (run, embedder) that has bars.

    H0, H1 and H2 differ in colour and in marker; infinite bars lie on a marked line at the top; the legend
    counts the bars of each dimension that has any.
    """
    names = run_names(run_rows(runs))
    order = {run_id: index for index, run_id in enumerate(names)}
    groups = {
        (str(model), str(run_id)): rows
        for (model, run_id), rows in bars.partition_by("model", "run_id", as_dict=True).items()
        if run_id in order
    }
    figure, axes = panels(len(groups), columns=columns, width=3.9, height=3.7)
    for each, key in zip(axes, sorted(groups, key=lambda key: (key[0], order[key[1]])), strict=True):
        _panel(each, groups[key])
        name_axes(each, f"{names[key[1]]}, seen by {key[0]}", "Birth (distance)", "Death (distance)")
    return figure


def _panel(axes: Axes, bars: pl.DataFrame) -> None:
    import numpy as np

    values = bars.select("birth", "death").to_numpy()
    finite = values[np.isfinite(values)]
    top = max(float(finite.max(initial=0.0)), 0.1) * 1.05
    infinity = top * 1.1
    axes.plot([0, top], [0, top], color=INK, alpha=0.4, linewidth=0.8)
    axes.axhline(infinity, color=INK, alpha=0.6, linewidth=0.8, linestyle="dashed")
    axes.annotate("∞ never dies", (1, infinity), xycoords=("axes fraction", "data"), xytext=(0, 2),
                  textcoords="offset points", ha="right", fontsize=TEXT - 1, color=INK)  # fmt: skip
    axes.set(xlim=(-0.04 * top, top), ylim=(-0.04 * top, infinity * 1.1))
    axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= top])
    groups = bars.partition_by("dimension", as_dict=True)
    # A dimension without bars may not have been computed: it is not named rather than counted as 0.
    handles = [_points(axes, groups[(each,)], each, infinity) for each in _DIMENSIONS if (each,) in groups]
    legend(axes, handles, loc="lower right")


def _points(axes: Axes, bars: pl.DataFrame, dimension: int, infinity: float) -> object:
    import numpy as np

    colour, marker = _DIMENSIONS[dimension]
    deaths = bars["death"].to_numpy()
    label = f"H{dimension} ({count(len(bars), 'bar')})"
    heights = np.where(np.isinf(deaths), infinity, deaths)
    return axes.scatter(
        bars["birth"].to_numpy(),
        heights,
        c=colour,
        marker=marker,
        s=20,
        alpha=0.75,
        rasterized=len(bars) > _POINTS_AS_SHAPES,
        linewidths=0,
        label=label,
        zorder=3,
    )
