"""The transition matrix with its states, the survival of stays, and the states of runs round by round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.words import shorten
from panic_tda.figures.drawing import COLOURS, INK, TEXT, legend, name_axes, panels, whole_numbers

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes

Colour = tuple[float, float, float]

MOST_STATES = 10
"""States a panel of transitions shows, the most visited ones."""

MOST_CURVES, FEWEST_EXITS = 4, 5
"""Curves of stays in a panel, and completed stays below which a state has none."""

GAP = "#E4E6E8"


def states(answer: Answer) -> list[Drawing]:
    """Three figures, each with a panel for each network and embedder that has any states."""
    table = answer.tables["states"]
    groups = table.unique(("embedder", "network"), maintain_order=True).select("embedder", "network")
    if groups.is_empty():
        return []
    drawn = [_rounds(answer, groups)]
    if len(answer.tables["transitions"]):
        drawn.insert(0, _transitions(answer, groups))
    if (table["completed"] >= FEWEST_EXITS).any():
        drawn.append(_survival(answer, groups))
    return drawn


def _of(table: pl.DataFrame, row: dict[str, Any]) -> pl.DataFrame:
    return table.filter(table["embedder"] == row["embedder"], table["network"] == row["network"])


def _title(row: dict[str, Any]) -> str:
    return f"{row['network']} ({row['embedder']})"


def _transitions(answer: Answer, groups: pl.DataFrame) -> Drawing:
    moves = answer.tables["transitions"]
    shown = [row for row in groups.iter_rows(named=True) if len(_of(moves, row))]
    most = max(min(MOST_STATES, len(_of(answer.tables["states"], row))) for row in shown)
    figure, all_axes = panels(len(shown), columns=2, width=4.4 + 0.2 * most, height=1.3 + 0.26 * most)
    for axes, row in zip(all_axes, shown, strict=True):
        _matrix(axes, _of(answer.tables["states"], row).head(MOST_STATES), _of(moves, row), row)
    runs = "the most visited states" if _more(answer, MOST_STATES) else "all states"
    caption = (
        "From the state of a row to the state of a column in one round, in per cent of the moves (median of the "
        f"posterior; {runs}; at a small circle fewer than 5 moves are recorded). Names are the outputs nearest to all "
        f"others of the state; ∎ a state never left. {_clustering(answer)}"
    )
    return Drawing("transitions", figure, caption)


def _matrix(axes: Axes, states: pl.DataFrame, moves: pl.DataFrame, row: dict[str, Any]) -> None:
    import numpy as np

    letters, names, stuck = (states[column].to_list() for column in ("state", "name", "never_left"))
    chances = {(source, target): p for source, target, p in moves.select("source", "target", "probability").iter_rows()}
    matrix = np.array([[chances[source, target] for target in letters] for source in letters])
    axes.imshow(matrix, cmap="Blues", vmin=0.0, vmax=1.25, aspect="auto", interpolation="nearest")
    for (i, j), chance in np.ndenumerate(matrix):
        if chance >= 0.005:
            ink = "white" if chance > 0.6 else INK
            axes.text(j, i, f"{100 * chance:.0f}", ha="center", va="center", fontsize=TEXT - 2, color=ink)
    few = {source for source, n in moves.select("source", "n").iter_rows() if n < 5}
    for i, source in enumerate(letters):
        if source in few:
            axes.plot(len(letters) - 0.3, i, "o", markersize=3, markerfacecolor="none", color=INK, clip_on=False)
    marks = [f"{shorten(name, 26)}{' ∎' if never else ''}" for name, never in zip(names, stuck, strict=True)]
    axes.set_yticks(range(len(letters)), marks, parse_math=False)
    axes.set_xticks(range(len(letters)), letters)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    name_axes(axes, _title(row), "To", "From")


def _rounds(answer: Answer, groups: pl.DataFrame) -> Drawing:
    """One line of little squares for each run."""
    rounds = answer.tables["rounds"]
    lines = [_of(rounds, row)["run_id"].n_unique() for row in groups.iter_rows(named=True)]
    figure, all_axes = panels(len(groups), columns=2, width=4.8, height=1.6 + 0.09 * max(lines))
    for axes, row in zip(all_axes, groups.iter_rows(named=True), strict=True):
        colours = _colours(answer.tables["states"], row["embedder"])
        _strips(axes, _of(rounds, row), _of(answer.tables["states"], row), colours, row)
    listed = "runs evenly chosen of all, " if _left_out(answer) else ""
    caption = (
        f"The state of each run in each round ({listed}one line for each run, rules between prompts); pale where the "
        "output itself lies in no state and counts to the one visited last; grey before the first. "
        f"{_clustering(answer)}"
    )
    return Drawing("rounds", figure, caption)


def _strips(
    axes: Axes, rounds: pl.DataFrame, states: pl.DataFrame, colours: dict[str, Colour], row: dict[str, Any]
) -> None:
    import numpy as np
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    runs, steps = rounds["run_id"].unique(maintain_order=True).to_list(), sorted(rounds["step"].unique())
    number = {run: index for index, run in enumerate(runs)}
    place = {step: index for index, step in enumerate(steps)}
    image = np.ones((len(runs), len(steps), 4))
    image[:, :, 3] = 0.0
    for run, step, state, cluster in rounds.select("run_id", "step", "state", "cluster").iter_rows():
        colour = to_rgb(GAP) if state is None else colours[state]
        tint = 1.0 if cluster is not None or state is None else 0.45
        image[number[run], place[step]] = (*(1 - tint * (1 - np.array(colour))), 1.0)
    wide = (steps[1] - steps[0]) / 2 if len(steps) > 1 else 0.5
    extent = (steps[0] - wide, steps[-1] + wide, len(runs) - 0.5, -0.5)
    axes.imshow(image, aspect="auto", interpolation="nearest", extent=extent)
    prompts = rounds.unique("run_id", maintain_order=True)["prompt"].to_list()
    for line in range(1, len(runs)):
        if prompts[line] != prompts[line - 1]:
            axes.axhline(line - 0.5, color=INK, linewidth=0.8)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    name_axes(axes, _title(row), "Step", f"{len(runs)} runs" if len(runs) > 1 else "1 run")
    whole_numbers(axes)
    named = states.head(len(COLOURS)).select("state", "name").iter_rows()
    _legend_beside(axes, [Patch(color=colours[state], label=shorten(name, 34)) for state, name in named])


def _legend_beside(axes: Axes, handles: list[Any]) -> None:
    legend(axes, handles, loc="upper left")
    box = axes.get_legend()
    if box is not None:
        box.set_bbox_to_anchor((1.0, 1.02))


def _colours(states: pl.DataFrame, embedder: str) -> dict[str, Colour]:
    """One colour for each state of an embedder, whatever the network, the clearest for the most visited."""
    import polars as pl

    mine = states.filter(states["embedder"] == embedder).group_by("state", maintain_order=True)
    order = mine.agg(pl.col("rounds").sum()).sort("rounds", "state", descending=[True, False])["state"]
    return {state: _colour(index) for index, state in enumerate(order)}


def _colour(index: int) -> Colour:
    """The palette, and for further states the palette again, lighter each time."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(COLOURS[index % len(COLOURS)])
    depth = 0.6 ** (index // len(COLOURS))
    return 1 - depth * (1 - red), 1 - depth * (1 - green), 1 - depth * (1 - blue)


def _survival(answer: Answer, groups: pl.DataFrame) -> Drawing:
    curves, table = answer.tables["survival"], answer.tables["states"]
    table = table.filter(table["completed"] >= FEWEST_EXITS)
    shown = table.unique(("embedder", "network"), maintain_order=True).select("embedder", "network").to_dicts()
    figure, all_axes = panels(len(shown), columns=2, width=4.6, height=3.0)
    for axes, row in zip(all_axes, shown, strict=True):
        states = _of(table, row).sort("completed", descending=True).head(MOST_CURVES).to_dicts()
        colours = _colours(answer.tables["states"], row["embedder"])
        handles = [_curve(axes, _of(curves, row), colours[state["state"]], state) for state in states]
        name_axes(axes, _title(row), "Rounds in the state", "Share of stays that last longer")
        axes.set_ylim(-0.02, 1.02)
        whole_numbers(axes)
        _legend_beside(axes, handles)
    caption = (
        "How long stays last (Kaplan–Meier; stays cut off by the end of a run or its loop are watched until then), "
        f"with 95 % bands, of the {MOST_CURVES} states most often left; n: stays seen to end. Dashed: fewer than 20."
    )
    return Drawing("stays", figure, caption)


def _curve(axes: Axes, curves: pl.DataFrame, colour: Colour, state: dict[str, Any]) -> Any:
    mine = curves.filter(curves["state"] == state["state"])
    dash = "dashed" if state["completed"] < 20 else "solid"
    label = f"{shorten(state['name'], 24)}, n = {state['completed']},\n{_law(state['law'])}"
    axes.fill_between(mine["rounds"], mine["low"], mine["high"], step="post", alpha=0.12, color=colour, lw=0)
    line = axes.step(mine["rounds"], mine["surviving"], where="post", lw=1.5, color=colour, ls=dash, label=label)
    return line[0]


def _law(law: str) -> str:
    return {"too few": "too few to tell its law", "regular": "more regular than chance"}.get(law, law)


def _clustering(answer: Answer) -> str:
    origins = sorted({origin.split(",")[0].upper() for origin in answer.tables["states"]["clustering"]})
    return f"States are clusters ({', '.join(origins)})."


def _more(answer: Answer, limit: int) -> bool:
    sizes = answer.tables["states"].group_by("embedder", "network").len()["len"]
    return int(sizes.max() or 0) > limit  # type: ignore[arg-type]


def _left_out(answer: Answer) -> bool:
    chains, rounds = answer.tables["chains"], answer.tables["rounds"]
    runs = chains.filter(chains["quantity"] == "share of rounds in no state")["n"].sum()
    return bool(runs > rounds.select("run_id", "embedder").n_unique())
