from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.catalogue import analyses
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.topology.shapes import shapes_of
from support.builders import Lab, small_lab
from support.instruments import (
    ONE,
    OTHER,
    STRANGER,
    compared,
    measure,
    measured_twice,
    one_run_elsewhere,
    turned,
    unrelated,
    way,
)


def statistics(answer: Answer) -> dict[str, dict[str, Any]]:
    """The rows of the table ``agreement`` by the name of the statistic."""
    return {row["statistic"]: row for row in answer.tables["agreement"].iter_rows(named=True)}


def asked(lab: Lab) -> Answer:
    (answer,) = answers(Evidence(lab.frames()), only=["instruments"])
    return answer


def test_the_same_places_along_other_axes_change_nothing() -> None:
    answer = compared(turned)
    for name, row in statistics(answer).items():
        expected = 0.0 if name == "Procrustes distance" else 1.0
        assert row["value"] == pytest.approx(expected, abs=1e-3), name
        assert row["n"] == 8
    assert statistics(answer)["rank correlation of distances"]["p_value"] == 1 / 500
    assert answer.tables["verdicts"]["same"].to_list() == [1.0] * 3
    assert (answer.tables["verdicts"]["only_here"] == 0).all()
    assert answer.tables["shape"]["change"].to_list() == pytest.approx([0.0, 0.0], abs=1e-5)
    assert answer.tables["outputs"].is_empty()
    assert set(answer.tables["runs"]["changed_verdicts"]) == {""}


def test_an_embedder_that_knows_nothing_of_the_outputs_agrees_no_more_than_chance() -> None:
    found = statistics(compared(unrelated))
    for name in ("linear CKA", "rank correlation of distances", "clusters, adjusted mutual information"):
        assert found[name]["value"] == pytest.approx(found[name]["chance"], abs=0.12), name
    assert found["Procrustes distance"]["value"] == pytest.approx(found["Procrustes distance"]["chance"], abs=0.1)
    overlap = found["shared neighbours, 10 nearest"]
    assert overlap["value"] == pytest.approx(overlap["chance"], abs=0.03)
    assert found["rank correlation of distances"]["p_value"] > 0.05
    runs = compared(unrelated).tables["runs"]
    assert (runs["mean_step_under_other"] > 2 * runs["mean_step"]).all()


def test_the_run_that_is_seen_differently_is_found_and_its_outputs_named() -> None:
    answer = compared(one_run_elsewhere)
    found = statistics(answer)
    assert 0.5 < found["linear CKA"]["value"] < 0.99
    assert 0.0 < found["Procrustes distance"]["value"] < found["Procrustes distance"]["chance"]
    runs = answer.tables["runs"]
    assert runs["overlap"].arg_min() == STRANGER
    assert [value == pytest.approx(1.0) for value in runs["step_correlation"]] == [n != STRANGER for n in range(8)]
    moved = answer.tables["outputs"].head(5)
    assert set(moved["output"]) <= {f"text {STRANGER} {step}" for step in range(15)}
    assert all(words.startswith(f"text {STRANGER} ") for words in moved["lost"])
    assert all(words.startswith("text 0 ") for words in moved["gained"])
    geometry = answer.findings[0]
    assert geometry.details[0].startswith(f"“prompt {STRANGER}”, seed {STRANGER}, step ")
    assert "keeps 0 % of its neighbours" in geometry.details[0]


def test_sentences_carry_the_number_with_its_interval_and_what_chance_gives() -> None:
    geometry, dynamics, shape = compared(unrelated).findings
    row = statistics(compared(unrelated))["linear CKA"]
    assert (geometry.value, geometry.low, geometry.high, geometry.n) == (row["value"], row["low"], row["high"], 8)
    assert geometry.sentence.startswith(f"{ONE} and {OTHER}: the same geometry to ")
    assert "with runs dealt anew" in geometry.sentence
    assert "of the 10 nearest neighbours of an output are the same (8 % by chance)" in geometry.sentence
    assert "“follows its own tracks” is said of " in dynamics.sentence
    assert "loops (H1)" in shape.sentence
    assert "-0.00" not in "".join(each.sentence for each in compared(turned).findings)


def test_verdicts_are_those_of_the_other_analyses() -> None:
    evidence = Evidence(measured_twice(unrelated).frames())
    recurrence, windows, answer = answers(evidence, only=["recurrence", "sliding-windows", "instruments"])
    verdicts = {row["verdict"]: row for row in answer.tables["verdicts"].iter_rows(named=True)}
    for embedder, column in ((ONE, "holds"), (OTHER, "holds_under_other")):
        mine = windows.tables["runs"].filter(embedder=embedder)
        assert verdicts["goes round in circles"][column] == int((mine["score"] > mine["chance"]).sum())
        mine = recurrence.tables["runs"].filter(embedder=embedder)
        assert verdicts["follows its own tracks"][column] == int((mine["determinism_p"] <= 0.05).sum())
    assert answer.findings == compared(unrelated).findings


