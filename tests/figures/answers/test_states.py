from __future__ import annotations

import pytest
from matplotlib.colors import to_rgba

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from panic_tda.figures.answers import drawings
from panic_tda.figures.drawing import to_svg
from support.builders import Lab
from support.hopping import hop, hopping_lab


def asked(lab: Lab, name: str) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=[name])
    return answer


@pytest.fixture(scope="module")
def hopping() -> Answer:
    return asked(hopping_lab(), "states")


def drawn(answer: Answer) -> dict[str, Drawing]:
    return {drawing.name: drawing for drawing in drawings(answer)}


def test_the_matrix_has_a_cell_for_each_pair_of_states_with_its_per_cents(hopping: Answer) -> None:
    (axes,) = drawn(hopping)["transitions"].figure.axes
    image = axes.images[0].get_array()
    assert image is not None
    assert image.shape == (3, 3)
    names = hopping.tables["states"]["name"].to_list()
    assert [label.get_text()[:6] for label in axes.get_yticklabels()] == [name[:6] for name in names]
    largest = max(hopping.tables["transitions"]["probability"].to_list())
    assert f"{100 * largest:.0f}" in {text.get_text() for text in axes.texts}


def test_a_state_never_left_is_marked() -> None:
    lab = Lab()
    for _ in range(6):
        hop(lab, [0] * 6 + [1] * 8)
    svg = to_svg(drawn(asked(lab, "states"))["transitions"].figure)
    assert svg.count("∎") == 1


def test_every_run_has_a_line_of_its_states_in_the_colours_of_the_legend(hopping: Answer) -> None:
    (axes,) = drawn(hopping)["rounds"].figure.axes
    image = axes.images[0].get_array()
    assert image is not None
    assert image.shape == (12, 40, 4)
    legend = axes.get_legend()
    assert legend is not None
    shown = {tuple(round(part, 3) for part in to_rgba(patch.get_facecolor())) for patch in legend.get_patches()}
    colours = {tuple(round(float(part), 3) for part in cell) for line in image for cell in line}
    assert colours == shown
    assert len([line for line in axes.lines if line.get_ydata()[0] == 5.5]) == 1  # type: ignore[index]


def test_a_state_has_one_colour_in_all_networks() -> None:
    lab = Lab()
    for number in range(8):
        hop(lab, [number % 2] * 6 + [2] * 10, network=("M", "N")[number % 2])
    figure = drawn(asked(lab, "states"))["rounds"].figure
    ends = [axes.images[0].get_array()[0, -1].tolist() for axes in figure.axes]  # type: ignore[index]
    assert ends[0] == ends[1]


def test_stays_are_drawn_for_states_left_often_enough(hopping: Answer) -> None:
    (axes,) = drawn(hopping)["stays"].figure.axes
    assert len(axes.lines) == 3
    assert all(float(line.get_ydata()[0]) == 1.0 for line in axes.lines)  # type: ignore[index, arg-type]
    lab = Lab()
    for _ in range(3):
        hop(lab, [0] * 8 + [1] * 8)
    assert "stays" not in drawn(asked(lab, "states"))


def test_captions_say_where_the_states_come_from(hopping: Answer) -> None:
    found = drawn(hopping)
    assert all("HDBSCAN" in found[name].caption for name in ("transitions", "rounds"))
    assert "Kaplan–Meier" in found["stays"].caption


def test_without_states_there_is_no_figure() -> None:
    lab = Lab()
    lab.embed(lab.run(["a", "b"], network="M", cycle=("text",)), [[1.0, 0.0], [0.0, 1.0]], every=1)
    assert drawn(asked(lab, "states")) == {}


def test_changes_are_marked_on_the_line_of_their_run() -> None:
    lab = Lab()
    hop(lab, [0] * 40)
    hop(lab, [0] * 15 + [1] * 25)
    (drawing,) = drawings(asked(lab, "change_points"))
    (axes,) = drawing.figure.axes
    marks = [line for line in axes.lines if line.get_marker() == "|"]
    assert [(float(mark.get_xdata()[0]), float(mark.get_ydata()[0])) for mark in marks] == [(15.0, 1.0)]  # type: ignore[index, arg-type]
    assert "2 runs" in drawing.caption


def test_changes_with_a_caution_have_another_mark() -> None:
    lab = Lab()
    hop(lab, [0] * 8 + [1] * 8)
    (drawing,) = drawings(asked(lab, "change_points"))
    assert [line.get_marker() for line in drawing.figure.axes[0].lines] == ["None", "x"]
