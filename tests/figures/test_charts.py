from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure

from panic_tda.answers.evidence import Frames
from panic_tda.figures.curves import distance_curves
from panic_tda.figures.diagrams import persistence_diagrams
from panic_tda.figures.drawing import to_png, to_svg
from panic_tda.figures.recurrence import exact_repeats, recurrence_plots
from panic_tda.figures.stops import stop_counts, stop_reasons
from support.builders import Lab, small_lab


def all_charts(frames: Frames) -> dict[str, Figure]:
    return {
        "curves": distance_curves(frames.runs, frames.embeddings),
        "recurrence": recurrence_plots(frames.runs, frames.invocations, frames.embeddings),
        "diagrams": persistence_diagrams(frames.runs, frames.persistence_bars),
        "stops": stop_reasons(frames.runs),
    }


def words(figure: Figure) -> str:
    root = ET.fromstring(to_svg(figure))
    return " ".join("".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text"))


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left").replace("\n", " ") for axes in figure.axes]


@pytest.mark.parametrize("chart", ["curves", "recurrence", "diagrams", "stops"])
def test_the_same_frames_give_the_same_bytes(chart: str) -> None:
    first, second = (all_charts(small_lab().frames())[chart] for _ in range(2))
    assert to_svg(first) == to_svg(second)
    assert to_png(first) == to_png(second)
    assert to_png(first).startswith(b"\x89PNG")


@pytest.mark.parametrize("chart", ["curves", "recurrence", "diagrams", "stops"])
def test_an_experiment_without_runs_gives_a_chart_that_says_so(chart: str) -> None:
    assert "nothing to draw" in words(all_charts(Lab().frames())[chart])


@pytest.mark.parametrize("chart", ["curves", "recurrence", "diagrams"])
def test_axes_have_names_and_units(chart: str) -> None:
    for axes in all_charts(small_lab().frames())[chart].axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()


def test_svg_has_a_title_for_screen_readers_and_neither_date_nor_generator() -> None:
    svg = to_svg(stop_reasons(small_lab().frames().runs), title="<stops> & more")
    assert svg.startswith('<svg role="img"')
    assert "<title>&lt;stops&gt; &amp; more</title>" in svg
    assert "metadata" not in svg
    assert "currentColor" in svg


def test_prompts_with_dollars_markup_and_foreign_scripts_are_drawn_as_they_stand() -> None:
    lab = Lab()
    for prompt in ("$x_1$ <b>", "_hidden", "日本 🍎"):
        lab.embed(lab.run(["a", "b"] * 2, prompt=prompt), [[1, 0], [0, 1]])
    for chart in all_charts(lab.frames()).values():
        to_png(chart)
    drawn = words(distance_curves(lab.frames().runs, lab.frames().embeddings))
    for prompt in ("“$x_1$ <b>”", "“_hidden”", "“日本 🍎”"):
        assert prompt in drawn


def test_curves_have_a_panel_for_each_network_and_embedder() -> None:
    lab = Lab()
    for network in ("A → B", "C → D"):
        run = lab.run(["a", "b"] * 2, network=network)
        lab.embed(run, [[1, 0], [0, 1]])
        lab.embed(run, [[1, 0], [1, 0]], model="Other")
    frames = lab.frames()
    assert sorted(titles(distance_curves(frames.runs, frames.embeddings))) == [
        "A → B, seen by MiniLM", "A → B, seen by Other", "C → D, seen by MiniLM", "C → D, seen by Other",
    ]  # fmt: skip


def test_curves_draw_the_distances_at_their_steps() -> None:
    lab = Lab()
    lab.embed(lab.run(["a", "b"] * 3), [[1, 0], [0, 1], [-1, 0]])
    frames = lab.frames()
    (line,) = distance_curves(frames.runs, frames.embeddings).axes[0].get_lines()
    expected = np.array([[1, 0], [3, 2**0.5], [5, 2]])
    np.testing.assert_allclose(np.asarray(line.get_xydata(), dtype=float), expected, atol=1e-6)


def test_curves_share_a_colour_among_the_seeds_of_a_prompt_and_mark_how_runs_end() -> None:
    lab = Lab()
    for prompt, seed, stop in (("p", 1, "loop"), ("p", 2, "failed"), ("q", 1, "length")):
        lab.embed(lab.run(["a", "b"] * 2, prompt=prompt, seed=seed, stop=stop), [[1, 0], [0, 1]])
    frames = lab.frames()
    figure = distance_curves(frames.runs, frames.embeddings)
    curves = [line for line in figure.axes[0].get_lines() if len(np.asarray(line.get_xdata())) > 1]
    first, second, third = (line.get_color() for line in curves)
    assert first == second != third
    assert "ends in a loop" in words(figure)
    assert "failed" in words(figure)


def test_a_single_embedded_output_is_drawn_as_a_dot() -> None:
    lab = Lab()
    lab.embed(lab.run(["a", "b"]), [[1, 0]])
    frames = lab.frames()
    assert distance_curves(frames.runs, frames.embeddings).axes[0].get_lines()[0].get_marker() == "."


def test_many_prompts_are_counted_in_the_legend() -> None:
    lab = Lab()
    for number in range(15):
        lab.embed(lab.run(["a", "b"] * 2, prompt=f"prompt {number}"), [[1, 0], [0, 1]])
    frames = lab.frames()
    assert "and 3 more prompts" in words(distance_curves(frames.runs, frames.embeddings))


def test_exact_repeats_leave_out_the_diagonal_and_unknown_outputs() -> None:
    found = exact_repeats(["a", "b", "a", None, None])
    assert np.argwhere(found).tolist() == [[0, 2], [2, 0]]


def test_recurrence_plots_count_the_exact_repeats() -> None:
    frames = small_lab().frames()
    figure = recurrence_plots(frames.runs, frames.invocations, frames.embeddings)
    assert "exact repeat (3 pairs)" in words(figure)
    assert "Glyph → RapidOCR, “a red apple”, seed 42, seen by MiniLM" in titles(figure)


def test_long_runs_are_thinned_in_recurrence_plots_and_the_title_says_so() -> None:
    lab = Lab()
    run = lab.run([str(step) for step in range(450)], network="M", cycle=("text",))
    lab.embed(run, [[1, step] for step in range(450)], every=1)
    frames = lab.frames()
    figure = recurrence_plots(frames.runs, frames.invocations, frames.embeddings)
    assert "(400 of 450 outputs)" in titles(figure)[0]


def test_diagrams_count_their_bars_and_mark_the_infinite_ones() -> None:
    frames = small_lab().frames()
    figure = persistence_diagrams(frames.runs, frames.persistence_bars)
    drawn = words(figure)
    for label in ("H0 (2 bars)", "H1 (1 bar)", "never dies"):
        assert label in drawn
    assert "H2" not in drawn


def test_dimensions_differ_in_colour_and_in_marker() -> None:
    lab = Lab()
    lab.diagram(lab.run(["a", "b"]), [(0, 0, 1), (0, 0, math.inf), (1, 0.5, 0.7), (2, 0.6, 0.8)])
    frames = lab.frames()
    points: Any = persistence_diagrams(frames.runs, frames.persistence_bars).axes[0].collections
    assert len({tuple(each.get_facecolor()[0]) for each in points}) == 3
    assert len({each.get_paths()[0].vertices.shape for each in points}) == 3
    heights = points[0].get_offsets()[:, 1]
    assert heights[1] > heights[0]


def test_diagrams_of_other_runs_are_left_out() -> None:
    frames = small_lab().frames()
    assert "nothing to draw" in words(persistence_diagrams(frames.runs.tail(1), frames.persistence_bars))


def test_stop_reasons_are_counted_for_each_network() -> None:
    runs = small_lab().frames().runs
    assert stop_counts(runs) == {
        "Glyph → RapidOCR": {"loop": 1, "length": 1, "failed": 1},
        "Painter → Reader": {"unfinished": 2},
    }
    drawn = words(stop_reasons(runs)).split()
    assert {"length", "loop", "failed", "unfinished"} <= set(drawn)


def test_panels_stand_in_rows_of_the_number_of_columns_asked_for() -> None:
    frames = small_lab().frames()
    wide = recurrence_plots(frames.runs, frames.invocations, frames.embeddings, columns=2)
    tall = recurrence_plots(frames.runs, frames.invocations, frames.embeddings, columns=1)
    assert wide.get_figwidth() == 2 * tall.get_figwidth()
    assert isinstance(frames.runs, pl.DataFrame)
