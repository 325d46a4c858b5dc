from __future__ import annotations

import pytest
from matplotlib.patches import Rectangle

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from panic_tda.figures.answers import drawings
from panic_tda.figures.drawing import to_svg
from support.builders import Lab
from support.hopping import hop


@pytest.fixture(scope="module")
def decided() -> Answer:
    """The prompt decides where runs go; there is nothing else that could, and one seed for each prompt is missing."""
    lab = Lab()
    for number in range(14):
        hop(lab, [number % 3] * 12, prompt=f"prompt {number % 3}", seed=number // 3)
    (answer,) = answers(Evidence(lab.frames()), only=["decides"])
    return answer


def test_each_outcome_has_a_panel_with_a_bar_for_each_factor_and_what_is_left(decided: Answer) -> None:
    ((name, figure, caption),) = drawings(decided)
    assert name == "decides"
    assert len(figure.axes) == len(decided.tables["outcomes"])
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["prompt*", "seed*", "interplay and chance"]
    bars = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    shares = decided.tables["effects"]["share"].to_list()
    assert bars[0].get_width() == pytest.approx(100 * shares[0])
    assert "14 runs" in caption


def test_what_cannot_be_told_from_chance_is_hatched(decided: Answer) -> None:
    bars = drawings(decided)[0].figure.axes[0].patches
    assert [bool(bar.get_hatch()) for bar in bars[:2]] == [False, True]


def test_p_values_and_cautions_stand_in_the_figure(decided: Answer) -> None:
    svg = to_svg(drawings(decided)[0].figure)
    assert "p = 0.001" in svg
    assert "* with a caution" in drawings(decided)[0].caption


def test_a_factor_that_cannot_be_told_has_no_bar() -> None:
    lab = Lab()
    for number in range(12):
        hop(lab, [number % 3] * 12, prompt=f"prompt {number % 3}", seed=number % 3)
    (answer,) = answers(Evidence(lab.frames()), only=["decides"])
    assert to_svg(drawings(answer)[0].figure).count("cannot be told") >= 2
