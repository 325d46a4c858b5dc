"""The distances between the shapes of all runs, and how much closer those of a group are."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.topology.shapes import NAMES
from panic_tda.answers.words import count, printable, shorten
from panic_tda.figures.drawing import BLUE, GREY, INK, TEXT, VERMILLION, name_axes, panels

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_NAMED_PROMPTS = 20
_ABREAST = 5
"""Up to so many names of networks stand side by side."""


def diagram_distances(answer: Answer) -> list[Drawing]:
    drawings = [_heat_maps(answer)]
    if len(answer.tables["groups"]):
        drawings.append(_effects(answer.tables["groups"]))
    return drawings


def _heat_maps(answer: Answer) -> Drawing:
    pairs, runs = answer.tables["pairs"], answer.tables["runs"]
    keys = pairs.select("embedder", "dimension").unique(maintain_order=True).rows()
    figure, all_axes = panels(len(keys), columns=2, width=5.0, height=4.0)
    for axes, (embedder, dimension) in zip(all_axes, keys, strict=True):
        mine = runs.filter(runs["embedder"] == embedder)
        _heat_map(axes, mine, pairs.filter((pairs["embedder"] == embedder) & (pairs["dimension"] == dimension)))
        features = NAMES[dimension][0].upper() + NAMES[dimension][1:]
        name_axes(axes, f"{features}, seen by {embedder}, {count(len(mine), 'run')}", "", "")
    left_out = max(runs["left_out"].to_list())
    caption = (
        "Sliced Wasserstein distance between the persistence diagrams of every two runs (50 directions; the lighter, "
        "the more alike in shape), runs by network, prompt and seed; lines part the networks, ticks stand where a "
        "prompt begins. A measure of its own: near the Wasserstein distance, not the same."
        + (f" Left out, drawn at random: {count(left_out, 'run')}." if left_out else "")
    )
    return Drawing("diagram-distances", figure, caption)


def _heat_map(axes: Axes, runs: pl.DataFrame, pairs: pl.DataFrame) -> None:
    matrix = _matrix(runs["run_id"].to_list(), pairs)
    image = axes.imshow(matrix, cmap="cividis_r", interpolation="nearest", vmin=0.0)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.75)
    bar.ax.tick_params(labelsize=TEXT - 1, colors=INK, width=0.6, length=3)
    bar.set_label("Distance", fontsize=TEXT, color=INK)
    bar.outline.set_visible(False)
    networks, prompts = _blocks(runs["network"]), _blocks(runs["network"] + "\0" + runs["prompt"])
    for start, _ in networks[1:]:
        axes.axhline(start - 0.5, color=VERMILLION, linewidth=1.0)
        axes.axvline(start - 0.5, color=VERMILLION, linewidth=1.0)
    axes.set_xticks([(start + end - 1) / 2 for start, end in networks], _network_names(runs, networks))
    axes.tick_params(axis="x", labelrotation=0 if len(networks) <= _ABREAST else 90)
    axes.set_yticks([start - 0.5 for start, _ in prompts], _prompt_names(runs, prompts))
    axes.tick_params(labelsize=TEXT - 2, axis="both")
    for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        label.set(va="top", parse_math=False)


def _network_names(runs: pl.DataFrame, networks: list[tuple[int, int]]) -> list[str]:
    names = [runs["network"][start] for start, _ in networks]
    if len(names) > _ABREAST:
        return [shorten(name, 28) for name in names]
    return ["\n".join(wrap(printable(name), 48 // len(names))[:4]) for name in names]


def _prompt_names(runs: pl.DataFrame, prompts: list[tuple[int, int]]) -> list[str]:
    """The prompt where its runs begin, as long as there is room for all."""
    if len(prompts) > _NAMED_PROMPTS:
        return [""] * len(prompts)
    return [f"“{shorten(runs['prompt'][start], 18)}”" for start, _ in prompts]


def _matrix(order: list[str], pairs: pl.DataFrame) -> NDArray[np.float64]:
    import numpy as np

    place = {run_id: index for index, run_id in enumerate(order)}
    rows = [place[run_id] for run_id in pairs["run_id"]], [place[run_id] for run_id in pairs["other_run_id"]]
    matrix = np.zeros((len(order), len(order)))
    matrix[rows] = matrix[rows[::-1]] = pairs["sliced_wasserstein"].to_numpy()
    return matrix


def _blocks(labels: pl.Series) -> list[tuple[int, int]]:
    """Where each stretch of equal labels begins and ends."""
    values = labels.to_list()
    starts = [index for index, value in enumerate(values) if not index or value != values[index - 1]]
    return list(zip(starts, [*starts[1:], len(values)], strict=True))


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
