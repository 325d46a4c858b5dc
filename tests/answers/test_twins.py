from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from panic_tda.answers.answer import Answer
from panic_tda.answers.answering import answers
from panic_tda.answers.evidence import Evidence, frames_of, gather
from panic_tda.store.database import Record
from support.families import NOISE, TYPO, Family
from support.laboratory import performed


def asked(family: Family) -> Answer:
    (answer,) = answers(family.evidence(), only=["twins"])
    return answer


def pair(run: str, twin: str, change: dict[str, Any] = NOISE, *, of_both: Any = None, **more: Any) -> dict[str, Any]:
    family = Family()
    both = of_both or {}
    family.twin(family.base(run, **both), twin, change, **both | more)
    return asked(family).tables["pairs"].row(0, named=True)


def chord(angle: float) -> float:
    return float(2 * np.sin(angle / 2))


class TestPairs:
    """When a twin differs from its run, and when it is the same again."""

    @pytest.mark.parametrize(
        ("run", "twin", "differs", "again"),
        [
            ("abcde", "axcde", 1, 2),
            ("abcde", "axcdx", 1, None),
            ("abcde", "abcde", None, None),
            ("abcde", "xbxde", 0, 3),
        ],
    )
    def test_is_told_by_the_contents(self, run: str, twin: str, differs: int | None, again: int | None) -> None:
        row = pair(run, twin)
        assert (row["differs_from"], row["same_again_from"], row["compared_to"]) == (differs, again, 4)
        assert (row["change"], row["kind"], row["step"], row["caution"]) == ("other noise at step 0", "noise", 0, "")

    def test_steps_before_other_noise_are_no_difference(self) -> None:
        row = pair("abcde", "abxde", NOISE | {"step": 2})
        assert (row["step"], row["differs_from"], row["same_again_from"]) == (2, 2, 3)

    def test_goes_on_in_exact_loops_to_the_full_length(self) -> None:
        """The run loops a b a b …, the twin comes into the same loop, first in the other phase and then for ever."""
        loop = {"stop": "loop", "period": 2, "max_length": 9}
        row = pair("xaba", "abxbabab", of_both=loop)
        assert (row["differs_from"], row["same_again_from"], row["compared_to"]) == (0, None, 8)
        row = pair("xaba", "yyyyyaba", of_both=loop)
        assert (row["differs_from"], row["same_again_from"]) == (0, 5)

    @pytest.mark.parametrize(("stop", "why"), [("failed", "one of the two failed"), (None, "not finished")])
    def test_is_compared_as_far_as_both_go(self, stop: str | None, why: str) -> None:
        row = pair("abcde", "axc", stop=stop, max_length=5)
        assert row["compared_to"] == 2
        assert row["caution"] == f"compared up to step 2 only: {why}"

    @pytest.mark.parametrize(
        ("changes", "kind", "words"),
        [
            (1, "text", "1 character of the prompt changed"),
            (4, "text", "4 characters of the prompt changed"),
            (1000, "image", "1,000 pixels of the prompt changed"),
        ],
    )
    def test_what_was_changed_is_said_in_words(self, changes: int, kind: str, words: str) -> None:
        row = pair("ab", "xy", TYPO | {"changes": changes}, prompt_type=kind)
        assert (row["change"], row["size"]) == (words, changes)


