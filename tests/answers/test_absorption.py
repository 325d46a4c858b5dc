from __future__ import annotations

import polars as pl
import pytest

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from support.builders import Lab, small_lab


def asked(lab: Lab) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=["absorption"])
    return answer


def text_run(lab: Lab, outputs: list[str], **more: object) -> str:
    return lab.run(outputs, network="M", cycle=("text",), **more)  # type: ignore[arg-type]


def test_a_run_that_stopped_for_its_loop_is_absorbed_where_the_loop_begins() -> None:
    (row,) = asked(small_lab()).tables["runs"].filter(pl.col("seed") == 42, pl.col("absorbed")).rows(named=True)
    assert (row["absorbed"], row["start"], row["period"], row["caution"]) == (True, 1, 2, "")


def test_a_run_with_drawn_seeds_that_repeats_three_times_is_absorbed_but_may_leave() -> None:
    lab = Lab()
    text_run(lab, ["x", "a", "b", "a", "b", "a", "b"], seed=-1)
    row = asked(lab).tables["runs"].row(0, named=True)
    assert (row["start"], row["period"]) == (1, 2)
    assert row["caution"] == "its seeds are drawn anew, so it may still leave"


def test_two_passes_at_the_end_are_not_yet_a_loop() -> None:
    lab = Lab()
    text_run(lab, ["x", "a", "b", "a", "b"], seed=-1)
    assert asked(lab).tables["runs"]["absorbed"].to_list() == [False]


def test_the_share_is_told_with_its_interval_the_median_and_the_periods() -> None:
    lab = Lab()
    for seed in range(6):
        text_run(lab, [*map(str, range(seed)), "A", "B", "A"], seed=seed, stop="loop", period=2)
    text_run(lab, list("abcdefgh"), seed=7)
    (finding,) = asked(lab).findings
    assert finding.sentence == (
        "M: 6 of 7 runs got stuck in an exact loop, 86 % [49, 97]; half of the runs were stuck by step 3; "
        "periods seen: 2 × 6."
    )
    assert (finding.value, finding.n) == (6 / 7, 7)
    assert finding.cautions == ()


def test_few_runs_are_cautioned_in_the_sentence_and_in_the_table() -> None:
    lab = Lab()
    text_run(lab, ["a", "b"], seed=1)
    text_run(lab, ["c", "d"], seed=2)
    answer = asked(lab)
    assert [finding.cautions for finding in answer.findings] == [("only 2 runs",)]
    assert answer.tables["networks"]["caution"].to_list() == ["only 2 runs"]


def test_the_curve_counts_runs_that_end_without_a_loop_as_watched_until_then() -> None:
    lab = Lab()
    text_run(lab, ["a", "b"], seed=1)
    text_run(lab, ["a", "b", "c", "d", "c"], seed=2, stop="loop", period=2)
    curve = asked(lab).tables["curve"]
    # When the second run is absorbed, at step 2, the first one is still being watched.
    assert curve["absorbed"].to_list() == [0.0, 0.5, 0.5]
    assert curve["step"].to_list() == [0.0, 2.0, 5.0]


@pytest.mark.parametrize("lab", [Lab(), "no steps"])
def test_without_a_step_there_is_nothing_to_say(lab: Lab | str) -> None:
    if isinstance(lab, str):
        lab = Lab()
        text_run(lab, [])
    assert asked(lab).absence == "no run has made anything yet"
