from __future__ import annotations

import numpy as np
import pytest

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from panic_tda.figures.answers import drawings
from panic_tda.figures.drawing import to_png, to_svg
from support.builders import Lab

NAMES = {
    "hintze": ["distance_to_round_0", "motifs"],
    "perez": ["attractor"],
    "mollah": ["similarity"],
    "tacheny": ["local_drift"],
    "wang": ["periodicity"],
}


@pytest.fixture(scope="module")
def lab() -> Lab:
    lab = Lab()
    rng = np.random.default_rng(0)
    for network, home in (("A", 0), ("B", 1)):
        for seed in range(12):
            length = 10 + 7 * (seed % 6)
            outputs = ["x" * length, *("y" * (20 + length // 2 + step % 3) for step in range(11))]
            run = lab.run(outputs, network=network, cycle=("text",), seed=seed, prompt="p" * length)
            way = 0.6 ** np.arange(12)[:, None] * np.eye(4)[2] + np.eye(4)[home] + 0.01 * rng.normal(size=(12, 4))
            lab.embed(run, way.tolist(), every=1)
    return lab


def asked(lab: Lab, name: str) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=[name])
    return answer


def drawn(lab: Lab, name: str) -> dict[str, Drawing]:
    return {each.name: each for each in drawings(asked(lab, name))}


@pytest.mark.parametrize(("paper", "names"), NAMES.items())
def test_every_paper_has_its_figures_with_n_in_the_caption(lab: Lab, paper: str, names: list[str]) -> None:
    found = drawn(lab, paper)
    assert list(found) == names
    for drawing in found.values():
        assert any(words in drawing.caption for words in ("12 runs", "24 runs", "24 in all"))
        assert to_png(drawing.figure, dpi=40) == to_png(drawn(lab, paper)[drawing.name].figure, dpi=40)


def test_the_distance_to_round_0_has_a_line_and_a_band_for_each_network(lab: Lab) -> None:
    (axes,) = drawn(lab, "hintze")["distance_to_round_0"].figure.axes
    assert (len(axes.lines), len(axes.collections)) == (2, 2)
    assert float(axes.lines[0].get_ydata()[0]) == 0.0  # type: ignore[index, arg-type]
    assert axes.get_ylabel() == "Distance to round 0 (0 to 2)"


def test_the_bars_of_the_motifs_count_every_run(lab: Lab) -> None:
    (axes,) = drawn(lab, "hintze")["motifs"].figure.axes
    assert sum(bar.get_height() for bar in axes.patches) == 24  # type: ignore[attr-defined]
    assert "V = 1.00" in axes.get_title(loc="left")


def test_the_regression_line_crosses_the_diagonal_at_the_attractor(lab: Lab) -> None:
    figure, row = drawn(lab, "perez")["attractor"].figure, asked(lab, "perez").tables["attractors"].row(0, named=True)
    diagonal, dots, line = figure.axes[0].lines
    assert len(dots.get_xdata()) == 12  # type: ignore[arg-type]
    ends, heights = line.get_xdata(), line.get_ydata()
    assert np.interp(row["position"], ends, heights) == pytest.approx(row["position"])  # type: ignore[arg-type]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())  # type: ignore[arg-type]


def test_without_a_regression_no_line_is_drawn() -> None:
    lab = Lab()
    for seed in range(5):
        lab.run(["a", "bb"], network="A", cycle=("text",), seed=seed)
    assert len(drawn(lab, "perez")["attractor"].figure.axes[0].lines) == 2


def test_cautioned_curves_are_dotted_and_named() -> None:
    lab = Lab()
    for seed in range(3):
        run = lab.run(["a", "b", "c", "d", "e"], network="A", cycle=("text",), seed=seed)
        lab.embed(run, np.random.default_rng(seed).normal(size=(5, 3)).tolist(), every=1)
    for paper in ("hintze", "tacheny"):
        drawing = next(iter(drawn(lab, paper).values()))
        assert drawing.figure.axes[0].lines[0].get_linestyle() in (":", "dotted")
        assert "with a caution" in to_svg(drawing.figure)


def test_runs_that_stand_still_are_marked() -> None:
    lab = Lab()
    for seed in range(5):
        lab.run(["same"] * 6, network="A", cycle=("text",), seed=seed)
    figure = drawn(lab, "wang")["periodicity"].figure
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [2, 0, 5]  # type: ignore[arg-type]


def test_periods_without_texts_have_a_table_and_no_figure() -> None:
    lab = Lab()
    run = lab.run(["i"] * 10, network="A", cycle=("image",))
    lab.embed(run, np.random.default_rng(0).normal(size=(10, 3)).tolist(), every=1)
    assert drawn(lab, "wang") == {}


@pytest.mark.parametrize("paper", NAMES)
def test_an_answer_that_does_not_apply_has_no_figure(paper: str) -> None:
    assert drawn(Lab(), paper) == {}
