from __future__ import annotations

import numpy as np
import pytest

from answers.test_sensitivity import NAMES, forgetting, keeping, laid_out, parting, settling
from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from panic_tda.figures.answers import drawings
from panic_tda.figures.drawing import to_svg
from support.builders import Lab


def drawn(lab: Lab, name: str) -> tuple[Answer, Drawing]:
    (answer,) = answers(Evidence(lab.frames()), only=[name])
    (drawing,) = drawings(answer)
    return answer, drawing


def heights(drawing: Drawing, line: int) -> list[float]:
    return [float(value) for value in drawing.figure.axes[0].lines[line].get_ydata()]  # type: ignore[arg-type, union-attr]


def places(drawing: Drawing) -> list[float]:
    """Where vertical lines stand."""
    lines = [np.asarray(line.get_xdata(), dtype=float) for line in drawing.figure.axes[0].lines]
    return [float(line[0]) for line in lines if len(line) == 2 and line[0] == line[1]]


@pytest.mark.parametrize("name", NAMES)
def test_each_network_and_embedder_has_a_panel_with_its_number_of_runs(name: str) -> None:
    lab = laid_out(keeping)
    for prompt in range(2):
        for seed in range(3):
            run_id = lab.run(["x"] * 20, network="M", cycle=("text",), prompt=f"prompt {prompt}", seed=seed)
            lab.embed(run_id, np.random.default_rng([prompt, seed]).normal(size=(20, 3)).tolist(), every=1)
    _, drawing = drawn(lab, name)
    titles = [" ".join(axes.get_title(loc="left").split()).removeprefix("* ") for axes in drawing.figure.axes]
    assert titles == ["Glyph → RapidOCR, seen by MiniLM, 12 runs", "M, seen by MiniLM, 6 runs"]
    assert drawing.name == name
    assert "n = 6 to 12 runs in a panel" in drawing.caption
    assert "95 % bands over runs" in drawing.caption
    assert all(axes.get_xlabel() == "Step" and axes.get_ylabel() for axes in drawing.figure.axes)


def test_distances_of_both_kinds_are_drawn_as_in_the_table() -> None:
    answer, drawing = drawn(laid_out(keeping), "divergence")
    curves = answer.tables["curves"]
    assert heights(drawing, 0) == curves.filter(curves["kind"] == "different")["distance"].to_list()
    assert heights(drawing, 1) == curves.filter(curves["kind"] == "same")["distance"].to_list()
    assert "runs of the same prompt with other seeds" in to_svg(drawing.figure)


def test_the_half_life_is_marked_and_chance_drawn() -> None:
    answer, drawing = drawn(laid_out(forgetting, seeds=30), "recoverability")
    assert heights(drawing, 1) == [0.5] * 24
    assert places(drawing) == [pytest.approx(1 + answer.tables["half_lives"]["half_life"][0])]


def test_a_half_life_that_is_not_reached_is_not_marked() -> None:
    _, drawing = drawn(laid_out(lambda p, s, g: keeping(p, s, g) + 9.0 * np.eye(6)[p]), "recoverability")
    assert places(drawing) == []


def test_the_relaxation_time_is_marked_from_the_first_distance_on() -> None:
    answer, drawing = drawn(laid_out(settling), "relaxation")
    assert places(drawing) == [pytest.approx(3 + answer.tables["networks"]["tau"][0])]
    assert heights(drawing, 1) == answer.tables["curves"]["fitted"].to_list()


def test_a_relaxation_time_that_is_not_bounded_is_not_marked() -> None:
    def drifting(_p: int, _s: int, generator: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        angle = np.arange(24) * 0.05 * (1.0 + 0.1 * generator.normal())
        return np.column_stack([np.cos(angle), np.sin(angle)])

    assert places(drawn(laid_out(drifting), "relaxation")[1]) == []


def test_the_saturation_step_is_marked_and_its_caution_starred() -> None:
    _, drawing = drawn(laid_out(parting), "lyapunov")
    assert places(drawing) == [17.0]
    assert drawing.figure.axes[0].get_title(loc="left").startswith("* ")
    assert drawing.caption.endswith("; * see the caution in the table.")


def test_a_single_run_has_no_figure_of_its_relaxation() -> None:
    (answer,) = answers(Evidence(laid_out(settling, prompts=1, seeds=1).frames()), only=["relaxation"])
    assert drawings(answer) == []
