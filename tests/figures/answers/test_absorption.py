from __future__ import annotations

import pytest

from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from panic_tda.figures.answers import drawings
from panic_tda.figures.drawing import to_svg
from support.builders import Lab, small_lab


def test_each_network_has_a_panel_whose_line_ends_at_the_share_of_stuck_runs() -> None:
    (answer,) = answers(Evidence(small_lab().frames()), only=["absorption"])
    ((name, figure, caption),) = drawings(answer)
    networks = answer.tables["networks"]["network"].to_list()
    assert name == "absorption"
    assert [axes.get_title(loc="left").split(",")[0] for axes in figure.axes] == networks
    ends = [float(axes.lines[0].get_ydata()[-1]) for axes in figure.axes]  # type: ignore[index, arg-type]
    assert ends == pytest.approx([1 / 3, 0.0])
    assert "4 runs" in caption


def test_a_caution_stands_in_the_figure() -> None:
    (answer,) = answers(Evidence(small_lab().frames()), only=["absorption"])
    assert "only 3 runs" in to_svg(drawings(answer)[0].figure)


def test_an_answer_that_does_not_apply_has_no_figure() -> None:
    (answer,) = answers(Evidence(Lab().frames()), only=["absorption"])
    assert drawings(answer) == []
