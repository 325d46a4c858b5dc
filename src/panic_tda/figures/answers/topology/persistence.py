"""Persistent entropy of each run against the number of its distinct outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.words import count, shorten
from panic_tda.figures.drawing import GREY, legend, line_style, name_axes, panels, whole_numbers

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = "o^sDvPX*"


def persistence(answer: Answer) -> list[Drawing]:
    runs, entropy = answer.tables["runs"], answer.tables["entropy"]
    embedders = runs["embedder"].unique(maintain_order=True).to_list()
    networks = runs["network"].unique(maintain_order=True).to_list()
    figure, all_axes = panels(2 * len(embedders), columns=2, width=4.2, height=3.0)
    for index, axes in enumerate(all_axes):
        mine = runs.filter(runs["embedder"] == embedders[index // 2])
        normalised = bool(index % 2)
        _entropies(axes, mine, networks, "normalised_entropy_h0" if normalised else "entropy_h0")
        row = entropy.row(by_predicate=_of(entropy, embedders[index // 2], normalised), named=True)
        known = "" if row["correlation"] is None else f": rank correlation {row['correlation']:.2f}".replace("-", "−")
        title = f"{embedders[index // 2]}, {count(len(mine), 'run')}{known}"
        name_axes(axes, title, "Distinct outputs", "Normalised entropy (H0)" if normalised else "Entropy (H0), nats")
        whole_numbers(axes)
    _networks_key(figure, networks)
    caption = (
        "Persistent entropy of the pieces (H0) of each run against the number of its distinct outputs; the dashed line "
        "is the most there can be. Plain entropy (left) grows with that number alone, normalised entropy (right) does "
        "not have to. Hollow: fewer than five distinct outputs."
    )
    return [Drawing("entropy", figure, caption)]


def _of(entropy: pl.DataFrame, embedder: str, normalised: bool) -> pl.Expr:
    import polars as pl

    return (pl.col("embedder") == embedder) & (pl.col("dimension") == 0) & (pl.col("normalised") == normalised)


def _entropies(axes: Axes, mine: pl.DataFrame, networks: list[str], column: str) -> None:
    import numpy as np

    most = int(mine["distinct_points"].max())  # type: ignore[arg-type]
    grid = np.linspace(2, max(most, 3), 100)
    limit = np.ones_like(grid) if column.startswith("normalised") else np.log(np.maximum(grid - 1, 1.0))
    axes.plot(grid, limit, color=GREY, linestyle="dashed", linewidth=1.0)
    for row in mine.iter_rows(named=True):
        style = _mark(networks.index(row["network"]), filled=not row["caution"].startswith("only"))
        axes.plot(row["distinct_points"], row[column], **style)


def _mark(index: int, *, filled: bool = True) -> dict[str, Any]:
    colour = line_style(index)["color"]
    return {"color": colour, "marker": _MARKS[index % len(_MARKS)], "markerfacecolor": colour if filled else "white",
            "markersize": 4.5, "linestyle": "none", "alpha": 0.85}  # fmt: skip


def _networks_key(figure: Figure, networks: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=shorten(name, 60), **_mark(index)) for index, name in enumerate(networks)]
    legend(figure, handles, loc="outside lower left", columns=2)
