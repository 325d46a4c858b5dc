from __future__ import annotations

import numpy as np
import pytest

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.figures.answers import drawings
from panic_tda.figures.drawing import to_svg
from support.families import NOISE, TYPO, Family


def answer_of(family: Family) -> Answer:
    (answer,) = answers(family.evidence(), only=["twins"])
    return answer


@pytest.fixture
def family() -> Family:
    """Six runs, each with a twin by noise at step 2 and one by a changed prompt, farther apart with every step."""
    made = Family()
    for number in range(6):
        base = made.base("abcdef", number)
        made.angles(base, [0.2 * number] * 6)
        for change, scale in ((NOISE | {"step": 2}, 0.01), (TYPO, 0.001)):
            twin = made.twin(base, "uvwxyz", change)
            made.angles(twin, list(0.2 * number + scale * (1 + number) * 1.4 ** np.arange(6)))
    return made


def test_each_change_has_its_pairs_and_their_mean(family: Family) -> None:
    answer = answer_of(family)
    separation, _ = drawings(answer)
    (axes,) = separation.figure.axes
    assert separation.name == "separation"
    assert axes.get_title(loc="left") == "M, seen by MiniLM, 6 runs, 12 twins"
    drawn = [line for line in axes.lines if len(np.asarray(line.get_xdata())) in (4, 6)]
    assert len(drawn) == 12 + 2
    thick = [line for line in drawn if line.get_linewidth() > 1]
    curves = answer.tables["curves"]
    for line, change in zip(thick, ("other noise at step 2", "1 character of the prompt changed"), strict=True):
        mine = curves.filter(curves["change"] == change)
        assert list(np.asarray(line.get_xdata())) == mine["step"].to_list()
        assert list(np.asarray(line.get_ydata())) == pytest.approx(mine["mean"].to_list())
    assert "12 pairs" in separation.caption


def test_the_noise_floor_and_every_change_are_in_the_legend(family: Family) -> None:
    svg = to_svg(drawings(answer_of(family))[0].figure)
    for words in ("other noise at step 2", "1 character of the prompt changed", "with other seeds"):
        assert words in svg


def test_sizes_are_drawn_with_their_exponent(family: Family) -> None:
    answer = answer_of(family)
    _, size = drawings(answer)
    (axes,) = size.figure.axes
    row = answer.tables["sizes"].row(0, named=True)
    assert axes.get_title(loc="left").replace("\n", " ") == (
        f"M, seen by MiniLM, 6 runs: exponent {row['exponent']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
    )
    points = sum(len(np.asarray(line.get_xdata())) for line in axes.lines if line.get_marker() == "o")
    assert points == 12
    line = axes.lines[-1]
    x, y = np.log(np.asarray(line.get_xdata())), np.log(np.asarray(line.get_ydata()))
    assert (y[1] - y[0]) / (x[1] - x[0]) == pytest.approx(row["exponent"])


def test_what_is_cautioned_is_marked() -> None:
    few = Family()
    for number in range(2):
        base = few.base("abc", number)
        few.angles(base, [0.5 * number] * 3)
        few.angles(few.twin(base, "xyz"), [0.5 * number + 0.1 + 0.01 * number + 0.02 * step for step in range(3)])
    separation, size = drawings(answer_of(few))
    assert "only 2 runs" in to_svg(separation.figure)
    title = size.figure.axes[0].get_title(loc="left").replace("\n", " ")
    assert "only 2 runs" in title
    assert title.endswith("(sizes hardly differ)")
    assert size.figure.axes[0].lines[-1].get_linestyle() == ":"


def test_only_some_of_very_many_pairs_are_drawn() -> None:
    many = Family()
    for number in range(50):
        base = many.base("ab", number)
        many.angles(base, [0.0, 0.0])
        many.angles(many.twin(base, "xy"), [0.1 + 0.001 * number, 0.2])
    (axes,) = drawings(answer_of(many))[0].figure.axes
    assert len([line for line in axes.lines if line.get_linewidth() < 1]) == 30


def test_without_vectors_there_is_no_figure() -> None:
    bare = Family()
    bare.twin(bare.base("ab"), "xy")
    assert drawings(answer_of(bare)) == []


def test_with_every_twin_merged_there_is_no_size_to_draw() -> None:
    merged = Family()
    for number in range(6):
        base = merged.base("ab", number)
        merged.angles(base, [0.0, 1.0])
        merged.angles(merged.twin(base, "xb"), [0.1, 1.0])
    assert [drawing.name for drawing in drawings(answer_of(merged))] == ["separation"]
