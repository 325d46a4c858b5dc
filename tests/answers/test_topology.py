from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from panic_tda.analysis.diagram_distances import bottleneck_distance, wasserstein_distance
from panic_tda.analysis.persistent_entropy import persistent_entropy
from panic_tda.analysis.sliced_wasserstein import sliced_wasserstein_distance
from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.topology import alike, beyond
from support.builders import Lab, small_lab
from support.shapes import add_run, shapely_lab, way


def asked(lab: Lab | Evidence, analysis: str) -> Answer:
    evidence = lab if isinstance(lab, Evidence) else Evidence(lab.frames())
    (answer,) = answers(evidence, only=[analysis])
    return answer


@cache
def shapely(analysis: str) -> Answer:
    return asked(shapely_lab(), analysis)


def bars_of(lab: Lab, run_id: str, dimension: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    bars = lab.frames().persistence_bars.filter(pl.col("run_id") == run_id, pl.col("dimension") == dimension)
    return bars.select("birth", "death").to_numpy()


def test_each_run_has_its_bars_their_entropies_and_the_longest_by_dimension() -> None:
    lab = Lab()
    run_id = add_run(lab, way("cycle", 1, 0), "M", "a red apple", 0)
    row = asked(lab, "persistence").tables["runs"].row(0, named=True)
    assert (row["run_id"], row["points"], row["distinct_points"], row["caution"]) == (run_id, 24, 24, "")
    for dimension in (0, 1):
        bars = bars_of(lab, run_id, dimension)
        entropy = persistent_entropy(bars)
        lengths = bars[np.isfinite(bars[:, 1])] @ [-1.0, 1.0]
        assert row[f"bars_h{dimension}"] == len(bars)
        assert row[f"longest_h{dimension}"] == pytest.approx(lengths.max())
        assert row[f"entropy_h{dimension}"] == entropy.plain
        assert row[f"normalised_entropy_h{dimension}"] == entropy.normalised


def test_repeats_and_few_distinct_outputs_are_cautioned_run_by_run() -> None:
    runs = shapely("persistence").tables["runs"].filter(pl.col("network") == "Stuck → Reader", prompt="a boat")
    assert runs["caution"].to_list() == [
        "19 of 24 outputs are repeats, which have no bars of their own",
        "17 of 24 outputs are repeats, which have no bars of their own",
        "15 of 24 outputs are repeats, which have no bars of their own",
    ]
    lab = Lab()
    add_run(lab, way("walk", 0, 0, rounds=3), "M", "a boat", 0)
    assert asked(lab, "persistence").tables["runs"]["caution"].to_list() == ["only 3 distinct outputs"]


def test_landmarks_are_cautioned_with_the_bound_they_give() -> None:
    frames = shapely_lab().frames()
    diagrams = frames.persistence_diagrams.with_columns(covering_radius=pl.lit(0.05))
    answer = asked(Evidence(frames._replace(persistence_diagrams=diagrams)), "persistence")
    assert all("right within 0.1" in caution for caution in answer.tables["runs"]["caution"])


def test_an_entropy_that_only_counts_distinct_outputs_is_told() -> None:
    shape, entropy = shapely("persistence").findings
    assert shape.sentence.startswith("As MiniLM sees it, the way of a run closes into ")
    assert shape.cautions == ("6 of 12 runs repeat outputs, which then count once",)
    assert entropy.value > 0.8
    assert entropy.low is not None
    assert entropy.low > 0.5
    assert entropy.cautions == ("it mostly counts distinct outputs",)
    table = shapely("persistence").tables["entropy"].filter(dimension=0, normalised=True)
    assert table["correlation"][0] < entropy.value


def test_entropies_of_equally_many_outputs_need_no_correction() -> None:
    _, entropy = asked(shapely_lab(("cycle",)), "persistence").findings
    assert "all runs have the same number of distinct outputs" in entropy.sentence
    assert entropy.cautions == ()


def test_runs_without_a_diagram_are_counted_in_the_caution() -> None:
    lab = shapely_lab(("cycle",))
    lone = lab.run(["image", "text"], network="Cycle → Reader", prompt="winter")
    lab.embed(lone, [[1.0, 0.0]])
    lab.diagram(lone, [], absence="fewer than 2 distinct points")
    shape, _ = asked(lab, "persistence").findings
    assert "1 of 7 runs have no diagram" in shape.cautions


def test_runs_that_the_evidence_leaves_out_have_no_part() -> None:
    frames = shapely_lab().frames()
    fewer = frames._replace(runs=frames.runs.filter(pl.col("seed") > 0))
    assert set(asked(Evidence(fewer), "persistence").tables["runs"]["seed"]) == {1, 2}


@pytest.mark.parametrize("analysis", ["persistence", "diagram-distances", "sliding-windows", "beyond-repeats"])
def test_without_vectors_and_diagrams_there_is_nothing_to_say(analysis: str) -> None:
    lab = Lab()
    lab.run(["an image", "a text"])
    answer = asked(lab, analysis)
    assert answer.absence is not None
    assert not answer.tables
    assert asked(Lab(), analysis).absence is not None


@pytest.mark.parametrize("analysis", ["persistence", "diagram-distances", "sliding-windows", "beyond-repeats"])
def test_few_short_runs_break_nothing(analysis: str) -> None:
    asked(small_lab(), analysis)


def test_every_pair_of_runs_has_its_sliced_and_exact_distances() -> None:
    lab = shapely_lab(seeds=2)
    pairs = asked(lab, "diagram-distances").tables["pairs"]
    assert len(pairs) == 2 * 8 * 7 / 2
    for row in pairs.sample(6, seed=0).iter_rows(named=True):
        one, other = (bars_of(lab, row[name], row["dimension"]) for name in ("run_id", "other_run_id"))
        assert row["sliced_wasserstein"] == pytest.approx(sliced_wasserstein_distance(one, other))
        assert row["wasserstein"] == pytest.approx(wasserstein_distance(one, other))
        assert row["bottleneck"] == pytest.approx(bottleneck_distance(one, other))


def test_exact_distances_are_left_to_few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "EXACT_RUNS", 5)
    pairs = asked(shapely_lab(seeds=2), "diagram-distances").tables["pairs"]
    assert pairs["wasserstein"].null_count() == pairs["bottleneck"].null_count() == len(pairs)


