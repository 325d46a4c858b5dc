from __future__ import annotations

import numpy as np
import pytest

from panic_tda.answers.evidence import Evidence
from panic_tda.answers.rounds import by_group, continued, mean_over_runs, rounds_of
from support.builders import Lab


def evidence(lab: Lab) -> Evidence:
    return Evidence(lab.frames())


def place(lab: Lab, run_id: str, step: int, vector: list[float], model: str = "MiniLM") -> None:
    row = {"run_id": run_id, "sequence_number": step, "model": model, "vector": vector}
    lab.rows["embeddings"].append(row)


def test_of_several_outputs_in_a_round_the_last_one_stands_for_it() -> None:
    lab = Lab()
    run = lab.run(["i", "a", "b", "j", "c", "d"], network="P → Q → R", cycle=("image", "text", "text"))
    for step in (1, 2, 4, 5):
        place(lab, run, step, [float(step), 1.0])
    (rounds,) = rounds_of(evidence(lab))
    assert rounds.steps.tolist() == [2, 5]
    assert rounds.vectors[:, 0].tolist() == [2.0, 5.0]
    assert rounds.key == ("MiniLM", "P → Q → R")


def test_a_run_that_ended_before_that_output_has_no_rounds() -> None:
    lab = Lab()
    long = lab.run(["i", "a", "b"], network="P → Q → R", cycle=("image", "text", "text"))
    short = lab.run(["i", "a"], network="P → Q → R", cycle=("image", "text", "text"), stop="failed")
    for run, step in ((long, 1), (long, 2), (short, 1)):
        place(lab, run, step, [1.0])
    assert [each.trajectory.run.run_id for each in rounds_of(evidence(lab))] == [long]


def test_groups_are_by_embedder_and_network() -> None:
    lab = Lab()
    for network in ("A", "B"):
        run = lab.run(["x"], network=network, cycle=("text",))
        for model in ("MiniLM", "Other"):
            place(lab, run, 0, [1.0], model)
    groups = by_group(rounds_of(evidence(lab)))
    assert list(groups) == [("MiniLM", "A"), ("MiniLM", "B"), ("Other", "A"), ("Other", "B")]


def test_a_run_that_stopped_in_a_loop_goes_on_in_it_to_its_full_length() -> None:
    lab = Lab()
    run = lab.run(["x", "a", "b", "a"], network="M", cycle=("text",), stop="loop", period=2, max_length=9)
    for step in range(4):
        place(lab, run, step, [float(step)])
    (rounds,) = rounds_of(evidence(lab))
    assert continued(rounds.trajectory, rounds.steps).tolist() == [0, 1, 2, 3, 2, 3, 2, 3, 2]


def test_a_loop_in_a_longer_network_counts_in_rounds() -> None:
    lab = Lab()
    outputs = ["i", "x", "j", "a", "j", "a"]
    run = lab.run(outputs, network="P → Q", stop="loop", period=2, max_length=11)
    for step in (1, 3, 5):
        place(lab, run, step, [1.0])
    (rounds,) = rounds_of(evidence(lab))
    assert continued(rounds.trajectory, rounds.steps).tolist() == [0, 1, 2, 2, 2]


def test_other_runs_are_as_they_were_recorded() -> None:
    lab = Lab()
    run = lab.run(["x", "a", "b", "a"], network="M", cycle=("text",), max_length=9)
    for step in range(4):
        place(lab, run, step, [1.0])
    (rounds,) = rounds_of(evidence(lab))
    assert continued(rounds.trajectory, rounds.steps).tolist() == [0, 1, 2, 3]


def test_the_mean_over_runs_has_an_interval_wider_than_the_plain_percentiles() -> None:
    values = [1.0, 2.0, 4.0, 3.0, 7.0]
    found = mean_over_runs(values, np.random.default_rng(0))
    assert (found.estimate, found.level, found.n) == (3.4, 0.95, 5)
    student = 2.776 * np.std(values, ddof=1) / np.sqrt(5)
    assert (found.high - found.low) / 2 == pytest.approx(student, rel=0.25)


@pytest.mark.parametrize("values", [[], [2.0], [2.0, 3.0]])
def test_fewer_than_three_runs_have_no_interval(values: list[float]) -> None:
    found = mean_over_runs(values, np.random.default_rng(0))
    assert np.isnan(found.low)
    assert found.n == len(values)
