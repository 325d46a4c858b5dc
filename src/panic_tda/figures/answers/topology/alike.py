"""The distances between the shapes of all runs, and how much closer those of a group are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.topology.shapes import NAMES
from panic_tda.answers.words import count, shorten
from panic_tda.figures.drawing import BLUE, GREY, INK, TEXT, VERMILLION, name_axes, panels

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_NAMED_RUNS = 24


def diagram_distances(answer: Answer) -> list[Drawing]:
    drawings = [_heat_maps(answer)]
    if len(answer.tables["groups"]):
        drawings.append(_effects(answer.tables["groups"]))
    return drawings


def _heat_maps(answer: Answer) -> Drawing:
    pairs, runs = answer.tables["pairs"], answer.tables["runs"]
    keys = pairs.select("embedder", "dimension").unique(maintain_order=True).rows()
    largest = max(len(runs.filter(runs["embedder"] == embedder)) for embedder, _ in keys) if keys else 0
    side = 5.2 if largest <= _NAMED_RUNS else 4.4
    figure, all_axes = panels(len(keys), columns=2, width=side, height=side * 0.8)
    for axes, (embedder, dimension) in zip(all_axes, keys, strict=True):
        mine = runs.filter(runs["embedder"] == embedder)
        _heat_map(axes, mine, pairs.filter((pairs["embedder"] == embedder) & (pairs["dimension"] == dimension)))
        name_axes(axes, f"{NAMES[dimension]}, seen by {embedder}, {count(len(mine), 'run')}", "", "")
    left_out = max(runs["left_out"].to_list())
    caption = (
        "Sliced Wasserstein distance between the persistence diagrams of every two runs (50 directions; the lighter, "
        "the more alike in shape), runs by network, prompt and seed; lines part the networks, ticks stand where a "
        "prompt begins. A measure of its own: near the Wasserstein distance, not the same."
        + (f" {left_out:,} runs are left out, drawn at random." if left_out else "")
    )
    return Drawing("diagram-distances", figure, caption)


def _heat_map(axes: Axes, runs: pl.DataFrame, pairs: pl.DataFrame) -> None:
    matrix = _matrix(runs["run_id"].to_list(), pairs)
    image = axes.imshow(matrix, cmap="cividis_r", interpolation="nearest", vmin=0.0)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.75)
    bar.ax.tick_params(labelsize=TEXT - 1, colors=INK, width=0.6, length=3)
    bar.set_label("Distance", fontsize=TEXT, color=INK)
    bar.outline.set_visible(False)
    for place in _changes(runs["network"]):
        axes.axhline(place - 0.5, color=VERMILLION, linewidth=1.0)
        axes.axvline(place - 0.5, color=VERMILLION, linewidth=1.0)
    named = len(runs) <= _NAMED_RUNS
    prompts = runs["network"] + "\0" + runs["prompt"]
    places = list(range(len(runs))) if named else [0, *_changes(prompts)]
    labels = [shorten(runs["name"][place], 34) for place in places] if named else [""] * len(places)
    axes.set_yticks(places, labels, fontsize=TEXT - 2.5, parse_math=False)
    axes.set_xticks(places, [""] * len(places))


def _matrix(order: list[str], pairs: pl.DataFrame) -> NDArray[np.float64]:
    import numpy as np

    place = {run_id: index for index, run_id in enumerate(order)}
    rows = [place[run_id] for run_id in pairs["run_id"]], [place[run_id] for run_id in pairs["other_run_id"]]
    matrix = np.zeros((len(order), len(order)))
    matrix[rows] = matrix[rows[::-1]] = pairs["sliced_wasserstein"].to_numpy()
    return matrix


def _changes(labels: pl.Series) -> list[int]:
    values = labels.to_list()
    return [index for index in range(1, len(values)) if values[index] != values[index - 1]]


def _effects(groups: pl.DataFrame) -> Drawing:
    """How much closer runs of a group are, with its interval: one row for each factor, dimension and embedder."""
    embedders = groups["embedder"].unique(maintain_order=True).to_list()
    rows = max(len(groups.filter(groups["embedder"] == embedder)) for embedder in embedders)
    figure, all_axes = panels(len(embedders), columns=2, width=4.8, height=1.1 + 0.28 * rows)
    for axes, embedder in zip(all_axes, embedders, strict=True):
        mine = groups.filter(groups["embedder"] == embedder).sort("factor", "dimension")
        for place, row in enumerate(mine.iter_rows(named=True)):
            filled = row["adjusted_p"] <= 0.05
            axes.hlines(place, row["low"], row["high"], color=BLUE, linewidth=1.4,
                        linestyle="dotted" if row["caution"] else "solid")  # fmt: skip
            axes.plot(row["effect"], place, "o", color=BLUE, markerfacecolor=BLUE if filled else "white", markersize=5)
        axes.axvline(0.0, color=GREY, linewidth=0.8, linestyle="dashed")
        labels = [f"{row['factor']}, {NAMES[row['dimension']]}" for row in mine.iter_rows(named=True)]
        axes.set_yticks(range(len(mine)), labels)
        axes.set_ylim(len(mine) - 0.5, -0.5)
        axes.set_xlim(-1.05, 1.05)
        name_axes(axes, f"Seen by {embedder}, {count(int(mine['n'].max()), 'run')}",  # type: ignore[arg-type]
                  "1 − distance within / distance between", "")  # fmt: skip
    caption = (
        "How much closer in shape runs of the same network, prompt or seed are than others, with 95 % bootstrap "
        "intervals over runs (cut off at −1). Filled: the permutation test tells the groups (p ≤ 0.05 after Holm's "
        "adjustment). Dotted: with a caution."
    )
    return Drawing("groups", figure, caption)