class TestMerging:
    """The share of twins that are the same as their run again."""

    def test_is_told_with_its_interval_and_how_long_it_took(self) -> None:
        family = Family()
        for seed in range(6):
            family.twin(family.base("abcdefgh", seed), "xxxxxfgh" if seed else "xxxxxxxx")
        answer = asked(family)
        (finding,) = answer.findings
        assert finding.sentence == (
            "M: with other noise at step 0, 5 of 6 twins are the same as their run again, 83 % [44, 97], "
            "half of these by step 5."
        )
        assert (finding.value, finding.n, finding.cautions) == (5 / 6, 6, ())
        assert finding.details[1] == "“a red apple”, seed 1: differs from step 0, the same again from step 5"
        row = answer.tables["changes"].row(0, named=True)
        assert (row["runs"], row["twins"], row["same_again"], row["median_step"]) == (6, 6, 5, 5)

    def test_twins_that_never_differ_are_counted_apart(self) -> None:
        family = Family()
        for seed in range(6):
            family.twin(family.base("abc", seed), "abc" if seed < 4 else "xbc")
        (finding,) = asked(family).findings
        assert "2 of 2 twins are the same as their run again" in finding.sentence
        assert finding.cautions == ("4 of 6 twins never differ from their run",)

    def test_where_no_twin_ever_differs_the_change_makes_no_difference(self) -> None:
        family = Family()
        family.twin(family.base("abc"), "abc")
        (finding,) = asked(family).findings
        assert finding.sentence == (
            "M: with other noise at step 0, no twin ever differs from its run: there it makes no difference."
        )
        assert finding.cautions == ("only 1 run has such twins",)

    def test_several_twins_of_one_run_tell_less_than_as_many_runs(self) -> None:
        one, several = Family(), Family()
        for seed in range(8):
            one.twin(one.base("ab", seed), "xb" if seed < 4 else "xx")
        for seed in range(2):
            base = several.base("ab", seed)
            for _ in range(4):
                several.twin(base, "xb" if seed else "xx")
        few, many = asked(several).tables["changes"].row(0, named=True), asked(one).tables["changes"].row(0, named=True)
        assert few["share"] == many["share"] == 0.5
        assert few["high"] - few["low"] > many["high"] - many["low"]

    def test_of_many_sizes_the_smallest_and_the_largest_are_told_and_all_are_in_the_tables(self) -> None:
        family = Family()
        base = family.base("ab")
        for changes in (1, 2, 4, 8):
            family.twin(base, "xy", TYPO | {"changes": changes})
        family.twin(base, "xy")
        answer = asked(family)
        assert [finding.sentence.split(", ")[0] for finding in answer.findings] == [
            "M: with other noise at step 0",
            "M: with 1 character of the prompt changed",
            "M: with 8 characters of the prompt changed",
        ]
        assert len(answer.tables["changes"]) == 5

    def test_pairs_compared_in_part_are_cautioned(self) -> None:
        family = Family()
        family.twin(family.base("abcde"), "axc", stop="failed", max_length=5)
        assert asked(family).findings[0].cautions == (
            "only 1 run has such twins",
            "1 of 1 pairs are compared in part only",
        )


