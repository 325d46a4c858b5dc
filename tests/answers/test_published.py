from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from support.builders import Lab

PAPERS = ["hintze", "perez", "mollah", "tacheny", "wang"]


def asked(lab: Lab, name: str) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=[name])
    return answer


def turned(angles: list[float]) -> list[list[float]]:
    return [[float(np.cos(angle)), float(np.sin(angle))] for angle in angles]


def text_run(lab: Lab, outputs: list[str], vectors: list[list[float]] | None = None, **more: object) -> str:
    given = {"network": "M", "seed": len(lab.rows["runs"])} | more
    run = lab.run(outputs, cycle=("text",), **given)  # type: ignore[arg-type]
    if vectors:
        lab.embed(run, vectors, every=1)
    return run


@pytest.mark.parametrize("name", PAPERS)
def test_without_a_finished_run_no_paper_has_anything_to_say(name: str) -> None:
    lab = Lab()
    text_run(lab, list("abcdefghij"), turned([0.1 * step for step in range(10)]), stop=None)
    for empty in (lab, Lab()):
        absence = asked(empty, name).absence
        assert absence is not None
        assert absence.startswith("no finished run")


def test_the_distance_to_round_0_is_the_chord_by_round_and_runs_left_out_are_said() -> None:
    lab = Lab()
    for slope in (0.1, 0.2, 0.3):
        text_run(lab, list("abc"), turned([0.0, slope, 2 * slope]))
    text_run(lab, list("ab"), turned([0.0, 0.1]), stop="failed")
    answer = asked(lab, "hintze")
    table = answer.tables["distance_to_round_0"]
    chords = [[2 * np.sin(turn * slope / 2) for slope in (0.1, 0.2, 0.3)] for turn in range(3)]
    assert table["distance"].to_list() == pytest.approx([np.mean(each) for each in chords], abs=1e-6)
    assert table["n"].to_list() == [3, 3, 3]
    assert set(table["caution"]) == {"only 3 runs; 1 of 4 runs left out, not finished or too short"}
    assert answer.findings[0].value == pytest.approx(np.mean(chords[2]), abs=1e-6)
    assert answer.tables["motifs"].is_empty()


def test_a_run_that_stopped_in_a_loop_is_continued_by_it() -> None:
    lab = Lab()
    for _ in range(3):
        text_run(lab, ["a", "b", "b"], turned([0.0, 0.4, 0.4]), stop="loop", period=1, max_length=6)
    table = asked(lab, "hintze").tables["distance_to_round_0"]
    assert table["round"].to_list() == list(range(6))
    assert table["distance"].to_list()[1:] == pytest.approx([2 * np.sin(0.2)] * 5, abs=1e-6)


def test_motifs_of_final_outputs_are_told_with_the_text_in_their_midst() -> None:
    lab = Lab()
    rng = np.random.default_rng(0)
    for network, home in (("A", [1.0, 0, 0, 0]), ("B", [0, 1.0, 0, 0])):
        for seed in range(12):
            near = (np.array(home) + 0.02 * rng.normal(size=4)).tolist()
            text_run(lab, ["start", f"the end of {network}"], [[0, 0, 1.0, 0], near], network=network, seed=seed)
    answer = asked(lab, "hintze")
    (test,) = answer.tables["motif_test"].iter_rows(named=True)
    assert (test["cramers_v"], test["p_chi_square"], test["n"]) == (pytest.approx(1.0), 0.001, 24)
    assert test["chance_v"] < 0.3
    motifs = answer.tables["motifs"].filter(pl.col("runs") > 0)
    assert sorted(motifs.select("network", "runs", "ending").rows()) == [
        ("A", 12, "the end of A"), ("B", 12, "the end of B"),
    ]  # fmt: skip
    finding = answer.findings[-1]
    assert "fall into 2 motifs; motif and network go together with Cramér's V = 1.00" in finding.sentence
    assert any("“the end of A”" in detail for detail in finding.details)


