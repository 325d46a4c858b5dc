from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.sensitivity.groups import groups
from support.builders import Lab

Vectors = NDArray[np.float64]
Path = Callable[[int, int, np.random.Generator], Vectors]
"""The vectors (T, d) of a run, by the numbers of its prompt and its seed."""

ROUNDS = 24
NAMES = ("divergence", "recoverability", "relaxation", "lyapunov")


def asked(lab: Lab, name: str) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=[name])
    return answer


def told(answer: Answer) -> str:
    (finding,) = answer.findings
    return finding.sentence.removeprefix("Glyph → RapidOCR (as MiniLM sees it): ")


def laid_out(path: Path, *, prompts: int = 2, seeds: int = 6, rounds: int = ROUNDS, **more: Any) -> Lab:
    lab = Lab()
    for prompt in range(prompts):
        for seed in range(seeds):
            generator = np.random.default_rng([prompt, seed])
            run_id = lab.run(["x"] * (2 * rounds), prompt=f"prompt {prompt}", seed=seed, **more)
            lab.embed(run_id, path(prompt, seed, generator)[:rounds].tolist())
    return lab


def keeping(prompt: int, seed: int, generator: np.random.Generator) -> Vectors:
    """Each prompt has a place of its own."""
    vectors: Vectors = 3.0 * np.eye(6)[prompt] + generator.normal(size=(ROUNDS, 6))
    return vectors


def forgetting(prompt: int, seed: int, generator: np.random.Generator) -> Vectors:
    """Prompts are told apart by what halves with every 4 rounds, 8 steps."""
    kept = generator.random(ROUNDS) < 2.0 ** (-np.arange(ROUNDS) / 4.0)
    places = np.where(kept, prompt, generator.integers(2, size=ROUNDS))
    return 8.0 * np.eye(6)[places] + generator.normal(size=(ROUNDS, 6))


def settling(prompt: int, seed: int, generator: np.random.Generator) -> Vectors:
    """From one place to another, with a relaxation time of 3 rounds in the distance."""
    distance = 1.0 - 0.8 * np.exp(-np.arange(ROUNDS) / 3.0) + 0.02 * generator.normal(size=ROUNDS)
    angle = np.r_[0.0, 2.0 * np.arcsin(distance / 2.0)][:ROUNDS]
    return np.column_stack([np.cos(angle), np.sin(angle)])


def parting(prompt: int, seed: int, generator: np.random.Generator) -> Vectors:
    """Runs part by 30 % a round until round 8."""
    apart = 0.01 * np.exp(np.log(1.3) * np.minimum(np.arange(ROUNDS), 8))
    noise = np.exp(0.02 * generator.normal(size=(ROUNDS, 1)))
    vectors: Vectors = np.eye(8)[7] + noise * np.outer(apart, np.eye(8)[seed])
    return vectors


def test_runs_are_laid_beside_each_other_round_by_round() -> None:
    (group,) = groups(Evidence(laid_out(keeping).frames()))
    assert (group.start, group.cycle, len(group.sides)) == (1, 2, 12)
    assert {points.shape for points in group.points} == {(ROUNDS, 6)}
    assert (group.step(0), group.step(2.5), group.cautions) == (1, 6, ())
    assert [len(runs) for runs in group.by_prompt()] == [6, 6]


def test_an_exact_loop_goes_on_to_the_full_length_of_its_run() -> None:
    lab = Lab()
    looping = lab.run(["x", "a", "y", "b", "y", "b"], stop="loop", period=2, max_length=20)
    lab.embed(looping, [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    lab.embed(lab.run(["x"] * 20, seed=1), [[1.0, 0.0]] * 10)
    (group,) = groups(Evidence(lab.frames()))
    looped = next(side for side in group.sides if side.run.run_id == looping)
    assert looped.points.tolist() == [[1.0, 0.0]] + [[0.0, 1.0]] * 9


def test_a_run_is_cut_before_a_round_without_a_vector() -> None:
    lab = laid_out(keeping)
    lab.rows["embeddings"] = [row for row in lab.rows["embeddings"] if row is not lab.rows["embeddings"][5]]
    (group,) = groups(Evidence(lab.frames()))
    assert sorted(len(points) for points in group.points) == [5, *[ROUNDS] * 11]
    assert group.cautions == ("1 of 12 runs are cut at an output without a vector",)
    for name in NAMES:
        (finding,) = asked(lab, name).findings
        assert group.cautions[0] in finding.cautions


def test_a_prompt_that_still_shows_is_told_with_both_distances_and_the_noise_floor() -> None:
    answer = asked(laid_out(keeping), "divergence")
    assert told(answer).startswith("runs from different prompts end 1.17 [0.")
    assert " apart, against 0.82 [0." in told(answer)
    assert "between runs of the same prompt: the prompt still shows (p = 0.00" in told(answer)
    assert answer.findings[0].details == ("12 runs of 2 prompts",)
    ends = {row["kind"]: row for row in answer.tables["ends"].iter_rows(named=True)}
    assert ends["different"]["distance"] > ends["same"]["distance"]
    assert ends["excess"]["low"] > 0.0
    assert (ends["same"]["n"], ends["same"]["prompts"]) == (12, 2)
    curves = answer.tables["curves"]
    assert curves["step"].unique().sort().to_list() == list(range(1, 2 * ROUNDS, 2))
    assert curves.filter(pl.col("kind") == "same")["pairs"].unique().to_list() == [30]
    assert (curves["low"] <= curves["distance"]).all()


def test_a_prompt_that_does_not_show_is_told_so() -> None:
    answer = asked(laid_out(lambda _p, _s, generator: generator.normal(size=(ROUNDS, 6))), "divergence")
    assert "no trace of the prompt can be told (p = 0." in told(answer)


def test_two_runs_of_two_prompts_are_too_few_to_tell() -> None:
    answer = asked(laid_out(keeping, seeds=2), "divergence")
    assert told(answer).endswith("too few runs to tell whether the prompt still shows.")
    assert "too few runs: no grouping can have a p-value below 0.33" in answer.findings[0].cautions


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"prompts": 1}, "runs of the same prompt with other seeds end {} apart; there is no other prompt."),
        ({"seeds": 1, "prompts": 4}, "runs from different prompts end {} apart; no two runs share a prompt."),
    ],
)
def test_without_a_noise_floor_the_distance_stands_alone(shape: dict[str, int], words: str) -> None:
    answer = asked(laid_out(keeping, **shape), "divergence")
    before, after = words.split("{}")
    assert told(answer).startswith(before)
    assert told(answer).endswith(after)
    assert answer.tables["ends"]["p_value"].to_list() == [None]


