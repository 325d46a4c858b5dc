from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence, gather
from panic_tda.answers.finding import Finding
from panic_tda.answers.states.visited import letter, visited
from panic_tda.lab.cluster_outputs import ClusterRequest
from panic_tda.lab.clustering import compute_clustering
from panic_tda.lab.laboratory import load_config, perform
from panic_tda.store.database import open_record
from support.builders import Lab
from support.hopping import NAMES, hop, hopping_lab


def asked(lab: Lab) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=["states"])
    return answer


def of_kind(answer: Answer, kind: str) -> Finding:
    (finding,) = (each for each in answer.findings if each.kind == kind)
    return finding


@pytest.fixture(scope="module")
def hopping() -> Answer:
    return asked(hopping_lab())


def test_the_places_runs_hop_between_are_the_states(hopping: Answer) -> None:
    states = hopping.tables["states"]
    assert states["state"].sort().to_list() == ["A", "B", "C"]
    assert {text.split(",")[0] for text in states["medoid_text"]} == set(NAMES)
    assert states["rounds"].sum() == 12 * 40
    assert of_kind(hopping, "states").sentence.startswith(
        "M (as MiniLM sees it): 12 runs visit 3 states, most often A “"
    )
    assert of_kind(hopping, "states").value == 0.0


def test_the_transition_matrix_holds_the_planted_chances_in_its_intervals(hopping: Answer) -> None:
    moves = hopping.tables["transitions"]
    assert moves["count"].sum() == 12 * 39
    truth = pl.when(moves["source"] == moves["target"]).then(1 - 1 / 8).otherwise(1 / 16)
    inside = moves.filter((pl.col("low") <= truth) & (truth <= pl.col("high")))
    assert len(inside) >= 8
    sums = moves.group_by("source").agg(pl.col("probability").sum())["probability"]
    assert sums.to_list() == pytest.approx([1.0] * 3, abs=0.05)


def test_what_follows_from_the_matrix_is_told_in_words_and_listed(hopping: Answer) -> None:
    told = of_kind(hopping, "memory of the start")
    assert "rounds it hardly matters in which state a run began; without end it would be in" in told.sentence
    assert told.low is not None and told.high is not None and told.low <= told.value <= told.high  # noqa: PT018
    settled = of_kind(hopping, "order of states")
    assert settled.sentence.startswith("M (as MiniLM sees it): the present state settles the next by ")
    truth = -(7 / 8 * np.log(7 / 8) + 1 / 8 * np.log(1 / 16))
    rows = {row["quantity"]: row for row in hopping.tables["chains"].to_dicts()}
    assert rows["entropy rate"]["low"] <= truth <= rows["entropy rate"]["high"]
    assert rows["p: the order of states is reversible"]["value"] > 0.05
    assert {"spectral gap", "relaxation time", "mixing time", "irreversibility"} <= rows.keys()


def test_dwell_times_hold_the_planted_stay(hopping: Answer) -> None:
    states = hopping.tables["states"]
    assert ((states["dwell_low"] <= 8.0) & (states["dwell_high"] >= 8.0)).sum() >= 2
    assert (states["completed"] + states["cut_off"]).sum() > 40
    dwell = of_kind(hopping, "dwell time")
    assert "rounds on average" in dwell.sentence
    assert dwell.low is not None


def test_survival_falls_from_one(hopping: Answer) -> None:
    for _, curve in hopping.tables["survival"].group_by("state"):
        ordered = curve["surviving"].to_list()
        assert ordered[0] == 1.0
        assert ordered == sorted(ordered, reverse=True)


def test_rounds_far_from_every_place_belong_to_the_state_before_and_are_counted() -> None:
    lab = Lab()
    for _ in range(8):
        hop(lab, [-1, *[0] * 8, -1, *[0] * 4, *[1] * 8, -1, *[2] * 8])
    answer = asked(lab)
    rounds = answer.tables["rounds"]
    astray = rounds["cluster"].is_null()
    assert set(rounds.filter(astray)["step"]) == {0, 9, 22}
    assert (rounds["state"] == rounds["cluster"]).drop_nulls().all()
    expected = pl.col("cluster").forward_fill().backward_fill().over("run_id")
    assert rounds["state"].to_list() == rounds.select(expected)["cluster"].to_list()
    assert of_kind(answer, "states").value == pytest.approx(astray.sum() / len(rounds))
    # A round before the first state is no move.
    early = rounds.filter(astray & (pl.col("step") == 0))
    assert answer.tables["transitions"]["count"].sum() == 8 * 30 - len(early)


