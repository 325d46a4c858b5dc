"""How far runs and their twins lie apart, step by step, and whether the size of a change shows in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.trajectory import evenly
from panic_tda.answers.words import count
from panic_tda.figures.drawing import GREY, legend, line_style, name_axes, panels, whole_numbers

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from numpy.typing import NDArray

_MOST_LINES = 30
"""Pairs drawn for each change in a panel."""
_FEW_RUNS = 5
_NARROW = 2.0
"""First distances that differ by less than this factor tell little of size."""


def _twins(answer: Answer) -> list[Drawing]:
    growth = answer.tables["growth"]
    if growth.is_empty():
        return []
    styles = {change: line_style(place) for place, change in enumerate(growth["change"].unique(maintain_order=True))}
    drawn = [_separations(answer, growth, styles)]
    sizes = answer.tables["sizes"].filter(answer.tables["sizes"]["n"] > 1)
    return drawn if sizes.is_empty() else [*drawn, _sizes(answer, sizes, styles)]


def _separations(answer: Answer, growth: pl.DataFrame, styles: dict[str, dict[str, Any]]) -> Drawing:
    groups = growth.partition_by("network", "embedder", maintain_order=True)
    figure, all_axes = panels(len(groups), columns=2, width=4.6, height=3.2)
    for axes, group in zip(all_axes, groups, strict=True):
        for row in group.iter_rows(named=True):
            _lines(axes, _of(answer.tables["separations"], row), styles[row["change"]])
            _mean(axes, _of(answer.tables["curves"], row), styles[row["change"]])
        if group["floor"][0] is not None:
            axes.axhline(group["floor"][0], color=GREY, linewidth=1.2, linestyle="dotted")
        name_axes(axes, _title(group), "Step", "Distance of run and twin")
        axes.set_ylim(bottom=0.0)
        whole_numbers(axes)
    handles = _handles(styles, floor=growth["floor"].is_not_null().any())
    legend(figure, handles, loc="outside lower left", columns=min(2, len(groups)))
    caption = (
        "How far runs and their twins lie apart from the change on: thin lines are pairs (at most "
        f"{_MOST_LINES} of each change), thick ones the mean of all pairs with its 95 % band over runs. At distance 0 "
        "a twin is the same as its run; exact loops are followed to the full length. "
        f"{count(len(answer.tables['pairs']), 'pair')}."
    )
    return Drawing("separation", figure, caption)


def _of(table: pl.DataFrame, row: dict[str, Any]) -> pl.DataFrame:
    import polars as pl

    return table.filter(*(pl.col(name) == row[name] for name in ("network", "change", "embedder")))


def _title(group: pl.DataFrame) -> str:
    runs, twins = max(group["n"]), sum(group["twins"])
    few = "only " if runs < _FEW_RUNS else ""
    return f"{group['network'][0]}, seen by {group['embedder'][0]}, {few}{count(runs, 'run')}, {count(twins, 'twin')}"


def _lines(axes: Axes, rows: pl.DataFrame, style: dict[str, Any]) -> None:
    pairs = rows.partition_by("run_id", maintain_order=True)
    for place in evenly(len(pairs), _MOST_LINES):
        axes.plot(pairs[place]["step"], pairs[place]["separation"], linewidth=0.6, alpha=0.35, color=style["color"])


def _mean(axes: Axes, rows: pl.DataFrame, style: dict[str, Any]) -> None:
    steps = rows["step"].to_numpy()
    low, high = (rows[end].fill_null(rows["mean"]).to_numpy() for end in ("low", "high"))
    axes.fill_between(steps, low, high, alpha=0.18, color=style["color"], linewidth=0)
    axes.plot(steps, rows["mean"].to_numpy(), linewidth=1.8, **style)


def _handles(styles: dict[str, dict[str, Any]], *, floor: bool) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linewidth=1.8, label=change, **style) for change, style in styles.items()]
    if floor:
        words = "runs of the same prompt with other seeds, at the end"
        handles.append(Line2D([], [], color=GREY, linewidth=1.2, linestyle="dotted", label=words))
    return handles


def _sizes(answer: Answer, sizes: pl.DataFrame, styles: dict[str, dict[str, Any]]) -> Drawing:
    figure, all_axes = panels(len(sizes), columns=2, width=4.6, height=3.2)
    ends = _ends(answer.tables["separations"])
    for axes, row in zip(all_axes, sizes.iter_rows(named=True), strict=True):
        mine = ends.filter(ends["network"] == row["network"], ends["embedder"] == row["embedder"])
        _scatter(axes, mine, row, styles)
    legend(figure, _marks(styles), loc="outside lower left", columns=min(2, len(sizes)))
    caption = (
        "How far pairs of a run and its twin lie apart in the end, against how far they did in the first round after "
        "the change, on logarithmic axes; pairs at distance 0 at either end are left out. The line has the exponent in "
        "the title, with its 95 % interval over runs: 1 means in proportion, 0 that the size of the change is "
        "forgotten. It is dotted where the first distances differ too little to tell."
    )
    return Drawing("size", figure, caption)


def _ends(separations: pl.DataFrame) -> pl.DataFrame:
    """The first and the last separation of each pair under each embedder, where neither is 0."""
    import polars as pl

    names = ("run_id", "network", "change", "embedder")
    both = (
        separations.sort("step")
        .group_by(names, maintain_order=True)
        .agg(pl.col("separation").first().alias("first"), pl.col("separation").last().alias("last"))
    )
    return both.filter(pl.col("first") > 0, pl.col("last") > 0)


def _scatter(axes: Axes, rows: pl.DataFrame, size: dict[str, Any], styles: dict[str, dict[str, Any]]) -> None:
    import numpy as np

    for change, style in styles.items():
        mine = rows.filter(rows["change"] == change)
        axes.plot(mine["first"].to_numpy(), mine["last"].to_numpy(), **_mark(style))
    if size["exponent"] is not None:
        first, last = (np.log(rows[end].to_numpy()) for end in ("first", "last"))
        x = np.array([first.min(), first.max()])
        y = last.mean() + size["exponent"] * (x - first.mean())
        dash = "dotted" if size["spread"] < _NARROW else "dashed"
        axes.plot(np.exp(x), np.exp(y), color=GREY, linewidth=1.2, linestyle=dash)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis, end in ((axes.xaxis, "first"), (axes.yaxis, "last")):
        _plain_numbers(axis, rows[end].to_numpy())
    name_axes(axes, _exponent(size), "Distance in the first round after the change", "Distance in the last round")


def _plain_numbers(axis: Axis, values: NDArray[np.float64]) -> None:
    """Few ticks, written out: at powers of ten where the values span some, else at round numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    wide = len(values) and values.max() > 20.0 * values.min()
    axis.set_major_locator(LogLocator() if wide else MaxNLocator(4))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axis.set_minor_locator(NullLocator())


def _exponent(size: dict[str, Any]) -> str:
    few = "only " if size["n"] < _FEW_RUNS else ""
    title = f"{size['network']}, seen by {size['embedder']}, {few}{count(size['n'], 'run')}"
    if size["exponent"] is None or size["low"] is None:
        return title
    narrow = " (sizes hardly differ)" if size["spread"] < _NARROW else ""
    interval = f"[{size['low']:.2f}, {size['high']:.2f}]"
    return f"{title}: exponent {size['exponent']:.2f} {interval}{narrow}"


def _mark(style: dict[str, Any]) -> dict[str, Any]:
    return {"color": style["color"], "marker": "o", "linestyle": "none", "markersize": 4, "alpha": 0.7}


def _marks(styles: dict[str, dict[str, Any]]) -> Sequence[Any]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], label=change, **_mark(style)) for change, style in styles.items()]


DRAWINGS = {"twins": _twins}
