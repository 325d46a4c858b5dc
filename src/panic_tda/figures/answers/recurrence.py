"""Determinism of every run beside its shuffled band, and how many visits have not come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.trajectory import evenly
from panic_tda.answers.words import count
from panic_tda.figures.drawing import BLUE, GREY, VERMILLION, legend, line_style, name_axes, panels, whole_numbers

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_RUNS = 60
_FEW_RUNS = 5


def _recurrence(answer: Answer) -> list[Drawing]:
    runs = answer.tables["runs"]
    groups = runs.partition_by("embedder", "network", maintain_order=True)
    figure, all_axes = panels(len(groups), columns=2, width=4.4, height=3.0)
    for axes, group in zip(all_axes, groups, strict=True):
        _determinism(axes, group.sort("determinism"))
    _key(figure)
    least = int(runs["surrogates"].min())  # type: ignore[arg-type]
    caption = (
        "Determinism of each run (the share of near returns that go on for at least two rounds), lowest to highest, "
        f"over the 95 % band of at least {least} shufflings of its own rounds; {count(len(runs), 'run')} as each "
        f"embedder sees them; of a network at most {_MOST_RUNS} are drawn."
    )
    return [Drawing("determinism", figure, caption)]


def _determinism(axes: Axes, group: pl.DataFrame) -> None:
    chosen = group[evenly(len(group), _MOST_RUNS)]
    places = list(range(1, len(chosen) + 1))
    axes.vlines(places, chosen["determinism_low"], chosen["determinism_high"], color=GREY, linewidth=2.4, alpha=0.75)
    for place, row in zip(places, chosen.iter_rows(named=True), strict=True):
        colour = VERMILLION if row["stuck"] else BLUE
        mark = "s" if row["stuck"] else "D" if "slow:" in row["caution"] else "o"
        filled = row["determinism_p"] <= 0.05 and not row["stuck"]
        axes.plot(place, row["determinism"], mark, **_marker(colour, filled=filled))
    few = "only " if len(group) < _FEW_RUNS else ""
    title = f"{group['network'][0]}, seen by {group['embedder'][0]}, {few}{count(len(group), 'run')}"
    name_axes(axes, title, "Runs, by determinism", "Determinism")
    axes.set_xticks([])
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlim(0, len(chosen) + 1)


def _marker(colour: str, *, filled: bool = True) -> dict[str, Any]:
    face = colour if filled else "white"
    return {"color": colour, "markerfacecolor": face, "markersize": 4.5, "linestyle": "none"}


def _key(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=GREY, linewidth=2.4, label="shuffled, 95 %"),
        Line2D([], [], marker="o", label="above it (p ≤ 0.05)", **_marker(BLUE)),
        Line2D([], [], marker="o", label="not above it", **_marker(BLUE, filled=False)),
        Line2D([], [], marker="D", label="slow: near in time is near in place", **_marker(BLUE)),
        Line2D([], [], marker="s", label="repeats exactly", **_marker(VERMILLION, filled=False)),
    ]
    legend(figure, handles, loc="outside lower left", columns=3)


def _returns(answer: Answer) -> list[Drawing]:
    networks, curve = answer.tables["networks"], answer.tables["curve"]
    near = networks.filter(networks["kind"] == "near")
    embedders = near["embedder"].unique(maintain_order=True).to_list()
    networks_seen = near["network"].unique(maintain_order=True).to_list()
    figure, all_axes = panels(len(embedders), columns=2, width=4.6, height=3.2)
    for axes, embedder in zip(all_axes, embedders, strict=True):
        rows = near.filter(near["embedder"] == embedder)
        for row in rows.iter_rows(named=True):
            _curve(axes, curve, row, networks_seen.index(row["network"]))
        name_axes(axes, f"Seen by {embedder}, near: within {rows['within'][0]:.2g}", "Rounds since the visit",
                  "Share of visits not back")  # fmt: skip
        axes.set_ylim(-0.02, 1.02)
        whole_numbers(axes)
    _networks_key(figure, networks_seen)
    visits = sum(row["returns"] + row["not_returned"] for row in near.iter_rows(named=True))
    caption = (
        "Share of visits to a place, once left, to which the run has not yet come near again (near: closer than nine "
        "tenths of the pairs of outputs of different runs; product-limit estimate; "
        f"visits still away at the end are watched until then); {visits:,} visits. Of dotted lines the mean is only a "
        "lower bound, or rests on few runs or returns. Runs that stopped in an exact loop are continued by it."
    )
    return [Drawing("returns", figure, caption)]


def _curve(axes: Axes, curve: pl.DataFrame, row: dict[str, Any], index: int) -> None:
    mine = (curve["embedder"] == row["embedder"]) & (curve["network"] == row["network"]) & (curve["kind"] == "near")
    points = curve.filter(mine)
    style = line_style(index) | ({"linestyle": "dotted"} if row["caution"] else {})
    axes.step(points["rounds"], points["not_returned"], where="post", linewidth=1.6, **style)


def _networks_key(figure: Figure, networks: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linewidth=1.6, label=name, **line_style(index)) for index, name in enumerate(networks)]
    handles.append(Line2D([], [], linewidth=1.6, color=GREY, linestyle="dotted", label="with a caution"))
    legend(figure, handles, loc="outside lower left", columns=2)


DRAWINGS = {"recurrence": _recurrence, "returns": _returns}
