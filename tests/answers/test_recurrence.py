from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from support.builders import Lab

CIRCLE = [[float(np.sin(angle)), float(np.cos(angle)), 0.1] for angle in 2 * np.pi * np.arange(40) / 6.7]


def asked(lab: Lab, name: str) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=[name])
    return answer


def noise(seed: int, rounds: int = 40) -> list[list[float]]:
    vectors: list[list[float]] = np.random.default_rng(seed).normal(size=(rounds, 6)).tolist()
    return vectors


def text_run(lab: Lab, vectors: list[list[float]], **more: object) -> str:
    outputs = more.pop("outputs", None) or [f"text {round(sum(vector), 6)}" for vector in vectors]
    run = lab.run(outputs, network="M", cycle=("text",), **{"seed": len(lab.rows["runs"])} | more)  # type: ignore[arg-type]
    lab.embed(run, vectors, every=1)
    return run


def test_runs_on_a_circle_follow_their_tracks_and_noise_does_not() -> None:
    lab = Lab()
    for turn in range(5):
        text_run(lab, CIRCLE[turn:] + CIRCLE[:turn])
    for seed in range(5):
        run = lab.run(["x"] * 40, network="N", cycle=("text",), seed=seed)
        lab.embed(run, noise(seed), every=1)
    answer = asked(lab, "recurrence")
    found = {finding.sentence.split(" ")[0]: finding for finding in answer.findings}
    assert found["M"].value == 1.0
    assert "5 of 5 runs follow their own tracks" in found["M"].sentence
    assert found["N"].value <= 0.2
    determinism = answer.tables["networks"].filter(pl.col("measure") == "determinism")
    assert determinism.filter(pl.col("network") == "M")["mean"].item() > 0.9
    assert determinism["n"].to_list() == [5, 5]


def test_every_measure_of_a_run_stands_beside_its_shuffled_band() -> None:
    lab = Lab()
    text_run(lab, noise(3))
    (row,) = asked(lab, "recurrence").tables["runs"].iter_rows(named=True)
    assert row["recurrence_rate"] == pytest.approx(0.1, abs=0.002)
    for measure in ("determinism", "laminarity", "trapping_time", "longest_diagonal", "diagonal_entropy"):
        assert row[f"{measure}_low"] <= row[measure] <= row[f"{measure}_high"]
        assert 0.025 < row[f"{measure}_p"] <= 1.0
    assert (row["rounds"], row["surrogates"], row["stuck"], row["caution"]) == (40, 199, False, "")


def test_a_stuck_run_is_named_so_and_not_counted() -> None:
    lab = Lab()
    for seed in range(3):
        text_run(lab, noise(seed))
    text_run(lab, noise(7, 20) + noise(8, 1) * 20)
    answer = asked(lab, "recurrence")
    assert answer.tables["runs"]["stuck"].to_list() == [False] * 3 + [True]
    assert "stuck: from round 20 on it repeats itself exactly with period 1" in answer.tables["runs"]["caution"][3]
    (finding,) = answer.findings
    assert "0 of 3 runs follow" in finding.sentence or "1 of 3 runs follows" in finding.sentence
    assert finding.sentence.endswith("1 run stuck in exact repetition not counted.")
    assert finding.cautions[0] == "only 3 runs"
    assert set(answer.tables["networks"]["stuck"]) == {1}


def test_when_every_run_is_stuck_nothing_is_tested() -> None:
    lab = Lab()
    text_run(lab, noise(1, 1) * 30)
    answer = asked(lab, "recurrence")
    (finding,) = answer.findings
    assert "the run is stuck" in finding.sentence
    assert finding.cautions == ("nothing is left to test",)
    networks = answer.tables["networks"]
    assert networks["mean"].null_count() == len(networks)
    assert set(networks["caution"]) == {"every run is stuck"}


def test_the_way_into_a_loop_a_slow_walk_and_few_rounds_are_cautioned() -> None:
    lab = Lab()
    text_run(lab, noise(1, 12), stop="loop", period=1)
    text_run(lab, np.cumsum(noise(2), axis=0).tolist())
    answer = asked(lab, "recurrence")
    loop, slow = answer.tables["runs"]["caution"]
    assert loop == "only 12 rounds; it stopped in an exact loop: this is its way there"
    assert slow.startswith("slow: ")
    (finding,) = answer.findings
    assert finding.cautions == (
        "only 2 runs",
        "slow motion in 1 of 2 runs: what is near in time is near in place",
        "few rounds in 1 of 2 runs",
        "only the way into a loop in 1 of 2 runs",
    )


@pytest.mark.parametrize("name", ["recurrence", "returns"])
def test_runs_of_few_rounds_have_no_answer(name: str) -> None:
    lab = Lab()
    text_run(lab, noise(1, 9))
    assert asked(lab, name).absence == "no run has vectors of 10 rounds"
    assert asked(Lab(), name).absence == "no run has vectors of 10 rounds"


def test_a_cycle_comes_back_after_its_period() -> None:
    lab = Lab()
    corners = np.eye(5).tolist()
    for seed in range(5):
        text_run(lab, corners * 8, seed=seed, outputs=[f"text {place}" for place in range(5)] * 8)
    answer = asked(lab, "returns")
    near, exact = answer.tables["networks"].iter_rows(named=True)
    assert (near["kind"], near["mean_rounds"], near["median_rounds"], near["unresolved"]) == ("near", 5.0, 5.0, 0.0)
    assert (exact["kind"], exact["mean_rounds"], exact["n"]) == ("exact", 5.0, 5)
    # After 35 rounds the last four corners were still being waited for.
    assert (exact["returns"], exact["not_returned"]) == (5 * 35, 5 * 4)
    assert "after 5.0 [5.0, 5.0] rounds on average; half are back after 5" in answer.findings[0].sentence
    assert near["caution"] == "near is 0: only exact repeats count"


def test_what_never_comes_back_is_a_lower_bound() -> None:
    lab = Lab()
    line = [[float(np.cos(angle)), float(np.sin(angle))] for angle in np.linspace(0, 1.5, 40)]
    for seed in range(5):
        text_run(lab, line, seed=seed)
    answer = asked(lab, "returns")
    (finding,) = answer.findings
    assert "nothing a run has left did it come near again" in finding.sentence
    assert finding.cautions == ("no returns", "the mean is a lower bound: 100% are not back after 39 rounds")
    curve = answer.tables["curve"].filter(pl.col("kind") == "near")
    assert curve["rounds"].to_list() == [0.0, 39.0]
    assert curve["not_returned"].to_list() == [1.0, 1.0]


def test_a_loop_that_goes_on_returns_with_its_period() -> None:
    lab = Lab()
    vectors = [*noise(4, 12), *np.eye(6)[:2].tolist(), np.eye(6)[0].tolist()]
    text_run(lab, vectors, stop="loop", period=2, outputs=[*map(str, range(12)), "a", "b", "a"], max_length=60)
    exact = asked(lab, "returns").tables["networks"].filter(pl.col("kind") == "exact").row(0, named=True)
    assert exact["returns"] == 46
    assert exact["median_rounds"] == 2.0


def test_a_run_that_never_leaves_its_place_has_no_returns() -> None:
    lab = Lab()
    text_run(lab, noise(1, 1) * 12)
    answer = asked(lab, "returns")
    assert answer.tables["networks"]["kind"].to_list() == ["exact"]
    assert answer.findings == ()


def test_the_same_seed_gives_the_same_answer() -> None:
    lab = Lab()
    text_run(lab, noise(1))
    one, other = (asked(lab, "recurrence").tables["runs"] for _ in range(2))
    assert one.equals(other)
