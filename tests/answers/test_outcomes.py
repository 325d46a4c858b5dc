from __future__ import annotations

from panic_tda.answers.finding import Finding
from panic_tda.answers.outcomes import findings
from support.builders import Lab, small_lab


def told(lab: Lab) -> dict[str, Finding]:
    frames = lab.frames()
    return {each.kind: each for each in findings(frames.runs, frames.invocations, frames.embeddings)}


def text_run(lab: Lab, outputs: list[str], **more: object) -> str:
    return lab.run(outputs, network="M", cycle=("text",), **more)  # type: ignore[arg-type]


def test_a_loop_is_named_with_its_step_and_period() -> None:
    stuck = told(small_lab())["stuck"]
    assert stuck.value == 1
    assert stuck.sentence == (
        "1 of 5 runs is stuck in an exact loop (Glyph → RapidOCR, “a red apple”, seed 42: "
        "from step 1 with period 2, a fixed point)."
    )


def test_many_loops_name_the_earliest_and_the_latest_and_detail_all() -> None:
    lab = Lab()
    for seed in range(5):
        text_run(lab, [*map(str, range(5 - seed)), "A", "B", "A"], seed=seed, stop="loop", period=2)
    stuck = told(lab)["stuck"]
    assert stuck.sentence == (
        "All 5 runs are stuck in an exact loop (earliest, seed 4: from step 1 with period 2; "
        "latest, seed 0: from step 5 with period 2)."
    )
    assert len(stuck.details) == 5


def test_many_loops_from_the_same_step_are_listed_up_to_three() -> None:
    lab = Lab()
    for seed in range(4):
        text_run(lab, ["A", "A"], seed=seed, stop="loop", period=1)
    assert told(lab)["stuck"].sentence == (
        "All 4 runs are stuck in an exact loop (seed 0: from step 0 with period 1, a fixed point; "
        "seed 1: from step 0 with period 1, a fixed point; seed 2: from step 0 with period 1, a fixed point; "
        "and 1 more)."
    )


def test_a_loop_that_cannot_be_located_is_said_to_be_so() -> None:
    lab = Lab()
    text_run(lab, ["a", "b"], stop="loop")
    assert "where is not recorded" in told(lab)["stuck"].sentence


def test_no_loop_is_a_finding_too() -> None:
    lab = Lab()
    text_run(lab, ["a", "b"])
    assert told(lab)["stuck"].sentence == "The run did not get stuck in an exact loop."
    text_run(lab, ["a", "c"], seed=2)
    assert told(lab)["stuck"] == Finding("stuck", "None of the 2 runs got stuck in an exact loop.", 0)


def test_runs_that_still_change_are_told_with_their_last_move() -> None:
    moving = told(small_lab())["moving"]
    assert moving.value == 1
    assert "was still changing when it reached its full length" in moving.sentence
    assert "1.41, by Glyph → RapidOCR, “a boat”, seed 7 (as MiniLM sees it)" in moving.sentence


def test_moving_runs_without_embeddings_are_counted_and_named() -> None:
    lab = Lab()
    text_run(lab, ["a", "b"], seed=1)
    text_run(lab, ["a", "c"], seed=2)
    moving = told(lab)["moving"]
    assert moving.sentence == "Both runs were still changing when they reached their full length."
    assert moving.details == ("seed 1", "seed 2")


def test_runs_that_came_to_rest_at_their_full_length_are_not_moving() -> None:
    lab = Lab()
    text_run(lab, ["a", "a"], seed=-1)
    found = told(lab)
    assert found["moving"].value == 0
    assert found["returns"].sentence == (
        "The run came back, bit for bit, to an earlier output and went on "
        "(most often, M, “a red apple”, drawn seeds: in 1 of 2 steps)."
    )


def test_failures_carry_their_reason() -> None:
    failed = told(small_lab())["failed"]
    assert failed.value == 1
    assert "after 2 steps, RapidOCR found no text in the image" in failed.sentence


def test_unfinished_runs_say_how_far_they_came() -> None:
    assert "0 of 100 steps" in " ".join(told(small_lab())["unfinished"].details)


def test_furthest_and_nearest_are_told_for_each_embedder() -> None:
    lab = Lab()
    for seed, end in ((1, [0.0, 1.0]), (2, [1.0, 0.0])):
        run = text_run(lab, ["a", "b"], seed=seed)
        lab.embed(run, [[1.0, 0.0], end], every=1)
        lab.embed(run, [[1.0, 0.0], [-1.0, 0.0]], every=1, model="Other")
    frames = lab.frames()
    drifts = [each for each in findings(*frames[:3]) if each.kind == "drift"]
    assert [round(each.value, 2) for each in drifts] == [1.41, 2.0]
    assert drifts[0].sentence == (
        "As MiniLM sees it, seed 1 ended furthest from its start, at distance 1.41 of at most 2, "
        "and seed 2 nearest, at 0.00."
    )


def test_a_single_embedded_run_is_not_compared_with_itself() -> None:
    lab = Lab()
    lab.embed(text_run(lab, ["a"]), [[1, 0]], every=1)
    found = told(lab)
    assert "nearest" not in found["drift"].sentence
    assert "last move" not in found["moving"].sentence


def test_endings_say_how_many_runs_share_them() -> None:
    def ending(*ends: str) -> str:
        lab = Lab()
        for seed, end in enumerate(ends):
            text_run(lab, [end], seed=seed)
        return told(lab)["endings"].sentence

    assert ending("a", "b") == "The 2 runs that came to an end have 2 different endings, no two alike."
    assert ending("a", "a") == "The 2 runs that came to an end have one and the same ending, “a”."
    assert ending("a", "", "") == (
        "The 3 runs that came to an end have 2 different endings; 2 of them have the empty text."
    )


def test_runs_of_images_alone_are_compared_by_their_last_image() -> None:
    lab = Lab()
    for seed in (1, 2):
        lab.run(["same"], network="Blur", cycle=("image",), seed=seed)
    assert "one and the same ending, image " in told(lab)["endings"].sentence


def test_degenerate_outputs_are_counted_by_reason_and_model() -> None:
    assert told(small_lab())["degenerate"].sentence == (
        "1 of 16 outputs carries no information (1 empty from RapidOCR)."
    )


def test_synthetic_outputs_are_said_to_mean_nothing() -> None:
    lab = Lab()
    text_run(lab, ["a", "b"], synthetic=True)
    sentence = told(lab)["synthetic"].sentence
    assert sentence == "2 of 2 outputs were made up by dummy models (M) and mean nothing."


def test_an_experiment_without_runs_has_no_findings() -> None:
    assert told(Lab()) == {}


def test_a_run_without_steps_is_told_as_unfinished_only() -> None:
    lab = Lab()
    text_run(lab, [], stop=None)
    assert set(told(lab)) == {"stuck", "unfinished"}
