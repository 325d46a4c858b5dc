"""Why the runs stopped, network by network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from panic_tda.answers.trajectory import run_rows
from panic_tda.answers.words import STOP_REASONS, shorten, stop_reason
from panic_tda.figures.drawing import INK, STOP_COLOURS, TEXT, legend, name_axes, panels, whole_numbers

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def stop_counts(runs: pl.DataFrame) -> dict[str, Counter[str]]:
    """For each network, by name, how many runs stopped for each reason."""
    counts: dict[str, Counter[str]] = {}
    for run in run_rows(runs):
        counts.setdefault(run.network, Counter())[stop_reason(run)] += 1
    return counts


def stop_reasons(runs: pl.DataFrame) -> Figure:
    """One bar for each network, stacked by stop reason, with the number of runs written into each part."""
    counts = stop_counts(runs)
    figure, axes = panels(min(1, len(counts)), width=6.4, height=1.5 + 0.42 * len(counts))
    for each in axes:
        _stack(each, list(counts.values()))
        each.set_yticks(range(len(counts)), [shorten(name, 44) for name in counts])
        for tick in each.get_yticklabels():
            tick.set_parse_math(False)
        each.invert_yaxis()
        whole_numbers(each)
        name_axes(each, "", "Runs", "")
        legend(figure, each.containers, loc="outside lower left", columns=len(each.containers))
    return figure


def _stack(axes: Axes, counts: Sequence[Counter[str]]) -> None:
    left = [0] * len(counts)
    for reason in STOP_REASONS:
        widths = [found[reason] for found in counts]
        if not any(widths):
            continue
        style: dict[str, Any] = {"color": STOP_COLOURS[reason], "edgecolor": INK, "linewidth": 0.6, "height": 0.62}
        bars = axes.barh(range(len(counts)), widths, left=left, label=reason, **style)
        numbers = [str(width or "") for width in widths]
        axes.bar_label(bars, numbers, label_type="center", color="white", fontsize=TEXT, fontweight="bold")
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_xlim(0, max(left) * 1.01)