class TestDistances:
    """How far runs and twins lie apart as an embedder sees them."""

    def grown(self, factor: float, *, runs: int = 6, steps: int = 8) -> Family:
        """Runs that stand still, and twins whose angle to them grows from 1e-4 · run number by a factor each step."""
        family = Family()
        for number in range(runs):
            base = family.base("abcdefgh"[:steps], number)
            twin = family.twin(base, "stuvwxyz"[:steps])
            family.angles(base, [0.5 * number] * steps)
            angles = 1e-4 * (1 + number) * factor ** np.arange(steps)
            family.angles(twin, [0.5 * number + float(angle) for angle in angles])
        return family

    @pytest.mark.parametrize("factor", [1.5, 0.7])
    def test_grow_by_the_planted_factor_whatever_their_size(self, factor: float) -> None:
        answer = asked(self.grown(factor))
        growth = answer.tables["growth"].row(0, named=True)
        assert np.exp(growth["rate"]) == pytest.approx(factor, rel=0.01)
        sizes = answer.tables["sizes"].row(0, named=True)
        assert sizes["exponent"] == pytest.approx(1.0, abs=0.05)
        sentence = answer.findings[-1].sentence
        way = "grows" if factor > 1 else "shrinks"
        assert f"a difference {way} from round to round (factor {factor:.2f} [" in sentence
        assert "what is left in the end is in proportion to the first difference (exponent 1.0" in sentence
        assert answer.findings[-1].value == pytest.approx(factor, rel=0.01)

    def test_grow_at_the_rate_of_the_change_that_makes_the_smallest_difference_at_first(self) -> None:
        """What is larger saturates earlier, which has nothing to do with how the smallest one grows."""
        family = Family()
        for number in range(6):
            base = family.base("abcdefghijkl", number)
            family.angles(base, [0.0] * 12)
            for changes, scale in ((1, 1e-4), (9, 1.0)):
                angles = np.minimum(scale * (1 + 0.1 * number) * 1.5 ** np.arange(12), 1.0 + 0.01 * number)
                twin = family.twin(base, "mnopqrstuvwx", TYPO | {"changes": changes})
                family.angles(twin, [float(angle) for angle in angles])
        answer = asked(family)
        assert answer.tables["sizes"]["smallest_change"].to_list() == ["1 character of the prompt changed"]
        assert answer.findings[-1].value == pytest.approx(1.5, rel=0.01)
        assert "with 1 character of the prompt changed, a difference grows" in answer.findings[-1].sentence

    def test_at_the_end_are_held_against_runs_with_other_seeds(self) -> None:
        family = Family()
        for seed, turned in enumerate((0.0, 0.4, 0.8, 1.2, 1.6)):
            base = family.base("ab", seed)
            family.angles(base, [0.0, turned])
            family.angles(family.twin(base, "xy"), [0.1, turned + 0.1])
        answer = asked(family)
        row = answer.tables["growth"].row(0, named=True)
        floor = np.mean([chord(0.4 * number) for number in (1, 1, 1, 1, 2, 2, 2, 3, 3, 4)])
        assert row["floor"] == pytest.approx(floor, abs=1e-6)
        assert row["final"] == pytest.approx(chord(0.1), abs=1e-6)
        assert "they end 0.10 [0.10, 0.10] apart (MiniLM), closer than runs with other seeds (0.76)." in (
            answer.findings[0].sentence
        )

    def test_at_the_end_are_those_of_twins_that_have_not_merged(self) -> None:
        family = Family()
        for seed in range(2):
            base = family.base("ab", seed)
            twin = family.twin(base, "xb" if seed else "xy")
            family.angles(base, [0.0, 1.0])
            family.angles(twin, [0.3, 1.0 if seed else 1.5])
        answer = asked(family)
        row = answer.tables["growth"].row(0, named=True)
        assert (row["final"], row["final_n"]) == (pytest.approx(chord(0.5), abs=1e-6), 1)
        assert "1 of 2 twins is the same as its run again" in answer.findings[0].sentence
        assert "; the others end 0.49 apart (MiniLM)" in answer.findings[0].sentence

    def test_are_counted_from_the_first_round_after_the_change(self) -> None:
        family = Family()
        base = family.base("abcd")
        family.angles(base, [0.0, 0.1, 0.2, 0.3])
        family.angles(family.twin(base, "abxy", NOISE | {"step": 2}), [0.0, 0.1, 0.5, 0.7])
        separations = asked(family).tables["separations"]
        assert separations["step"].to_list() == [2, 3]
        assert separations["separation"].to_list() == pytest.approx([chord(0.3), chord(0.4)], abs=1e-6)

    def test_go_on_in_exact_loops(self) -> None:
        family = Family()
        base = family.base("aba", stop="loop", period=2, max_length=7)
        family.angles(base, [0.0, 1.0, 0.0])
        family.angles(family.twin(base, "xyzuvwt", max_length=7), [2.0] * 7)
        separations = asked(family).tables["separations"]
        assert separations["step"].to_list() == list(range(7))
        assert separations["separation"].to_list() == pytest.approx(
            [chord(2.0), chord(1.0)] * 3 + [chord(2.0)], abs=1e-6
        )

    def test_are_matched_by_step_where_a_round_has_no_vector(self) -> None:
        family = Family()
        base = family.base("aba", stop="loop", period=2, max_length=7)
        family.angles(base, [0.0, 1.0, 0.0])
        del family.rows["embeddings"][1]
        family.angles(family.twin(base, "xyzuvwt", max_length=7), [2.0] * 7)
        assert asked(family).tables["separations"]["step"].to_list() == [0, 2]

    def test_that_are_at_once_as_large_as_they_get_have_no_factor(self) -> None:
        family = Family()
        rng = np.random.default_rng(3)
        for seed in range(6):
            base = family.base("abcdefghijkl", seed)
            twin = family.twin(base, "mnopqrstuvwx")
            family.angles(base, [0.0] * 12)
            family.angles(twin, [0.01 * (1 + seed), *(1.0 + rng.normal(0, 0.02, 11))])
        sentence = asked(family).findings[-1].sentence
        assert sentence.startswith(
            "M (as MiniLM sees it): with other noise at step 0, a difference is as large as it gets within 1 round"
        )

    def test_without_an_embedder_only_contents_are_compared(self) -> None:
        family = Family()
        family.twin(family.base("ab"), "xy")
        answer = asked(family)
        assert answer.tables["growth"].is_empty()
        assert answer.tables["separations"].is_empty()
        assert len(answer.findings) == 1


