"""The figures of published work, drawn for these runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.words import count
from panic_tda.figures.drawing import BLUE, GREY, VERMILLION, legend, line_style, name_axes, panels, whole_numbers

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CAUTIONED = "with a caution"


def _curves(table: pl.DataFrame, x: str, y: str, words: tuple[str, str]) -> Figure:
    """One panel for each embedder, one line with its band for each network; dotted where it is cautioned."""
    embedders = table["embedder"].unique(maintain_order=True).to_list()
    networks = table["network"].unique(maintain_order=True).to_list()
    figure, all_axes = panels(len(embedders), columns=2, width=4.6, height=3.2)
    for axes, embedder in zip(all_axes, embedders, strict=True):
        for index, network in enumerate(networks):
            rows = table.filter(table["embedder"] == embedder, table["network"] == network)
            style = line_style(index) | ({"linestyle": "dotted"} if _any_caution(rows) else {})
            known = rows.drop_nulls(["low", "high"])
            axes.fill_between(known[x], known["low"], known["high"], color=style["color"], alpha=0.15, lw=0)
            axes.plot(rows[x], rows[y], linewidth=1.6, **style)
        name_axes(axes, f"Seen by {embedder}", *words)
        axes.set_ylim(bottom=0)
        whole_numbers(axes)
    _network_key(figure, networks, cautioned=_any_caution(table))
    return figure


def _any_caution(table: pl.DataFrame) -> bool:
    return bool((table["caution"] != "").any())


def _network_key(figure: Figure, networks: Sequence[str], *, cautioned: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linewidth=1.6, label=name, **line_style(index)) for index, name in enumerate(networks)]
    if cautioned:
        handles.append(Line2D([], [], linewidth=1.6, color=GREY, linestyle="dotted", label=_CAUTIONED))
    legend(figure, handles, loc="outside lower left", columns=2)


def _most_runs(table: pl.DataFrame) -> str:
    return count(max(table["n"].to_list(), default=0), "run")


def _hintze(answer: Answer) -> list[Drawing]:
    table = answer.tables["distance_to_round_0"]
    figure = _curves(table, "round", "distance", ("Round", "Distance to round 0 (0 to 2)"))
    caption = (
        "Mean distance of the outputs to the first one the embedder saw, by round, with 95 % bands over runs "
        f"(up to {_most_runs(table)} of a network). Runs that stopped in an exact loop are continued by it."
    )
    drawn = [Drawing("distance_to_round_0", figure, caption)]
    return drawn + ([_motifs(answer)] if len(answer.tables["motifs"]) else [])


def _motifs(answer: Answer) -> Drawing:
    from matplotlib.ticker import MaxNLocator

    counts, tests = answer.tables["motifs"], answer.tables["motif_test"]
    figure, all_axes = panels(len(tests), columns=2, width=4.6, height=3.4)
    for axes, test in zip(all_axes, tests.iter_rows(named=True), strict=True):
        rows = counts.filter(counts["embedder"] == test["embedder"])
        _motif_bars(axes, rows)
        told = f"V = {test['cramers_v']:.2f} (chance {test['chance_v']:.2f}), p = {test['p_chi_square']:.3f}"
        name_axes(axes, f"{test['embedder']}: {told}", "Motif", "Runs that end in it")
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    _bar_key(figure, counts["network"].unique(maintain_order=True).to_list())
    caption = (
        f"In which motif (cluster of final outputs; “none”: in no cluster) the runs of each network end; "
        f"{_most_runs(tests)}. Cramér's V is 0 when motif and network have nothing to do with each other and 1 when "
        "the network settles the motif; p is by permutation within prompts."
    )
    return Drawing("motifs", figure, caption)


def _motif_bars(axes: Axes, rows: pl.DataFrame) -> None:
    motifs = rows["motif"].unique(maintain_order=True).to_list()
    networks = rows["network"].unique(maintain_order=True).to_list()
    width = 0.8 / len(networks)
    for index, network in enumerate(networks):
        mine = dict(rows.filter(rows["network"] == network).select("motif", "runs").iter_rows())
        places = [place + (index - (len(networks) - 1) / 2) * width for place in range(len(motifs))]
        axes.bar(places, [mine.get(motif, 0) for motif in motifs], 0.9 * width, color=line_style(index)["color"])
    axes.set_xticks(range(len(motifs)), [motif.removeprefix("motif ") for motif in motifs])


def _bar_key(figure: Figure, networks: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=line_style(index)["color"], label=name) for index, name in enumerate(networks)]
    legend(figure, handles, loc="outside lower left", columns=2)


def _perez(answer: Answer) -> list[Drawing]:
    runs, attractors = answer.tables["runs"], answer.tables["attractors"]
    figure, all_axes = panels(len(attractors), columns=2, width=4.4, height=3.4)
    for axes, row in zip(all_axes, attractors.iter_rows(named=True), strict=True):
        mine = runs.filter(runs["network"] == row["network"])
        ends = [0.0, 1.05 * max(*mine["initial"].to_list(), *mine["final"].to_list())]
        axes.plot(ends, ends, color=GREY, linewidth=1.0, linestyle="dashed")
        axes.plot(mine["initial"], mine["final"], "o", color=BLUE, markersize=4, alpha=0.6)
        if row["slope"] is not None:
            fitted = [row["intercept"] + row["slope"] * end for end in ends]
            axes.plot(ends, fitted, color=VERMILLION, linewidth=1.6, linestyle="dotted" if row["caution"] else "solid")
        axes.set_ylim(0, None)
        name_axes(axes, f"{row['network']}, {count(row['n'], 'run')} of {count(row['prompts'], 'prompt')}",
                  "Length of the prompt (characters)", "Length of the last text")  # fmt: skip
    _attractor_key(figure)
    caption = (
        f"The length of the last text against that of the prompt, one dot for each run ({len(runs):,} in all), and the "
        "regression line; where it crosses the dashed diagonal lies the attractor. A flat line is a strong attractor."
    )
    return [Drawing("attractor", figure, caption)]


def _attractor_key(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", color=BLUE, linestyle="none", markersize=4, label="run"),
        Line2D([], [], color=VERMILLION, linewidth=1.6, label="regression (dotted: with a caution)"),
        Line2D([], [], color=GREY, linestyle="dashed", linewidth=1.0, label="length unchanged"),
    ]
    legend(figure, handles, loc="outside lower left", columns=3)


def _mollah(answer: Answer) -> list[Drawing]:
    table, drift = answer.tables["similarity"], answer.tables["drift"]
    embedders = table["embedder"].unique(maintain_order=True).to_list()
    networks = table["network"].unique(maintain_order=True).to_list()
    figure, all_axes = panels(len(embedders), columns=2, width=4.6, height=3.2)
    for axes, embedder in zip(all_axes, embedders, strict=True):
        for row in drift.filter(drift["embedder"] == embedder).iter_rows(named=True):
            rows = table.filter(table["embedder"] == embedder, table["network"] == row["network"])
            colour = line_style(networks.index(row["network"]))["color"]
            axes.plot(rows["generation"], rows["similarity"], "o", color=colour, markersize=3)
            if row["rate"] is not None:
                dash = "dotted" if row["caution"] else "solid"
                axes.plot(rows["generation"], rows["fitted"], color=colour, linewidth=1.5, linestyle=dash)
        name_axes(axes, f"Seen by {embedder}", "Generation", "Similarity to generation 0")
        lost = max(1.0 - min(table.filter(table["embedder"] == embedder)["similarity"].to_list()), 0.01)
        axes.set_ylim(1.0 - 1.1 * lost, 1.0 + 0.05 * lost)
        whole_numbers(axes)
    _network_key(figure, networks, cautioned=_any_caution(drift))
    caption = (
        "Mean cosine similarity to the first output the embedder saw (dots) and the fitted decay (lines; the rate is "
        f"that of the curve a · exp(−rate · generation) + c); up to {_most_runs(drift)} of a network."
    )
    return [Drawing("similarity", figure, caption)]


def _tacheny(answer: Answer) -> list[Drawing]:
    table = answer.tables["local_drift"]
    figure = _curves(table, "round", "distance", ("Round", "Distance to the round before (0 to 2)"))
    caption = (
        "Local drift: how far each round moves, as the distance between the vectors of consecutive rounds, with 95 % "
        f"bands over runs (up to {_most_runs(table)} of a network). Runs that stopped in an exact loop are continued."
    )
    return [Drawing("local_drift", figure, caption)]


def _wang(answer: Answer) -> list[Drawing]:
    table = answer.tables["degrees"]
    networks = table["network"].unique(maintain_order=True).to_list()
    if not networks:
        return []
    figure, all_axes = panels(len(networks), columns=2, width=3.6, height=3.5)
    for axes, network in zip(all_axes, networks, strict=True):
        rows = table.filter(table["network"] == network)
        still = rows["caution"] != ""
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.0, linestyle="dashed")
        for chosen, mark in ((rows.filter(~still), "o"), (rows.filter(still), "s")):
            colour = BLUE if mark == "o" else VERMILLION
            axes.plot(chosen["degree_1"], chosen["degree_2"], mark, color=colour, markersize=4.5, alpha=0.7)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        name_axes(axes, f"{network}, {count(len(rows), 'run')}", "Agreement one round apart", "Two rounds apart")
    _degree_key(figure)
    caption = (
        "How much the texts of a run agree (1 − edit distance as a share of the longer text) one and two rounds apart; "
        f"above the dashed line a run alternates. One mark for each of {count(len(table), 'run')}; the height is the "
        "2-periodicity degree."
    )
    return [Drawing("periodicity", figure, caption)]


def _degree_key(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", color=BLUE, linestyle="none", markersize=4.5, label="run"),
        Line2D([], [], marker="s", color=VERMILLION, linestyle="none", markersize=4.5, label="stands still"),
        Line2D([], [], color=GREY, linestyle="dashed", linewidth=1.0, label="as similar one round apart as two"),
    ]
    legend(figure, handles, loc="outside lower left", columns=3)


DRAWINGS = {"hintze": _hintze, "perez": _perez, "mollah": _mollah, "tacheny": _tacheny, "wang": _wang}
