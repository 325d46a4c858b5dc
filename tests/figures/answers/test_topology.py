from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from panic_tda.figures.answers import drawings
from panic_tda.figures.drawing import to_png, to_svg
from support.builders import Lab, small_lab
from support.shapes import shapely_lab

ANALYSES = ["persistence", "diagram-distances", "sliding-windows", "beyond-repeats"]


@cache
def drawn(analysis: str) -> tuple[Answer, dict[str, Drawing]]:
    (answer,) = answers(Evidence(shapely_lab().frames()), only=[analysis])
    return answer, {drawing.name: drawing for drawing in drawings(answer)}


@pytest.mark.parametrize(
    ("analysis", "names"),
    [
        ("persistence", {"entropy"}),
        ("diagram-distances", {"diagram-distances", "groups"}),
        ("sliding-windows", {"periodicity"}),
        ("beyond-repeats", {"beyond-repeats"}),
    ],
)
def test_every_answer_has_its_figures_with_captions(analysis: str, names: set[str]) -> None:
    _, found = drawn(analysis)
    assert set(found) == names
    for _, figure, caption in found.values():
        assert caption.endswith(".")
        assert to_png(figure, dpi=40).startswith(b"\x89PNG")


def test_each_run_stands_at_its_entropy_over_its_distinct_outputs() -> None:
    answer, found = drawn("persistence")
    plain, normalised = found["entropy"].figure.axes
    runs = answer.tables["runs"]
    for axes, column in ((plain, "entropy_h0"), (normalised, "normalised_entropy_h0")):
        points = [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines[1:]]  # type: ignore[index, arg-type]
        assert points == list(zip(runs["distinct_points"], runs[column], strict=True))
    assert "rank correlation 0." in plain.get_title(loc="left")


def test_the_heat_map_is_symmetric_and_in_the_order_of_the_runs() -> None:
    answer, found = drawn("diagram-distances")
    pairs = answer.tables["pairs"].filter(dimension=0)
    matrix: Any = found["diagram-distances"].figure.axes[0].images[0].get_array()
    assert np.array_equal(matrix, matrix.T)
    assert not np.diagonal(matrix).any()
    assert matrix[0, 1] == pairs["sliced_wasserstein"][0]
    order = answer.tables["runs"]["run_id"].to_list()
    last = pairs.filter(run_id=order[3], other_run_id=order[7])
    assert matrix[3, 7] == last["sliced_wasserstein"][0]


def test_networks_and_prompts_are_named_beside_the_heat_map() -> None:
    svg = to_svg(drawn("diagram-distances")[1]["diagram-distances"].figure)
    assert "Cycle → Reader" in svg
    assert "“a red apple”" in svg
    assert "Pieces (H0), seen by MiniLM, 12 runs" in svg


def test_many_prompts_and_networks_leave_room() -> None:
    lab = small_lab()
    for index in range(24):
        run_id = lab.run(["i", "a", "i", "b"], network=f"Model {index // 4} → RapidOCR", prompt=f"prompt {index}")
        lab.diagram(run_id, [(0, 0.0, 0.1 * index + 0.1), (0, 0.0, float("inf"))])
    (answer,) = answers(Evidence(lab.frames()), only=["diagram-distances"])
    (heat, *_) = drawings(answer)
    axes = heat.figure.axes[0]
    assert not any(label.get_text() for label in axes.get_yticklabels())
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {90.0}


def test_factors_the_test_tells_are_filled_and_cautions_are_dotted() -> None:
    answer, found = drawn("diagram-distances")
    axes = found["groups"].figure.axes[0]
    groups = answer.tables["groups"].sort("factor", "dimension")
    filled = [line.get_markerfacecolor() != "white" for line in axes.lines if line.get_marker() == "o"]
    assert filled == [p <= 0.05 for p in groups["adjusted_p"]]
    assert True in filled
    assert False in filled
    lines: list[Any] = list(axes.collections)
    dotted = [line.get_linestyle()[0][1] is not None for line in lines]
    assert dotted == [caution != "" for caution in groups["caution"]]


def test_runs_above_chance_are_filled_and_carry_their_period() -> None:
    answer, found = drawn("sliding-windows")
    runs = answer.tables["runs"]
    above = runs.filter(runs["score"] > runs["chance"])
    assert len(above) == 6
    labels = [text.get_text() for axes in found["periodicity"].figure.axes for text in axes.texts]
    assert sorted(labels) == sorted(f"{period:.0f}" for period in above["period"])


def test_bars_show_what_repeats_explain_and_words_what_the_rest_tells() -> None:
    answer, found = drawn("beyond-repeats")
    statistics = answer.tables["statistics"].unique("statistic", keep="first", maintain_order=True)
    (axes,) = found["beyond-repeats"].figure.axes
    assert [patch.get_width() for patch in axes.patches] == pytest.approx(statistics["explained"].to_list())  # type: ignore[attr-defined]
    assert len(axes.texts) == len(statistics)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_an_answer_that_does_not_apply_has_no_figure(analysis: str) -> None:
    (answer,) = answers(Evidence(Lab().frames()), only=[analysis])
    assert drawings(answer) == []
