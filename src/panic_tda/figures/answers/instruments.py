"""How far two embedders agree, statistic by statistic, and how large the steps of runs are under both."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.words import count
from panic_tda.figures.drawing import BLUE, GREY, INK, VERMILLION, legend, name_axes, panels

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes

_MOST_PAIRS = 6


def _instruments(answer: Answer) -> list[Drawing]:
    agreement = answer.tables["agreement"].filter(answer.tables["agreement"]["value"].is_not_null())
    pairs = agreement.select("embedder", "other").unique(maintain_order=True).rows()
    drawn = [_agreement(agreement, pairs), _steps(answer.tables["runs"], pairs)]
    return [each for each in drawn if each is not None]


def _of(table: pl.DataFrame, pair: tuple[Any, ...]) -> pl.DataFrame:
    return table.filter(table["embedder"] == pair[0], table["other"] == pair[1])


def _agreement(agreement: pl.DataFrame, pairs: list[tuple[Any, ...]]) -> Drawing:
    from matplotlib.lines import Line2D

    shown = pairs[:_MOST_PAIRS]
    most = max(len(_of(agreement, pair)) for pair in shown)
    figure, all_axes = panels(len(shown), columns=2, width=5.4, height=1.1 + 0.36 * most)
    for axes, pair in zip(all_axes, shown, strict=True):
        _panel(axes, _of(agreement, pair), pair)
    marks: dict[str, Any] = {"linestyle": "none", "markersize": 5}
    handles = [
        Line2D([], [], marker="o", color=BLUE, label="1: the same", **marks),
        Line2D([], [], marker="s", color=VERMILLION, label="a distance, 0: the same", **marks),
        Line2D([], [], marker="|", color=GREY, label="by chance", **marks),
    ]
    legend(figure, handles, loc="outside lower left", columns=3)
    left = len(pairs) - len(shown)
    caption = (
        "How far two embedders agree about the same trajectories, with 95 % intervals over runs (dotted: with a "
        "caution), and what chance would give. The Procrustes distance is 0 where everything is the same, and 1.41 at "
        f"most; all else is 1. {count(int(agreement['n'].max() or 0), 'run')}."  # type: ignore[arg-type]
        + (f" Not drawn: {count(left, 'more pair')}." if left else "")
    )
    return Drawing("agreement", figure, caption)


def _panel(axes: Axes, rows: pl.DataFrame, pair: tuple[Any, ...]) -> None:
    for place, row in enumerate(rows.iter_rows(named=True)):
        apart = "distance" in row["statistic"] and "correlation" not in row["statistic"]
        colour = VERMILLION if apart else BLUE
        if row["low"] is not None and row["high"] is not None:
            axes.hlines(place, row["low"], row["high"], color=colour, linewidth=1.4,
                        linestyle="dotted" if row["caution"] else "solid")  # fmt: skip
        if row["chance"] is not None:
            axes.plot(row["chance"], place, "|", color=GREY, markersize=9, markeredgewidth=1.6)
        axes.plot(row["value"], place, "s" if apart else "o", color=colour, markersize=5)
    axes.axvline(0.0, color=GREY, linewidth=0.6, linestyle="dashed")
    axes.set_yticks(range(len(rows)), ["\n".join(wrap(name, 34)) for name in rows["statistic"]])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(min(-0.05, float(rows["low"].min() or 0.0) - 0.05), 1.46)  # type: ignore[arg-type]
    name_axes(axes, f"{pair[0]} and {pair[1]}, {count(int(rows['n'].max() or 0), 'run')}",  # type: ignore[arg-type]
              "Agreement", "")  # fmt: skip


def _steps(runs: pl.DataFrame, pairs: list[tuple[Any, ...]]) -> Drawing | None:
    known = runs.drop_nulls(["mean_step", "mean_step_under_other"])
    shown = [pair for pair in pairs if len(_of(known, pair)) > 1][:_MOST_PAIRS]
    if not shown:
        return None
    figure, all_axes = panels(len(shown), columns=3, width=3.6, height=3.2)
    for axes, pair in zip(all_axes, shown, strict=True):
        mine = _of(known, pair)
        one, other = (mine[name].to_numpy() for name in ("mean_step", "mean_step_under_other"))
        changed = (mine["changed_verdicts"] != "").to_numpy()
        axes.plot(one[~changed], other[~changed], "o", color=BLUE, markersize=4)
        axes.plot(one[changed], other[changed], "o", color=VERMILLION, markersize=4)
        most = 1.05 * max(float(one.max()), float(other.max()), 1e-9)
        axes.plot([0.0, most], [0.0, most], color=GREY, linewidth=0.8, linestyle="dashed")
        name_axes(axes, f"{pair[0]} and {pair[1]}, {count(len(mine), 'run')}", f"Mean step, {pair[0]}",
                  f"Mean step, {pair[1]}")  # fmt: skip
    _key(figure)
    caption = (
        "The mean distance from one round of a run to the next under two embedders, one dot for each run; on the "
        "dashed line both see steps of the same size. Sizes may differ without meaning anything: what counts is "
        "whether runs stand in the same order."
    )
    return Drawing("steps", figure, caption)


def _key(figure: Any) -> None:
    from matplotlib.lines import Line2D

    marks: dict[str, Any] = {"linestyle": "none", "markersize": 4, "marker": "o", "markeredgecolor": INK}
    marks["markeredgewidth"] = 0.0
    labels = {BLUE: "the same verdicts", VERMILLION: "a verdict differs"}
    handles = [Line2D([], [], color=colour, label=label, **marks) for colour, label in labels.items()]
    legend(figure, handles, loc="outside lower left", columns=2)


DRAWINGS = {"instruments": _instruments}