class TestAbsence:
    """There is nothing to say."""

    def test_without_twins(self) -> None:
        family = Family()
        family.base("abc")
        assert asked(family).absence == "no run has a twin; give twins in the experiment file"
        (answer,) = answers(Evidence(family.frames()), only=["twins"])
        assert answer.absence == "no run has a twin; give twins in the experiment file"

    def test_before_they_have_made_anything(self) -> None:
        family = Family()
        family.twin(family.base("abc"), "", stop=None, max_length=3)
        assert asked(family).absence == "no pair of a run and its twin has made anything yet"


CONFIG = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["Test prompt", "a red apple"],
    "seeds": [42, 7, 3],
    "twins": {"noise": {"count": 1, "step": 3}, "prompt": {"changes": [1, 4]}},
    "embedding_models": ["DummyText2", "DummyVision2"],
    "max_length": 9,
    "stages": {"diagrams": False},
}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    from panic_tda.store.database import open_record

    with open_record(tmp_path_factory.mktemp("twins") / "record.sqlite") as record:
        return gather(record, [performed(record, CONFIG).id])


def test_a_record_with_twins_is_answered(evidence: Evidence) -> None:
    (answer,) = answers(evidence, only=["twins"])
    assert len(answer.tables["pairs"]) == 6 * 3
    assert answer.tables["changes"].select("change", "runs", "twins").rows() == [
        ("other noise at step 3", 6, 6),
        ("1 character of the prompt changed", 6, 6),
        ("4 characters of the prompt changed", 6, 6),
    ]
    assert len(answer.tables["growth"]) == 3 * 2
    assert len(answer.findings) == 3 + 2
    noise = answer.tables["separations"].filter(pl.col("change") == "other noise at step 3")
    assert set(noise.filter(pl.col("embedder") == "DummyText2")["step"]) == {3, 5, 7}
    assert set(noise.filter(pl.col("embedder") == "DummyVision2")["step"]) == {4, 6, 8}


def test_twins_are_no_runs_for_anything_else(evidence: Evidence) -> None:
    assert evidence.twins is not None
    ours, theirs = ({run.run_id for run in each.runs} for each in (evidence, evidence.twins))
    assert (len(ours), len(theirs)) == (6, 18)
    assert not ours & theirs
    for each, runs in ((evidence, ours), (evidence.twins, theirs)):
        assert {trajectory.run.run_id for trajectory in each.trajectories} == runs
        assert {cloud.run_id for cloud in each.clouds} == runs
        assert all(set(frame["run_id"]) <= runs for frame in each.frames)


def test_figures_of_runs_leave_twins_out(sqlite_record: Record) -> None:
    key = performed(sqlite_record, CONFIG).id
    frames = frames_of(sqlite_record, [key])
    assert len(frames.runs) == 6
    assert set(frames.invocations["run_id"]) == set(frames.runs["run_id"])


def test_the_numbers_do_not_depend_on_what_else_is_asked(evidence: Evidence) -> None:
    (one,), (other,) = (list(answers(evidence, only=["twins"], seed=5)) for _ in range(2))
    assert all(one.tables[name].equals(other.tables[name]) for name in one.tables)


def test_the_example_has_twins() -> None:
    from panic_tda.lab.laboratory import load_config

    example = Path(__file__).parents[2] / "examples" / "twins.yaml"
    assert len(list(load_config(example).planned_twins())) == 24
