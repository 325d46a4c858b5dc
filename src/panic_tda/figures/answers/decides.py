"""What decides, as bars: one for each factor, one panel for each outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.words import count
from panic_tda.figures.drawing import BLUE, GREY, INK, TEXT, legend, name_axes, panels

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes

SIGNIFICANT = 0.05


def _decides(answer: Answer) -> list[Drawing]:
    from matplotlib.patches import Patch

    effects, outcomes = answer.tables["effects"], answer.tables["outcomes"]
    most = max(2 + each for each in effects.group_by("outcome", "embedder").len()["len"])
    figure, all_axes = panels(len(outcomes), columns=2, width=4.6, height=1.1 + 0.32 * most)
    for axes, row in zip(all_axes, outcomes.iter_rows(named=True), strict=True):
        mine = effects.filter(effects["outcome"] == row["outcome"], effects["embedder"] == row["embedder"])
        _panel(axes, mine, row)
    handles = [
        Patch(color=BLUE, label="decides (p ≤ 0.05)"),
        Patch(facecolor="white", edgecolor=BLUE, hatch="////", label="not told from chance"),
        Patch(color=GREY, alpha=0.4, label="no single factor"),
    ]
    legend(figure, handles, loc="outside lower left", columns=3)
    caption = (
        "Share of the differences between runs that each factor decides beyond the others (ω² of a permutational "
        "analysis of variance), with 95 % intervals over runs and permutation p-values; * with a caution. "
        f"{count(int(outcomes['runs'].max() or 0), 'run')}."  # type: ignore[arg-type]
    )
    return [Drawing("decides", figure, caption)]


def _panel(axes: Axes, effects: pl.DataFrame, row: dict[str, Any]) -> None:
    rows = effects.sort("share", descending=True, nulls_last=True).to_dicts()
    names = [f"{each['factor']}{'*' if each['caution'] else ''}" for each in rows]
    for place, each in enumerate(rows):
        _bar(axes, place, each)
    rest = "chance" if row["interplay"] is not None else "interplay and chance"
    for name, share in (("their interplay", row["interplay"]), (rest, row["left"])):
        if share is not None:
            axes.barh(len(names), 100 * share, height=0.62, color=GREY, alpha=0.4, linewidth=0)
            names.append(name)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0.0, 118.0)
    axes.set_xticks(range(0, 101, 20))
    starred = "*" if row["caution"] else ""
    seen = f" ({row['embedder']})" if row["embedder"] else ""
    title = f"{row['words'][0].upper()}{row['words'][1:]}{seen}{starred}, {count(row['runs'], 'run')}"
    name_axes(axes, title, "Share of the differences, %", "")


def _bar(axes: Axes, place: int, effect: dict[str, Any]) -> None:
    if effect["share"] is None:
        axes.text(1.0, place, "cannot be told", va="center", fontsize=TEXT - 1.5, color=INK)
        return
    share, low, high = (100 * max(0.0, effect[name] or 0.0) for name in ("share", "low", "high"))
    told = effect["p_value"] <= SIGNIFICANT
    looks: dict[str, Any] = {"color": BLUE} if told else {"facecolor": "none", "edgecolor": BLUE, "hatch": "////"}
    axes.barh(place, share, height=0.62, linewidth=0.6, **looks)
    if effect["low"] is not None:
        axes.plot([low, high], [place, place], color=INK, linewidth=1.0)
    axes.text(
        max(share, high) + 1.5, place, f"p = {effect['p_value']:.2g}", va="center", fontsize=TEXT - 1.5, color=INK
    )


DRAWINGS = {"decides": _decides}