def test_networks_of_different_shape_are_told_and_seeds_of_none_are_not() -> None:
    answer = shapely("diagram-distances")
    groups = answer.tables["groups"]
    network = groups.filter(factor="network", dimension=0).row(0, named=True)
    assert (network["groups"], network["n"]) == (2, 12)
    assert network["adjusted_p"] <= 0.05 < network["effect"]
    assert network["adjusted_p"] >= network["p_value"]
    assert network["low"] > 0.0
    seed = asked(shapely_lab(("cycle", "walk"), seeds=4), "diagram-distances").tables["groups"]
    assert seed.filter(factor="seed")["adjusted_p"].min() > 0.05  # type: ignore[operator]


def test_sentences_name_the_factor_and_both_dimensions() -> None:
    network, prompt, seed = shapely("diagram-distances").findings
    assert network.sentence.startswith(
        "As MiniLM sees it, runs of the same network are more alike in shape than others"
    )
    assert "in pieces (H0), p = " in network.sentence
    assert "] in loops (H1), p = " in network.sentence
    assert "runs of the same prompt are not told from others by shape: closer by " in prompt.sentence
    assert "-0 %" not in seed.sentence


def test_groups_of_one_run_and_drawn_seeds_are_left_out() -> None:
    lab = shapely_lab(("cycle",), prompts=2, seeds=2)
    add_run(lab, way("cycle", 2, 0), "Cycle → Reader", "winter", -1)
    groups = asked(lab, "diagram-distances").tables["groups"].filter(dimension=0)
    assert dict(groups.select("factor", "n").iter_rows()) == {"prompt": 4, "seed": 4}
    assert all("1 run alone in their group left out" in caution for caution in groups["caution"])


def test_networks_with_prompts_of_their_own_cannot_be_compared() -> None:
    lab = Lab()
    for seed in range(3):
        add_run(lab, way("cycle", 0, seed), "One → Reader", "a boat", seed)
        add_run(lab, way("walk", 1, seed), "Two → Reader", "winter", seed)
    answer = asked(lab, "diagram-distances")
    assert set(answer.tables["groups"]["factor"]) == {"seed"}


def test_of_many_runs_some_are_drawn_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "MOST_RUNS", 9)
    answer = asked(shapely_lab(), "diagram-distances")
    runs = answer.tables["runs"]
    assert (len(runs), runs["left_out"][0]) == (9, 3)
    assert runs["place"].to_list() == list(range(9))
    assert any("9 of 12 runs, drawn at random" in finding.cautions for finding in answer.findings)


def test_one_run_alone_is_like_no_other() -> None:
    lab = Lab()
    add_run(lab, way("cycle", 0, 0), "M", "a boat", 0)
    assert asked(lab, "diagram-distances").absence == "fewer than two runs have a persistence diagram"


def test_p_values_are_adjusted_for_their_number() -> None:
    assert alike.holm([0.04, 0.01, 0.5, 0.02]) == pytest.approx([0.08, 0.04, 0.5, 0.06])
    assert alike.holm([0.6, 0.7]) == [1.0, 1.0]
    assert alike.holm([]) == []