def test_final_outputs_without_clusters_fall_into_no_motif() -> None:
    lab = Lab()
    for seed, apart in enumerate(np.eye(16).tolist()):
        text_run(lab, ["a", "b"], [[1.0] * 16, apart], seed=seed)
    answer = asked(lab, "hintze")
    assert set(answer.tables["motifs"]["motif"]) == {"none"}
    assert "fall into 0 motifs." in answer.findings[-1].sentence
    assert "16 of 16 final outputs in no motif" in answer.findings[-1].cautions


def test_the_attractor_of_lengths_is_where_the_regression_crosses_the_diagonal() -> None:
    lab = Lab()
    for length in (10, 20, 30, 60, 80, 100):
        for extra in (-1, 0, 1):
            text_run(lab, ["x" * length, "x" * (20 + length // 2 + extra)], prompt="p" * length, seed=extra + 1)
    answer = asked(lab, "perez")
    (row,) = answer.tables["attractors"].iter_rows(named=True)
    assert (row["position"], row["strength"]) == pytest.approx((40.0, 0.5))
    assert row["position_low"] <= 40.0 <= row["position_high"]
    assert (row["n"], row["prompts"], row["caution"]) == (18, 6, "only 6 prompts")
    assert "texts are drawn to 40 [" in answer.findings[0].sentence
    assert answer.findings[0].n == 18
    assert len(answer.tables["runs"]) == 18


def test_too_few_prompts_have_generations_but_no_attractor() -> None:
    lab = Lab()
    for seed in range(6):
        text_run(lab, ["a" * 5, "b" * 9], prompt="one", seed=seed)
    answer = asked(lab, "perez")
    (row,) = answer.tables["attractors"].iter_rows(named=True)
    assert row["position"] is None
    assert row["caution"] == "1 prompt where a regression needs 4"
    assert answer.tables["generations"]["distance"].to_list() == [1.0]
    (finding,) = answer.findings
    assert "Kolmogorov–Smirnov distance 1.00" in finding.sentence
    assert finding.cautions == ("only 1 prompts", "no attractor: 1 prompt where a regression needs 4")


def test_lengths_that_are_kept_have_no_attractor() -> None:
    lab = Lab()
    lengths = np.random.default_rng(0).integers(10, 90, size=12)
    for number, length in enumerate(lengths):
        text_run(lab, ["x" * int(length), "x" * (int(length) + (-1) ** number)], prompt="p" * int(length))
    (finding,) = asked(lab, "perez").findings
    assert "no length to which texts are drawn" in finding.sentence
    assert any("cannot be told from 1" in caution for caution in finding.cautions)


def test_prompts_that_are_images_have_no_length() -> None:
    lab = Lab()
    text_run(lab, ["a", "b"], prompt_type="image")
    assert asked(lab, "perez").absence == "no finished run goes from a prompt in words to texts"


def test_cumulative_drift_is_the_mean_cosine_and_the_rate_that_of_its_decay() -> None:
    lab = Lab()
    for amplitude in (0.40, 0.45, 0.50, 0.55, 0.60):
        similarity = [1.0] + [amplitude * np.exp(-0.4 * generation) + 0.3 for generation in range(1, 13)]
        text_run(lab, [str(step) for step in range(13)], turned([float(np.arccos(each)) for each in similarity]))
    answer = asked(lab, "mollah")
    (row,) = answer.tables["drift"].iter_rows(named=True)
    known = 0.5 * np.exp(-0.4 * np.arange(1, 13)).mean() + 0.3
    assert (row["mcd"], row["rate"], row["plateau"]) == pytest.approx((known, 0.4, 0.3), abs=1e-3)
    assert (row["n"], row["generations"], row["caution"]) == (5, 12, "")
    assert row["mcd_low"] < row["mcd"] < row["mcd_high"]
    assert "it falls at a rate of 0.400 [" in answer.findings[0].sentence
    similarity_table = answer.tables["similarity"]
    assert similarity_table["fitted"].to_list() == pytest.approx(similarity_table["similarity"].to_list(), abs=1e-3)


def test_few_generations_have_no_rate() -> None:
    lab = Lab()
    for _ in range(5):
        text_run(lab, list("abc"), turned([0.0, 0.1, 0.2]))
    answer = asked(lab, "mollah")
    assert answer.tables["drift"]["rate"].to_list() == [None]
    assert answer.findings[0].cautions == ("only 2 generations: no rate",)


def test_a_loop_that_settles_contracts_and_one_that_runs_apart_spreads() -> None:
    lab = Lab()
    settling, leaving = [0.8**step for step in range(12)], [0.02 * 1.4**step for step in range(12)]
    for network, angles in (("In", settling), ("Out", leaving)):
        for scale in (0.8, 0.9, 1.0, 1.1, 1.2):
            text_run(lab, list("abcdefghijkl"), turned([scale * angle for angle in angles]), network=network)
    answer = asked(lab, "tacheny")
    sentences = [finding.sentence for finding in answer.findings]
    assert sentences[0].startswith("In (as MiniLM sees it) contracts: ")
    assert sentences[1].startswith("Out (as MiniLM sees it) spreads: ")
    networks = answer.tables["networks"]
    change = networks.filter(pl.col("measure") == "dispersion_change")["mean"].to_list()
    assert change[0] < 0 < change[1]
    drift = answer.tables["local_drift"].filter(pl.col("network") == "In")
    assert drift["round"].to_list() == list(range(1, 12))
    assert drift["distance"].is_sorted(descending=True)


def test_texts_that_alternate_have_a_high_degree_and_a_period_of_two() -> None:
    lab = Lab()
    rng = np.random.default_rng(0)
    for seed in range(5):
        vectors = (np.eye(6)[[0, 1] * 12] + 0.05 * rng.normal(size=(24, 6))).tolist()
        text_run(lab, ["the cat sat here", "a dog lay there"] * 12, vectors, seed=seed)
    answer = asked(lab, "wang")
    degrees, periods = answer.tables["degrees"], answer.tables["periods"]
    assert degrees["degree_2"].to_list() == [1.0] * 5
    assert max(degrees["degree_1"]) < 0.6
    assert periods["period"].to_list() == [2] * 5
    alternating, period = answer.findings
    assert alternating.sentence.startswith("M: texts alternate: two rounds apart they agree in 100 % [100, 100]")
    assert "5 of 5 runs go round in a period" in period.sentence
    assert period.sentence.endswith("rounds: 2 × 5.")


def test_texts_that_stand_still_are_not_said_to_alternate() -> None:
    lab = Lab()
    for seed in range(5):
        text_run(lab, ["same"] * 10, seed=seed)
    (finding,) = asked(lab, "wang").findings
    assert "texts do not alternate" in finding.sentence
    assert finding.cautions == ("5 runs stood still",)


def test_of_two_texts_in_a_round_only_the_last_is_compared() -> None:
    """The two differ from each other in every round; that is no alternation."""
    lab = Lab()
    for seed in range(5):
        lab.run(["short", "a longer text"] * 6, network="P → Q", cycle=("text", "text"), seed=seed)
    degrees = asked(lab, "wang").tables["degrees"]
    assert degrees["texts"].to_list() == [6] * 5
    assert degrees["degree_1"].to_list() == [1.0] * 5


@pytest.mark.parametrize("name", PAPERS)
def test_the_same_seed_gives_the_same_tables(name: str) -> None:
    lab = Lab()
    rng = np.random.default_rng(2)
    for seed in range(12):
        outputs = ["x" * int(length) for length in rng.integers(3, 30, size=10)]
        text_run(lab, outputs, rng.normal(size=(10, 4)).tolist(), seed=seed, prompt=f"{'p' * (seed % 5)}.")
    one, other = asked(lab, name).tables, asked(lab, name).tables
    assert one
    assert all(one[key].equals(other[key]) for key in one)