def test_small_distances_are_told_with_another_digit() -> None:
    def close(_p: int, _s: int, generator: np.random.Generator) -> Vectors:
        return 100.0 + generator.normal(size=(ROUNDS, 6))

    assert "end 0.01" in told(asked(laid_out(close, seeds=3), "divergence"))


def test_long_runs_are_looked_at_in_evenly_chosen_rounds() -> None:
    def long(_p: int, _s: int, generator: np.random.Generator) -> Vectors:
        return generator.normal(size=(150, 3))

    curves = asked(laid_out(long, seeds=2, rounds=150), "divergence").tables["curves"]
    steps = curves.filter(pl.col("kind") == "same")["step"].to_list()
    assert len(steps) == 120
    assert (steps[0], steps[-1]) == (1, 299)


def test_prompts_that_stay_apart_are_named_to_the_end() -> None:
    answer = asked(laid_out(lambda p, s, g: keeping(p, s, g) + 9.0 * np.eye(6)[p], seeds=12), "recoverability")
    assert told(answer) == (
        "the right one of 2 prompts is named from the first round for 100 % [86, 100] of runs, "
        "from the last for 100 % [86, 100] (chance 50 %); the trace of the prompt does not fade by half."
    )
    assert answer.tables["half_lives"]["half_life"].to_list() == [np.inf]


def test_the_half_life_is_told_in_steps() -> None:
    answer = asked(laid_out(forgetting, seeds=40), "recoverability")
    assert "half of what tells the prompts apart is lost after " in told(answer)
    (row,) = answer.tables["half_lives"].iter_rows(named=True)
    assert row["half_life"] == pytest.approx(8.0, rel=0.3)
    assert row["low"] < row["half_life"] < row["high"]
    assert (row["accuracy_first"], row["n"], row["caution"]) == (1.0, 80, "")
    curves = answer.tables["curves"]
    assert curves["step"].to_list() == list(range(1, 2 * ROUNDS, 2))
    assert set(curves["chance"]) == {0.5}


def test_what_cannot_be_named_at_first_has_no_half_life() -> None:
    answer = asked(laid_out(lambda _p, _s, generator: generator.normal(size=(ROUNDS, 6))), "recoverability")
    assert told(answer).endswith("; at first the prompt does not show for certain.")
    assert answer.tables["half_lives"]["half_life"].to_list() == [None]
    assert "the prompt cannot be told at the first round" in answer.findings[0].cautions


def test_runs_that_settle_are_told_with_their_relaxation_time_in_steps() -> None:
    answer = asked(laid_out(settling), "relaxation")
    assert told(answer).startswith("runs settle 1.00 [")
    (row,) = answer.tables["networks"].iter_rows(named=True)
    assert row["tau"] == pytest.approx(6.0, rel=0.1)
    assert row["low"] < 6.0 < row["high"]
    assert (row["n"], row["caution"]) == (12, "")
    assert answer.tables["prompts"]["prompt"].to_list() == ["prompt 0", "prompt 1"]
    runs = answer.tables["runs"]
    assert runs["seed"].to_list() == [*range(6)] * 2
    assert runs["tau"].median() == pytest.approx(6.0, rel=0.2)
    curves = answer.tables["curves"]
    assert curves["step"].to_list() == list(range(3, 2 * ROUNDS, 2))
    assert (curves["fitted"] - curves["distance"]).abs().max() < 0.05  # type: ignore[operator]