def test_a_run_stopped_in_its_loop_goes_on_in_it_but_its_last_stay_is_cut_off() -> None:
    lab = Lab()
    for number in range(6):
        hop(lab, [*[0] * 6, *[1] * 6], stop="loop", period=1, seed=number, max_length=30)
    answer = asked(lab)
    moves = {(row["source"], row["target"]): row["count"] for row in answer.tables["transitions"].to_dicts()}
    assert sorted(moves.values()) == [0, 6, 6 * 5, 6 * 23]
    states = answer.tables["states"].sort("completed")
    assert states.select("completed", "cut_off", "never_left").rows() == [(0, 6, True), (6, 0, False)]
    assert "exact loops are followed to the full length, in 6 of 6 runs" in of_kind(answer, "states").cautions
    assert "never left in" in of_kind(answer, "memory of the start").sentence


def test_runs_that_stay_where_they_are_end_in_different_states() -> None:
    lab = Lab()
    for number in range(9):
        hop(lab, [number % 3] * 20)
    told = of_kind(asked(lab), "memory of the start")
    assert told.sentence == (
        "M (as MiniLM sees it): runs end in different states and stay there: A, B and C were never left."
    )
    assert told.value == 3


def test_what_is_dense_nowhere_has_no_states() -> None:
    lab = Lab()
    run = lab.run([f"word {step}" for step in range(30)], network="M", cycle=("text",))
    lab.embed(run, np.random.default_rng(0).normal(size=(30, 64)).tolist(), every=1)
    answer = asked(lab)
    assert answer.findings[0].sentence == "M (as MiniLM sees it): no states stand out in what 1 run make."
    assert answer.tables["states"].is_empty()
    assert answer.tables["transitions"].is_empty()


def test_the_states_of_an_embedder_are_the_same_in_all_networks() -> None:
    lab = Lab()
    for number in range(8):
        hop(lab, [number % 2] * 10 + [2] * 10, network=("M", "N")[number % 2])
    table = asked(lab).tables["states"]
    texts = {(row["network"], row["state"]): row["medoid_text"].split(",")[0] for row in table.to_dicts()}
    shared = {state for network, state in texts if network == "M"} & {
        state for network, state in texts if network == "N"
    }
    assert [texts["M", state] for state in shared] == [texts["N", state] for state in shared] == [NAMES[2]]


def test_few_runs_are_cautioned() -> None:
    answer = asked(hopping_lab(runs=3, rounds=60))
    assert "only 3 runs" in of_kind(answer, "memory of the start").cautions


def test_without_vectors_there_is_nothing_to_say() -> None:
    lab = Lab()
    lab.run(["a"], network="M", cycle=("text",))
    assert asked(lab).absence == "no run has vectors"


def test_states_have_letters() -> None:
    assert [letter(state) for state in (0, 25, 26, 52)] == ["A", "Z", "A2", "A3"]


def test_stored_clusters_of_the_experiment_are_taken(tmp_path: Path) -> None:
    config = {
        "networks": [["DummyT2I", "DummyI2T"]],
        "prompts": ["a", "b"],
        "seeds": [1, 2, 3],
        "embedding_models": ["DummyText"],
        "max_length": 20,
    }
    with open_record(tmp_path / "record.sqlite") as record:
        experiment = perform(record, load_config(config), accept=True).id
        evidence = gather(record, [experiment])
        (made,) = {each.found.origin for each in visited(evidence)}
        stored = compute_clustering(record, ClusterRequest("DummyText", (experiment,)))
        (taken,) = {each.found.origin for each in visited(evidence)}
    assert made == "hdbscan, made for this answer"
    assert taken == f"hdbscan, stored as {stored[0].id}"
