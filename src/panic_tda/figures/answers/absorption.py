"""The share of runs that are stuck, step by step."""

from __future__ import annotations

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.words import count
from panic_tda.figures.drawing import BLUE, name_axes, panels, whole_numbers


def _absorption(answer: Answer) -> list[Drawing]:
    curve, networks = answer.tables["curve"], answer.tables["networks"]
    figure, all_axes = panels(len(networks), columns=2, width=4.4, height=2.9)
    for axes, row in zip(all_axes, networks.iter_rows(named=True), strict=True):
        rows = curve.filter(curve["network"] == row["network"])
        axes.fill_between(rows["step"], rows["low"], rows["high"], step="post", alpha=0.18, color=BLUE, lw=0)
        axes.step(rows["step"], rows["absorbed"], where="post", linewidth=1.6, color=BLUE)
        caution = f", {row['caution']}" if row["caution"] else f", {count(row['runs'], 'run')}"
        name_axes(axes, f"{row['network']}{caution}", "Step", "Share of runs stuck")
        axes.set_ylim(-0.02, 1.02)
        whole_numbers(axes)
    caption = (
        "Share of runs that repeat themselves exactly from this step on (Kaplan–Meier; runs that end unabsorbed are "
        f"watched until then), with 95 % bands; {count(int(networks['runs'].sum()), 'run')}."
    )
    return [Drawing("absorption", figure, caption)]


DRAWINGS = {"absorption": _absorption}
