from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from panic_tda.answers.answering import answers
from panic_tda.answers.catalogue import ROOMS, analyses, chosen
from panic_tda.answers.evidence import Evidence
from panic_tda.errors import RequestError
from panic_tda.figures.answers import drawings
from support.builders import small_lab

PLUGIN = """
import polars as pl
from panic_tda.answers.answer import Analysis, Answer, Drawing
from panic_tda.answers.finding import Finding
from panic_tda.figures.drawing import panels

def counted(evidence, request):
    found = (Finding("runs", f"There are {len(evidence.runs)} runs.", len(evidence.runs)),)
    return Answer("counted", "How many?", found, {"runs": pl.DataFrame({"runs": [len(evidence.runs)]})})

def drawn(answer):
    return [Drawing("nothing", panels(1)[0], "Nothing.")]

def broken(evidence, request):
    raise ZeroDivisionError("no luck")

ANALYSES = (Analysis("counted", "How many?", counted, drawn), Analysis("broken", "Why?", broken))
TAKEN = (Analysis("absorption", "Is it stuck?", counted),)
NONSENSE = 3
"""


@pytest.fixture(autouse=True)
def fresh_catalogue() -> Iterator[None]:
    analyses.cache_clear()
    yield
    analyses.cache_clear()


def plug_in(folder: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with an entry point, as a plug-in has it."""
    info = folder / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[panic_tda.analyses]\nstranger = {target}\n")
    (folder / "stranger_analyses.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "stranger_analyses", raising=False)


def test_a_plug_in_answers_and_draws_beside_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(tmp_path, "stranger_analyses:ANALYSES", monkeypatch)
    assert list(analyses())[-2:] == ["counted", "broken"]
    (answer,) = answers(Evidence(small_lab().frames()), only=["counted"])
    assert answer.findings[0].sentence == "There are 5 runs."
    assert [drawing.name for drawing in drawings(answer)] == ["nothing"]


def test_a_plug_in_that_fails_is_named_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(tmp_path, "stranger_analyses:ANALYSES", monkeypatch)
    with pytest.warns(UserWarning, match="the analysis broken of a plug-in failed: no luck"):
        found = list(answers(Evidence(small_lab().frames()), only=["absorption", "broken"]))
    assert [answer.absence for answer in found] == [None, "the plug-in failed: no luck"]


@pytest.mark.parametrize(("name", "words"), [("TAKEN", "the name absorption is taken"), ("NONSENSE", "not name a")])
def test_a_plug_in_that_does_not_fit_is_left_out_and_named(
    name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(analyses())
    analyses.cache_clear()
    plug_in(tmp_path, f"stranger_analyses:{name}", monkeypatch)
    with pytest.warns(UserWarning, match=f"stranger .*left out: .*{words}"):
        assert set(analyses()) == before


def test_analyses_come_in_the_order_of_the_catalogue_whatever_was_asked_for_first() -> None:
    names = list(analyses())
    assert [each.name for each in chosen((names[-1], names[0]))] == list(dict.fromkeys([names[0], names[-1]]))


def test_no_two_analyses_of_ours_have_one_name() -> None:
    ours = [each.name for room in ROOMS for each in import_module(f"panic_tda.answers.{room}").ANALYSES]
    assert len(ours) == len(set(ours)) == len(analyses())


def test_an_unknown_analysis_is_answered_with_the_nearest() -> None:
    with pytest.raises(RequestError, match="there is no analysis 'absorbtion'") as unknown:
        chosen(("absorbtion",))
    assert unknown.value.hint.startswith("did you mean absorption")


def test_the_numbers_do_not_depend_on_which_analyses_are_asked() -> None:
    evidence = Evidence(small_lab().frames())
    alone = {name: next(answers(evidence, only=[name])) for name in analyses()}
    for answer in answers(evidence):
        assert answer.findings == alone[answer.analysis].findings
        for name, table in answer.tables.items():
            assert table.equals(alone[answer.analysis].tables[name], null_equal=True)
