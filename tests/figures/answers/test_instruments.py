from __future__ import annotations

import pytest

from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from panic_tda.figures.answers import drawings
from panic_tda.figures.drawing import to_png, to_svg
from support.builders import Lab, small_lab
from support.instruments import ONE, OTHER, Change, compared, measured_twice, turned, unrelated


@pytest.mark.parametrize("change", [turned, unrelated])
def test_every_statistic_stands_in_the_figure_at_its_value(change: Change) -> None:
    answer = compared(change)
    agreement, steps = drawings(answer)
    assert (agreement.name, steps.name) == ("agreement", "steps")
    (axes,) = agreement.figure.axes
    table = answer.tables["agreement"]
    values = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() in ("o", "s")]  # type: ignore[index, arg-type]
    assert values == table["value"].to_list()
    labels = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    assert labels == table["statistic"].to_list()
    assert f"{ONE} and {OTHER}, 8 runs" in to_svg(agreement.figure)
    for drawing in (agreement, steps):
        assert drawing.caption.endswith(".")
        assert to_png(drawing.figure, dpi=40).startswith(b"\x89PNG")


def test_runs_of_which_a_verdict_differs_have_another_colour() -> None:
    answer = compared(unrelated)
    (axes,) = drawings(answer)[1].figure.axes
    same, changed, _ = axes.lines
    differing = answer.tables["runs"].filter(answer.tables["runs"]["changed_verdicts"] != "")
    assert len(changed.get_xdata()) == len(differing) > 0  # type: ignore[arg-type]
    assert len(same.get_xdata()) == 8 - len(differing)  # type: ignore[arg-type]


def test_without_diagrams_and_with_few_runs_there_is_still_a_figure() -> None:
    (answer,) = answers(Evidence(measured_twice(turned, runs=3, rounds=4).frames()), only=["instruments"])
    assert [drawing.name for drawing in drawings(answer)] == ["agreement", "steps"]


def test_an_answer_that_does_not_apply_has_no_figure() -> None:
    for lab in (Lab(), small_lab()):
        (answer,) = answers(Evidence(lab.frames()), only=["instruments"])
        assert drawings(answer) == []