def test_shape_is_told_by_the_diagrams_that_are_stored() -> None:
    lab = measured_twice(turned)
    shapes = shapes_of(Evidence(lab.frames()))
    expected = np.mean([shape.lengths(0).sum() for shape in shapes[ONE]])
    row = compared(turned).tables["shape"].row(0, named=True)
    assert (row["dimension"], row["total"]) == (0, pytest.approx(expected))


def test_without_diagrams_all_but_shape_is_told() -> None:
    frames = measured_twice(turned, runs=5, rounds=6).frames()
    bare = frames._replace(
        persistence_bars=frames.persistence_bars.clear(), persistence_diagrams=frames.persistence_diagrams.clear()
    )
    (answer,) = answers(Evidence(bare), only=["instruments"])
    assert [finding.kind for finding in answer.findings] == ["geometry", "dynamics"]
    assert answer.tables["shape"].is_empty()


def test_one_embedder_alone_is_compared_with_none_and_the_remedy_is_named() -> None:
    absence = asked(small_lab()).absence
    assert absence == (
        "only MiniLM measured these runs; another one does with panic-tda experiment extend ID --embedder NAME"
    )
    assert str(asked(Lab()).absence).startswith("no embedder measured these runs")


def test_runs_that_only_one_measured_and_runs_that_repeat_another_are_left_out_and_counted() -> None:
    lab = measured_twice(turned, runs=5, rounds=6)
    again = lab.run([f"{kind} 0 {step}" for step in range(6) for kind in ("image", "text")], prompt="again", seed=9)
    for embedder in (ONE, OTHER):
        measure(lab, again, way(0, 6, 6), embedder)
    lone = lab.run(["image x", "text x"], prompt="lone")
    lab.embed(lone, [[1.0] * 6], model=ONE)
    answer = asked(lab)
    caution = answer.findings[0].cautions
    assert "1 run left out, since another one went the same way" in caution
    assert "1 run left out, which only one of them measured" in caution
    assert len(answer.tables["runs"]) == 5


def test_three_runs_are_told_with_a_caution_and_without_an_interval() -> None:
    answer = asked(measured_twice(turned, runs=3, rounds=6))
    row = statistics(answer)["linear CKA"]
    assert (row["value"], row["low"], row["high"]) == (pytest.approx(1.0), None, None)
    assert statistics(answer)["rank correlation of distances"]["p_value"] is None
    assert "outputs of 3 runs compared as if they were independent" in answer.findings[0].cautions
    assert "mean step of each run, rank correlation" not in statistics(answer)


def test_too_few_outputs_are_not_compared() -> None:
    assert asked(measured_twice(turned, runs=2, rounds=3)).absence == (
        "no two embedders measured 8 different outputs of the same runs"
    )


def test_runs_that_stand_still_break_nothing() -> None:
    lab = Lab()
    for number in range(5):
        words = [f"{kind} {number} {min(step, 2)}" for step in range(6) for kind in ("image", "text")]
        run_id = lab.run(words, prompt=f"prompt {number}", seed=number)
        points = way(number, 6, 4)[[0, 1, 2, 2, 2, 2]]
        measure(lab, run_id, points, ONE)
        measure(lab, run_id, np.ones((6, 3)) / np.sqrt(3.0), OTHER)
    answer = asked(lab)
    assert statistics(answer)["linear CKA"]["value"] is None
    assert answer.tables["runs"]["step_correlation"].null_count() == 5


def test_of_three_embedders_versions_of_one_are_compared_first() -> None:
    lab = measured_twice(turned, runs=4, rounds=4)
    for number, run in enumerate(lab.rows["runs"]):
        measure(lab, run["run_id"], way(number, 4, 6), "Another")
    pairs = asked(lab).tables["agreement"].select("embedder", "other").unique(maintain_order=True).rows()
    assert pairs == [(ONE, OTHER), ("Another", ONE), ("Another", OTHER)]


def test_every_table_says_which_pair_its_rows_are_about_and_has_one_schema() -> None:
    full, bare = compared(unrelated), asked(measured_twice(turned, runs=3, rounds=4))
    for name, table in full.tables.items():
        assert table.columns[:2] == ["embedder", "other"]
        assert bare.tables[name].schema == table.schema
        assert pl.Null not in table.dtypes


def test_it_stands_in_the_catalogue() -> None:
    assert analyses()["instruments"].question == "What changes with the embedder?"