def test_runs_that_jump_are_told_to_be_there_within_a_round() -> None:
    def jumping(_p: int, _s: int, generator: np.random.Generator) -> Vectors:
        angle = np.r_[0.0, 0.5, np.full(ROUNDS - 2, 1.5)] + 0.01 * generator.normal(size=ROUNDS)
        return np.column_stack([np.cos(angle), np.sin(angle)])

    assert told(asked(laid_out(jumping), "relaxation")).startswith(
        "runs reach the distance at which they stay within a round, 1.3"
    )


def test_runs_that_do_not_settle_are_told_so() -> None:
    def drifting(_p: int, _s: int, generator: np.random.Generator) -> Vectors:
        angle = np.arange(ROUNDS) * 0.05 * (1.0 + 0.1 * generator.normal())
        return np.column_stack([np.cos(angle), np.sin(angle)])

    said = told(asked(laid_out(drifting), "relaxation"))
    assert said.startswith("it cannot be told that runs settle within 48 steps, so the relaxation time is ")
    assert said.endswith(" steps or more.")


def test_a_single_run_has_a_relaxation_time_of_its_own_and_no_finding() -> None:
    answer = asked(laid_out(settling, prompts=1, seeds=1), "relaxation")
    assert answer.findings == ()
    assert answer.tables["runs"]["tau"].to_list() == [pytest.approx(6.0, rel=0.4)]


def test_runs_that_part_are_told_with_their_pace_and_where_it_ends() -> None:
    answer = asked(laid_out(parting), "lyapunov")
    assert told(answer).startswith("the distance between runs of the same prompt grows by 29.9 % [29.")
    assert told(answer).endswith(" a round up to step 17, then stays the same.")
    (row,) = answer.tables["networks"].iter_rows(named=True)
    assert row["early_exponent"] == pytest.approx(np.log(1.3), rel=0.05)
    assert row["early_low"] < row["early_exponent"] < row["early_high"]
    assert row["exponent"] < row["early_exponent"] / 2
    assert (row["saturation_step"], row["pairs"], row["rounds"], row["n"]) == (17, 30, ROUNDS, 12)
    assert row["caution"].startswith("saturated: the curve is flat from step 17; ")
    assert answer.tables["prompts"]["prompt"].to_list() == ["prompt 0", "prompt 1"]
    curves = answer.tables["curves"]
    assert curves["early_line"].null_count() == ROUNDS - 9
    assert (curves["early_line"] - curves["log_distance"]).abs().max() < 0.1  # type: ignore[operator]


def test_runs_that_come_together_are_told_to_shrink() -> None:
    def meeting(_p: int, seed: int, _g: np.random.Generator) -> Vectors:
        vectors: Vectors = np.eye(8)[7] + np.outer(0.1 * np.exp(-0.1 * np.arange(ROUNDS)), np.eye(8)[seed])
        return vectors

    said = told(asked(laid_out(meeting), "lyapunov"))
    assert said.startswith("the distance between runs of the same prompt shrinks by 9.")
    assert said.endswith(" a round, without levelling off.")


def test_a_distance_that_stays_is_told_not_to_change_for_certain() -> None:
    said = told(asked(laid_out(lambda _p, _s, generator: generator.normal(size=(ROUNDS, 6))), "lyapunov"))
    assert "does not change for certain: " in said


def test_runs_that_never_differ_have_no_exponent() -> None:
    same = asked(laid_out(lambda _p, _s, _g: np.ones((ROUNDS, 3))), "lyapunov")
    assert told(same) == "runs of the same prompt never differ for two rounds."
    assert same.tables["networks"]["exponent"].to_list() == [None]


@pytest.mark.parametrize(
    ("name", "shape", "absence"),
    [
        ("divergence", {"prompts": 1, "seeds": 1}, "no two runs of a network have vectors of the same embedder"),
        ("recoverability", {"prompts": 1}, "no network has two prompts with two runs each"),
        ("recoverability", {"seeds": 1}, "no network has two prompts with two runs each"),
        ("relaxation", {"rounds": 5}, "no run has vectors of 6 rounds"),
        ("lyapunov", {"seeds": 1}, "no two runs of a network share a prompt and have vectors"),
    ],
)
def test_what_does_not_apply_says_why(name: str, shape: dict[str, int], absence: str) -> None:
    assert asked(laid_out(keeping, **shape), name).absence == absence


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_of_an_empty_experiment(name: str) -> None:
    assert asked(Lab(), name).absence is not None


def test_each_network_and_embedder_has_a_finding() -> None:
    lab = laid_out(keeping)
    for seed in range(3):
        run_id = lab.run(["x"] * ROUNDS, network="M", cycle=("text",), seed=seed)
        lab.embed(run_id, np.random.default_rng(seed).normal(size=(ROUNDS, 3)).tolist(), every=1, model="Other")
    kinds = [finding.sentence.split(":")[0] for finding in asked(lab, "divergence").findings]
    assert kinds == ["Glyph → RapidOCR (as MiniLM sees it)", "M (as Other sees it)"]
