"""How much of each statistic of shape repeats explain, and what the rest still tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.words import count
from panic_tda.figures.drawing import BLUE, INK, TEXT, name_axes, panels

if TYPE_CHECKING:
    import polars as pl


def beyond_repeats(answer: Answer) -> list[Drawing]:
    statistics = answer.tables["statistics"]
    embedders = statistics["embedder"].unique(maintain_order=True).to_list()
    figure, all_axes = panels(len(embedders), columns=2, width=4.8, height=2.6)
    for axes, embedder in zip(all_axes, embedders, strict=True):
        mine = statistics.filter(statistics["embedder"] == embedder)
        rows = mine.unique("statistic", keep="first", maintain_order=True)
        shares = [share or 0.0 for share in rows["explained"]]
        axes.barh(range(len(rows)), shares, color=BLUE, height=0.6)
        for place, words in enumerate(_told(mine, rows["statistic"].to_list())):
            inside = shares[place] > 0.6
            axes.annotate(words, (shares[place], place), xytext=(-4 if inside else 4, 0), textcoords="offset points",
                          ha="right" if inside else "left", va="center", fontsize=TEXT - 1.5,
                          color="white" if inside else INK)  # fmt: skip
        axes.set_yticks(range(len(rows)), rows["statistic"].to_list())
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0.0, 1.0)
        name_axes(
            axes, f"Seen by {embedder}, {count(rows['n'][0], 'run')}", "Share explained (adjusted R² of ranks)", ""
        )
    caption = (
        "How much of the differences between runs in each statistic of shape the number of distinct outputs and the "
        "mean dwell time explain; beside the bars, what the rest still tells (permutation test, p ≤ 0.05 after Holm's "
        "adjustment)."
    )
    return [Drawing("beyond-repeats", figure, caption)]


def _told(mine: pl.DataFrame, statistics: list[str]) -> Iterator[str]:
    for statistic in statistics:
        rows = mine.filter(mine["statistic"] == statistic)
        told = rows.filter(rows["adjusted_p"] <= 0.05)["factor"].to_list()
        if rows["explained"][0] is None:
            yield "the same in all runs"
        else:
            yield f"rest tells {' and '.join(told)}" if told else ""
