"""How far each run goes from where it began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from panic_tda.answers.trajectory import Cloud, Run, clouds, run_rows
from panic_tda.answers.words import prompt_name
from panic_tda.figures.drawing import GREY, INK, legend, line_style, name_axes, panels, whole_numbers

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED_PROMPTS = 12
_END_MARKS = {"loop": "o", "failed": "X"}


def distance_curves(runs: pl.DataFrame, embeddings: pl.DataFrame, *, columns: int = 2) -> Figure:
    """Distance to the first embedded output against the step, one panel for each (network, embedder).

    One line for each run, coloured by prompt; a dot ends a line whose run looped, a cross one whose run failed.
    """
    rows = {run.run_id: run for run in run_rows(runs)}
    groups: dict[tuple[str, str], list[Cloud]] = {}
    for cloud in clouds(runs, embeddings):
        groups.setdefault((rows[cloud.run_id].network, cloud.model), []).append(cloud)
    styles = {prompt: index for index, prompt in enumerate(dict.fromkeys(run.prompt_sha256 for run in rows.values()))}
    drawn = {cloud.run_id for group in groups.values() for cloud in group}
    named = _legend_handles([run for run in rows.values() if run.run_id in drawn], styles)
    figure, axes = panels(len(groups), columns=columns, width=5.2, height=3.2 + 0.09 * len(named))
    highest = max((float(cloud.distances_to_start().max()) for group in groups.values() for cloud in group), default=1)
    for each, ((network, model), group) in zip(axes, groups.items(), strict=True):
        _panel(each, group, rows, styles)
        each.set_ylim(0, max(highest, 0.1) * 1.06)
        name_axes(each, f"{network}, seen by {model}", "Step", "Distance to the start (0 to 2)")
    if named:
        legend(figure, named, loc="outside lower left", columns=2 if len(named) > 3 else 1)
    return figure


def _panel(axes: Axes, group: Sequence[Cloud], rows: Mapping[str, Run], styles: Mapping[str, int]) -> None:
    for cloud in group:
        run, distances = rows[cloud.run_id], cloud.distances_to_start()
        style = line_style(styles[run.prompt_sha256])
        single = "." if len(distances) == 1 else None
        axes.plot(cloud.steps, distances, **style, linewidth=1.4, alpha=0.85, marker=single)
        if mark := _END_MARKS.get(run.stop_reason or ""):
            axes.plot(cloud.steps[-1:], distances[-1:], color=style["color"], marker=mark, markersize=5, clip_on=False)
    axes.grid(axis="y", color=INK, alpha=0.12, linewidth=0.6)
    whole_numbers(axes)


def _legend_handles(runs: Sequence[Run], styles: Mapping[str, int]) -> list[Artist]:
    from matplotlib.lines import Line2D

    prompts = {run.prompt_sha256: prompt_name(run, 30) for run in runs}
    handles: list[Artist] = [
        Line2D([], [], **line_style(styles[prompt]), label=name)
        for prompt, name in list(prompts.items())[:_NAMED_PROMPTS]
    ]
    if len(prompts) > _NAMED_PROMPTS:
        handles.append(Line2D([], [], linestyle="none", label=f"and {len(prompts) - _NAMED_PROMPTS} more prompts"))
    for reason, words in (("loop", "ends in a loop"), ("failed", "failed")):
        if any(run.stop_reason == reason for run in runs):
            handles.append(Line2D([], [], color=GREY, linestyle="none", marker=_END_MARKS[reason], label=words))
    return handles
