from __future__ import annotations

import numpy as np
import pytest

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from panic_tda.figures.answers import drawings
from panic_tda.figures.drawing import to_png, to_svg
from support.builders import Lab


@pytest.fixture(scope="module")
def lab() -> Lab:
    """Network A: noise, and a run that ends stuck; network B: a cycle of four."""
    lab = Lab()
    rng = np.random.default_rng(0)
    for seed in range(5):
        run = lab.run(["x"] * 32, network="A", cycle=("text",), seed=seed)
        vectors = rng.normal(size=(32, 5))
        if seed == 4:
            vectors[16:] = vectors[16]
        lab.embed(run, vectors.tolist(), every=1)
        run = lab.run(["y"] * 32, network="B", cycle=("text",), seed=seed)
        lab.embed(run, np.eye(5)[np.arange(32) % 4].tolist(), every=1)
    return lab


def asked(lab: Lab, name: str) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=[name])
    return answer


def test_each_network_has_a_panel_with_a_mark_and_a_band_for_each_run(lab: Lab) -> None:
    ((name, figure, caption),) = drawings(asked(lab, "recurrence"))
    assert name == "determinism"
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "A, seen by MiniLM, 5 runs", "B, seen by MiniLM, 5 runs",
    ]  # fmt: skip
    first = figure.axes[0]
    assert [line.get_marker() for line in first.lines].count("s") == 1
    assert len(first.lines) == 5
    assert len(first.collections[0].get_segments()) == 5  # type: ignore[attr-defined]
    assert "10 runs" in caption
    svg = to_svg(figure)
    assert "repeats exactly" in svg
    assert "shuffled, 95 %" in svg


def test_the_share_not_back_falls_to_nothing_for_a_cycle(lab: Lab) -> None:
    ((name, figure, caption),) = drawings(asked(lab, "returns"))
    (axes,) = figure.axes
    assert name == "returns"
    cycle = axes.lines[-1]
    assert float(cycle.get_ydata()[-1]) == 0.0  # type: ignore[index, arg-type]
    assert axes.get_title(loc="left").startswith("Seen by MiniLM, near: within")
    assert "visits" in caption
    assert "with a caution" in to_svg(figure)


@pytest.mark.parametrize("name", ["recurrence", "returns"])
def test_a_figure_is_the_same_every_time(lab: Lab, name: str) -> None:
    one, other = (to_png(drawings(asked(lab, name))[0].figure, dpi=40) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("name", ["recurrence", "returns"])
def test_an_answer_that_does_not_apply_has_no_figure(name: str) -> None:
    assert drawings(asked(Lab(), name)) == []
