"""How far runs lie apart, whether their prompt shows, how soon they settle, and how fast they part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.words import count
from panic_tda.figures.drawing import (
    BLUE,
    GREY,
    ORANGE,
    VERMILLION,
    legend,
    name_axes,
    panels,
    whole_numbers,
)

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes

KINDS = {"different": (VERMILLION, "solid"), "same": (BLUE, "dashed")}
WORDS = {"different": "runs from different prompts", "same": "runs of the same prompt with other seeds"}


def _divergence(answer: Answer) -> list[Drawing]:
    ends, curves = answer.tables["ends"], answer.tables["curves"]
    groups = ends.unique(("network", "embedder"), maintain_order=True)
    figure, all_axes = panels(len(groups), columns=2, width=4.6, height=3.0)
    for axes, row in zip(all_axes, groups.iter_rows(named=True), strict=True):
        mine = _of(curves, row)
        for kind, (colour, line) in KINDS.items():
            _banded(axes, mine.filter(mine["kind"] == kind), "distance", colour, line)
        name_axes(axes, _title(row), "Step", "Distance between runs")
        axes.set_ylim(bottom=0.0)
        whole_numbers(axes)
    shown = [kind for kind in KINDS if kind in curves["kind"]]
    legend(figure, [_handle(*KINDS[kind], label=WORDS[kind]) for kind in shown], loc="outside lower left")
    caption = (
        "Mean Euclidean distance between the vectors of two runs at the same step, with 95 % bands over runs; exact "
        f"loops are followed to the full length. {_counted(groups)}."
    )
    return [Drawing("divergence", figure, caption)]


def _recoverability(answer: Answer) -> list[Drawing]:
    lives, curves = answer.tables["half_lives"], answer.tables["curves"]
    figure, all_axes = panels(len(lives), columns=2, width=4.6, height=3.0)
    for axes, row in zip(all_axes, lives.iter_rows(named=True), strict=True):
        mine = _of(curves, row)
        _banded(axes, mine, "accuracy", BLUE, "solid")
        axes.plot(mine["step"].to_numpy(), mine["chance"].to_numpy(), color=GREY, linewidth=1.2, linestyle="dotted")
        if row["half_life"] is not None and row["half_life"] < float("inf"):
            axes.axvline(mine["step"][0] + row["half_life"], color=ORANGE, linewidth=1.2, linestyle="dashed")
        name_axes(axes, _title(row), "Step", "Share of runs named right")
        axes.set_ylim(-0.02, 1.02)
        whole_numbers(axes)
    handles = [
        _handle(BLUE, "solid", label="prompt named right"),
        _handle(GREY, "dotted", label="by chance"),
        _handle(ORANGE, "dashed", label="half-life"),
    ]
    legend(figure, handles, loc="outside lower left", columns=3)
    caption = (
        "Share of runs that lie nearest to the other runs of their own prompt, one run of each prompt left out at a "
        f"time, with 95 % bands over runs (Wilson). {_counted(lives)}."
    )
    return [Drawing("recoverability", figure, caption)]


def _relaxation(answer: Answer) -> list[Drawing]:
    networks, curves = answer.tables["networks"], answer.tables["curves"]
    if networks.is_empty():
        return []
    figure, all_axes = panels(len(networks), columns=2, width=4.6, height=3.0)
    for axes, row in zip(all_axes, networks.iter_rows(named=True), strict=True):
        mine = _of(curves, row)
        _banded(axes, mine, "distance", BLUE, "solid")
        steps, fitted = mine["step"].to_numpy(), mine["fitted"].to_numpy()
        axes.plot(steps, fitted, color=VERMILLION, linewidth=1.4, linestyle="dashed")
        bounded = row["high"] is not None and row["high"] < float("inf")
        if bounded and row["tau"] <= steps[-1] - steps[0]:
            axes.axvline(steps[0] + row["tau"], color=ORANGE, linewidth=1.2, linestyle="dotted")
        name_axes(axes, _title(row), "Step", "Distance to the first round")
        axes.set_ylim(bottom=0.0)
        whole_numbers(axes)
    handles = [
        _handle(BLUE, "solid", label="mean of the runs"),
        _handle(VERMILLION, "dashed", label="relaxation"),
        _handle(ORANGE, "dotted", label="relaxation time"),
    ]
    legend(figure, handles, loc="outside lower left", columns=3)
    caption = (
        "Mean Euclidean distance of runs to their first round, with 95 % bands over runs, and the relaxation fitted to "
        f"it: after one relaxation time 63 % of the way is done. {_counted(networks)}."
    )
    return [Drawing("relaxation", figure, caption)]


def _lyapunov(answer: Answer) -> list[Drawing]:
    networks, curves = answer.tables["networks"], answer.tables["curves"]
    figure, all_axes = panels(len(networks), columns=2, width=4.6, height=3.0)
    for axes, row in zip(all_axes, networks.iter_rows(named=True), strict=True):
        mine = _of(curves, row)
        steps = mine["step"].to_numpy()
        _banded(axes, mine, "log_distance", BLUE, "solid")
        axes.plot(steps, mine["line"].to_numpy(), color=GREY, linewidth=1.2, linestyle="dotted")
        axes.plot(steps, mine["early_line"].to_numpy(), color=VERMILLION, linewidth=1.4, linestyle="dashed")
        if row["saturation_step"] is not None:
            axes.axvline(row["saturation_step"], color=ORANGE, linewidth=1.2, linestyle="dashdot")
        name_axes(axes, _title(row), "Step", "Mean log distance (nats)")
        whole_numbers(axes)
    handles = [
        _handle(BLUE, "solid", label="runs of the same prompt"),
        _handle(VERMILLION, "dashed", label="slope before it levels off"),
        _handle(GREY, "dotted", label="slope over all rounds"),
        _handle(ORANGE, "dashdot", label="levels off"),
    ]
    legend(figure, handles, loc="outside lower left", columns=2)
    caption = (
        "Mean of the logarithms of the distances between runs of the same prompt with other seeds, with 95 % bands "
        f"over runs, and its least-squares slopes. {_counted(networks)}."
    )
    return [Drawing("lyapunov", figure, caption)]


def _of(table: pl.DataFrame, row: dict[str, Any]) -> pl.DataFrame:
    return table.filter(table["network"] == row["network"], table["embedder"] == row["embedder"])


def _title(row: dict[str, Any]) -> str:
    mark = "* " if row["caution"] else ""
    return f"{mark}{row['network']}, seen by {row['embedder']}, {count(row['n'], 'run')}"


def _counted(table: pl.DataFrame) -> str:
    star = "; * see the caution in the table" if (table["caution"] != "").any() else ""
    numbers = sorted(table["n"].to_list())
    runs = count(numbers[-1], "run") if numbers[0] == numbers[-1] else f"{numbers[0]} to {numbers[-1]} runs"
    return f"n = {runs} in a panel{star}"


def _banded(axes: Axes, rows: pl.DataFrame, value: str, colour: str, line: str) -> None:
    steps, low, high = (rows[name].cast(float).to_numpy() for name in ("step", "low", "high"))
    axes.fill_between(steps, low, high, alpha=0.18, color=colour, linewidth=0)
    axes.plot(steps, rows[value].to_numpy(), color=colour, linewidth=1.6, linestyle=line)


def _handle(colour: str, line: str, *, label: str) -> Any:
    from matplotlib.lines import Line2D

    style: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": 1.6}
    return Line2D([], [], label=label, **style)


DRAWINGS = {
    "divergence": _divergence,
    "recoverability": _recoverability,
    "relaxation": _relaxation,
    "lyapunov": _lyapunov,
}
