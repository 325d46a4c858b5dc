from __future__ import annotations

from typing import Any

import pytest

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.decides.factors import factors_of
from panic_tda.answers.decides.outcomes import outcomes
from panic_tda.answers.evidence import Evidence
from support.builders import Lab
from support.hopping import hop


def asked(lab: Lab) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=["decides"])
    return answer


def effects(answer: Answer, outcome: str) -> dict[str, dict[str, Any]]:
    table = answer.tables["effects"]
    return {row["factor"]: row for row in table.filter(table["outcome"] == outcome).to_dicts()}


def prompt_lab() -> Lab:
    """Two networks × three prompts × four seeds; where a run goes to stay depends on its prompt alone."""
    lab = Lab()
    for network in ("M", "N"):
        for place, prompt in enumerate(("an apple", "a boat", "a hill")):
            for seed in range(4):
                hop(lab, [(place + seed) % 3] * 3 + [place] * 12, network=network, prompt=prompt, seed=seed)
    return lab


@pytest.fixture(scope="module")
def decided() -> Answer:
    return asked(prompt_lab())


def test_the_prompt_that_settles_the_end_decides_it(decided: Answer) -> None:
    end = effects(decided, "end")
    assert end["prompt"]["share"] == pytest.approx(0.98, abs=0.02)
    assert end["prompt"]["p_value"] == 0.001
    assert abs(end["seed"]["share"]) < 0.01
    assert abs(end["text-to-text model"]["share"]) < 0.01


def test_the_final_state_is_decided_like_the_end(decided: Answer) -> None:
    state = effects(decided, "final state")
    assert state["prompt"]["share"] == pytest.approx(1.0)
    assert state["seed"]["share"] == pytest.approx(0.0)


def test_how_long_runs_stay_is_decided_by_what_makes_them_move(decided: Answer) -> None:
    stay = effects(decided, "stay")
    assert stay["seed"]["share"] > 0.4
    assert stay["prompt"]["share"] < 0.05


def test_a_sentence_tells_every_factor_and_what_is_left(decided: Answer) -> None:
    finding = decided.findings[0]
    assert finding.sentence.startswith("Where runs end (as MiniLM sees it): the prompt decides 9")
    assert finding.sentence.count("decides") == 4
    assert "their interplay decides 0 %" in finding.sentence
    assert finding.low is not None and finding.low <= finding.value <= 1.0  # noqa: PT018
    assert finding.n == 24


def test_runs_that_all_reach_their_length_are_not_asked_whether_they_get_stuck(decided: Answer) -> None:
    assert decided.tables["outcomes"]["outcome"].to_list() == ["end", "final state", "stay"]


def test_getting_stuck_and_when_is_decomposed_without_an_embedder() -> None:
    lab = Lab()
    for seed in range(4):
        for prompt in ("x", "y", "z"):
            steps = [f"{prompt}{seed}{step}" for step in range(6 + 4 * "xyz".index(prompt))]
            lab.run([*steps, "A", "A"], network="M", cycle=("text",), prompt=prompt, seed=seed, stop="loop", period=1)
            lab.run(steps, network="N", cycle=("text",), prompt=prompt, seed=seed)
    answer = asked(lab)
    assert effects(answer, "stuck")["text-to-text model"]["share"] == pytest.approx(1.0)
    assert effects(answer, "step stuck")["prompt"]["share"] == pytest.approx(1.0)
    assert answer.findings[1].cautions[0] == "only the 12 of 24 runs that got stuck"
    assert "When runs get stuck: the prompt decides 100 %" in answer.findings[1].sentence


def test_where_interplay_decides_it_is_told() -> None:
    lab = Lab()
    for network in ("M", "N"):
        for prompt in ("a", "b"):
            for seed in range(5):
                hop(lab, [int((network == "M") == (prompt == "a"))] * 12, network=network, prompt=prompt, seed=seed)
    answer = asked(lab)
    row = answer.tables["outcomes"].row(0, named=True)
    assert row["interplay"] > 0.95
    assert row["left"] < 0.05
    assert "their interplay decides 9" in answer.findings[0].sentence


def test_models_at_each_place_of_the_cycle_are_factors_when_networks_share_their_types() -> None:
    lab = Lab()
    for painter in ("P", "Q"):
        for reader in ("R", "S"):
            lab.run(["x", "a text"], network=f"{painter} → {reader}", seed=1)
    found = factors_of(Evidence(lab.frames()).trajectories)
    assert set(found) == {"text-to-image model", "image-to-text model"}
    assert found["text-to-image model"] == ["P", "P", "Q", "Q"]


def test_networks_of_different_kinds_are_told_apart_as_a_whole() -> None:
    lab = Lab()
    lab.run(["x", "a text"], network="P → R", seed=1)
    lab.run(["a text"], network="M", cycle=("text",), seed=2)
    found = factors_of(Evidence(lab.frames()).trajectories)
    assert found == {"network": ["M", "P → R"], "seed": [2, 1]}


def test_drawn_seeds_are_no_factor() -> None:
    lab = Lab()
    for prompt in ("a", "b"):
        lab.run(["x"], network="M", cycle=("text",), prompt=prompt, seed=-1)
    assert set(factors_of(Evidence(lab.frames()).trajectories)) == {"prompt"}


def test_factors_that_go_together_are_named() -> None:
    lab = Lab()
    for number in range(12):
        hop(lab, [number % 3] * 12, prompt=f"prompt {number % 3}", seed=number % 3)
    finding = asked(lab).findings[0]
    assert "what the prompt decides cannot be told; what the seed decides cannot be told" in finding.sentence
    assert "prompt: fixed by the seed, so they cannot be told apart" in finding.cautions


@pytest.mark.parametrize(
    ("runs", "absence"),
    [
        ({"seed": 1}, "fewer than 6 runs have come to an end"),
        ({"seed": -1}, "all runs have the same network and prompt, and no seeds are given"),
        ({}, "all runs end alike"),
    ],
)
def test_where_nothing_can_be_decided_it_is_said_why(runs: dict[str, int], absence: str) -> None:
    lab = Lab()
    for number in range(3 if runs.get("seed") == 1 else 8):
        chosen: dict[str, Any] = {"seed": number, "run_number": number} | runs
        lab.run(["a", "b"], network="M", cycle=("text",), **chosen)
    assert asked(lab).absence == absence


def test_the_last_loop_stands_for_the_end_of_a_run() -> None:
    """A loop of two rounds far apart ends in their middle, whichever comes last."""
    lab = Lab()
    for number in range(8):
        turn = [0, 1] if number % 2 else [1, 0]
        hop(lab, turn * 4, spread=0.0, stop="loop", period=2, seed=number // 2, prompt=("a", "b")[number % 2])
    assert [outcome.name for outcome in outcomes(Evidence(lab.frames()))] == ["final state"]