def test_cycles_score_above_chance_with_their_period_and_stuck_runs_do_not() -> None:
    answer = shapely("sliding-windows")
    runs = answer.tables["runs"]
    cycles = runs.filter(pl.col("network") == "Cycle → Reader")
    assert (cycles["score"] > cycles["chance"]).all()
    assert dict(cycles.select("prompt", "period").iter_rows()) == {"a red apple": 3.0, "a boat": 4.0}
    stuck = runs.filter(pl.col("network") == "Stuck → Reader")
    assert not (stuck["score"] > stuck["chance"]).any()
    cycle, _ = answer.findings
    assert cycle.sentence.startswith("Cycle → Reader (as MiniLM sees it): 6 of 6 runs go round in circles")
    assert "with periods of 3 to 4 rounds" in cycle.sentence
    assert (cycle.value, cycle.n) == (1.0, 6)


def test_a_run_that_stopped_in_an_exact_loop_is_continued_by_it() -> None:
    lab = Lab()
    rounds = [0, 1, 2, 3, 4, 2]
    run_id = lab.run([f"{kind} {key}" for key in rounds for kind in ("image", "text")], stop="loop", period=6)
    lab.embed(run_id, np.eye(5)[rounds].tolist())
    row = asked(lab, "sliding-windows").tables["runs"].row(0, named=True)
    assert (row["rounds"], row["period"]) == (50, 3.0)
    assert row["score"] > 0.8
    assert "it stopped in an exact loop after 6 rounds and is continued by it" in row["caution"]


def test_runs_too_short_for_a_period_are_left_out() -> None:
    lab = Lab()
    add_run(lab, way("cycle", 0, 0, rounds=8), "M", "a boat", 0)
    assert asked(lab, "sliding-windows").absence == "no run has vectors of 9 rounds"


def test_what_repeats_explain_is_told_apart_from_what_they_do_not() -> None:
    answer = asked(shapely_lab(("stuck",), prompts=3, seeds=4), "beyond-repeats")
    statistics = answer.tables["statistics"]
    explained = dict(statistics.select("statistic", "explained").iter_rows())
    assert explained["entropy of pieces (H0)"] > 0.7
    (finding,) = answer.findings
    assert finding.value == pytest.approx(explained["entropy of pieces (H0)"])
    assert finding.cautions == ("only 12 runs",)
    assert "% in the entropy of pieces (H0)" in finding.sentence


def test_the_rest_may_tell_the_network() -> None:
    answer = asked(shapely_lab(("cycle", "walk", "stuck"), seeds=4), "beyond-repeats")
    rest = answer.tables["statistics"].filter(statistic="widest gap between pieces (H0)", factor="network")
    assert rest["adjusted_p"][0] <= 0.05
    assert "tells the network" in answer.findings[0].sentence


def test_without_two_groups_nothing_can_be_told_from_the_rest() -> None:
    answer = asked(shapely_lab(("stuck",), prompts=1, seeds=8), "beyond-repeats")
    assert answer.tables["statistics"]["factor"].null_count() == 5
    assert "there are not two networks or prompts" in answer.findings[0].sentence


@pytest.mark.parametrize(
    ("lab", "absence"),
    [
        (shapely_lab(("stuck",), prompts=1), "fewer than 8 runs have a persistence diagram"),
        (shapely_lab(("cycle",), prompts=3), "runs do not differ in repeats or dwell times"),
    ],
)
def test_where_repeats_cannot_explain_anything_it_is_said(lab: Lab, absence: str) -> None:
    assert asked(lab, "beyond-repeats").absence == absence


def test_many_runs_are_sampled_before_ranks_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beyond, "MOST_RUNS", 9)
    answer = asked(shapely_lab(), "beyond-repeats")
    assert set(answer.tables["statistics"]["n"]) == {9}


def test_the_same_seed_gives_the_same_tables() -> None:
    evidence = Evidence(shapely_lab(("stuck",), seeds=2).frames())
    for analysis in ("persistence", "diagram-distances", "sliding-windows"):
        one, other = (asked(replace(evidence), analysis) for _ in range(2))
        assert one.findings == other.findings
        assert all(one.tables[name].equals(other.tables[name]) for name in one.tables)


def test_a_lone_bar_without_an_end_is_no_loop() -> None:
    lab = Lab()
    run_id = lab.run(["i", "a", "i", "b"])
    lab.diagram(run_id, [(0, 0.0, math.inf), (0, 0.0, 0.5)])
    row = asked(lab, "persistence").tables["runs"].row(0, named=True)
    assert (row["bars_h0"], row["longest_h0"], row["bars_h1"], row["longest_h1"]) == (2, 0.5, 0, 0.0)
