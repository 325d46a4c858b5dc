from __future__ import annotations

import numpy as np
import pytest

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from support.builders import Lab
from support.hopping import hop


def asked(lab: Lab) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=["change_points"])
    return answer


def moving_lab() -> Lab:
    """Six runs: four move on at step 15 and 30 of 40, two stay."""
    lab = Lab()
    for _ in range(4):
        hop(lab, [0] * 15 + [1] * 15 + [2] * 10)
    for _ in range(2):
        hop(lab, [0] * 40)
    return lab


def test_planted_changes_are_found_at_their_steps() -> None:
    changes = asked(moving_lab()).tables["changes"]
    assert changes["step"].to_list() == [15, 30] * 4
    assert changes["shift"].to_list() == pytest.approx([2**0.5] * 8, abs=0.1)


def test_how_often_runs_move_on_is_told_with_its_interval() -> None:
    answer = asked(moving_lab())
    (finding,) = answer.findings
    assert finding.sentence.startswith("M (as MiniLM sees it): a run moves on to another region 1.3 [")
    assert finding.sentence.endswith("times on average, 2 of 6 runs never; half of the moves come by step 22.")
    assert (finding.value, finding.n) == (8 / 6, 6)
    assert answer.tables["networks"].select("changes", "n", "never").row(0) == (8 / 6, 6, 2)
    assert answer.tables["runs"]["changes"].to_list() == [2, 2, 2, 2, 0, 0]


def test_steps_are_sequence_numbers_of_the_round() -> None:
    lab = Lab()
    run = lab.run([f"{step}" for step in range(60)])
    place = np.where(np.arange(30) < 15, 0, 1)
    lab.embed(run, (np.eye(8)[place] + 0.05 * np.random.default_rng(0).normal(size=(30, 8))).tolist())
    assert asked(lab).tables["changes"]["step"].to_list() == [31]


def test_runs_that_stay_do_not_move_on() -> None:
    lab = Lab()
    for _ in range(3):
        hop(lab, [1] * 40)
    (finding,) = asked(lab).findings
    assert finding.sentence == ("M (as MiniLM sees it): none of 3 runs moves on to another region and stays there.")


def test_short_runs_are_cautioned() -> None:
    lab = Lab()
    for _ in range(3):
        hop(lab, [1] * 8)
    answer = asked(lab)
    assert answer.findings[0].cautions == ("3 of 3 runs: only 8 steps",)
    assert answer.tables["runs"]["caution"].to_list() == ["only 8 steps"] * 3


def test_without_vectors_there_is_nothing_to_say() -> None:
    lab = Lab()
    lab.run(["a"], network="M", cycle=("text",))
    assert asked(lab).absence == "no run has vectors"
