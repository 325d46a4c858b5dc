"""How periodic each run is, beside what its shuffled rounds score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.trajectory import evenly
from panic_tda.answers.words import count
from panic_tda.figures.drawing import BLUE, GREY, INK, TEXT, VERMILLION, legend, name_axes, panels

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_RUNS = 60
_NUMBERED_RUNS = 24


def sliding_windows(answer: Answer) -> list[Drawing]:
    runs = answer.tables["runs"]
    groups = runs.partition_by("embedder", "network", maintain_order=True)
    figure, all_axes = panels(len(groups), columns=2, width=4.4, height=2.9)
    for axes, group in zip(all_axes, groups, strict=True):
        _scores(axes, group.sort("score", maintain_order=True))
    _scores_key(figure)
    caption = (
        "Periodicity score of each run, lowest to highest: how close its sliding windows come to tracing a circle "
        "(1 is a perfect one). Numbers, where there is room: the period, in rounds, of a score above chance; dashed: "
        f"what 5 % of runs exceed when their rounds are shuffled; {count(len(runs), 'run')} as each embedder sees "
        f"them; of a network at most {_MOST_RUNS} are drawn."
    )
    return [Drawing("periodicity", figure, caption)]


def _scores(axes: Axes, group: pl.DataFrame) -> None:
    chosen = group[evenly(len(group), _MOST_RUNS)]
    chance = float(group["chance"][0])
    axes.axhline(chance, color=GREY, linewidth=1.0, linestyle="dashed")
    for place, row in enumerate(chosen.iter_rows(named=True), 1):
        axes.plot(place, row["score"], **_score_mark(row, chance))
        if row["score"] > chance and len(chosen) <= _NUMBERED_RUNS:
            axes.annotate(f"{row['period']:.0f}", (place, row["score"]), xytext=(0, 4), textcoords="offset points",
                          ha="center", fontsize=TEXT - 2.5, color=INK)  # fmt: skip
    name_axes(axes, f"{group['network'][0]}, seen by {group['embedder'][0]}, {count(len(group), 'run')}",
              "Runs, by score", "Periodicity score")  # fmt: skip
    axes.set_xticks([])
    axes.set_ylim(-0.04, 1.08)
    axes.set_xlim(0, len(chosen) + 1)


def _score_mark(row: dict[str, Any], chance: float) -> dict[str, Any]:
    still, looped = "stand" in row["caution"], "exact loop" in row["caution"]
    colour = VERMILLION if looped else BLUE
    return {"color": colour, "marker": "s" if still else "o", "linestyle": "none", "markersize": 4.5,
            "markerfacecolor": colour if row["score"] > chance else "white"}  # fmt: skip


def _scores_key(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    rows: list[tuple[str, dict[str, Any]]] = [
        ("above chance", {"score": 1.0, "caution": ""}),
        ("not above chance", {"score": 0.0, "caution": ""}),
        ("continued by its exact loop", {"score": 0.0, "caution": "exact loop"}),
        ("stands still, or for a while", {"score": 0.0, "caution": "stands still"}),
    ]
    handles = [Line2D([], [], label=label, **_score_mark(row, 0.5)) for label, row in rows]
    legend(figure, handles, loc="outside lower left", columns=2)
