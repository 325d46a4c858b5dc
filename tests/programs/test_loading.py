"""Programs that need nothing but our own models, run where models run."""

from __future__ import annotations

from typing import Any

import pytest

from panic_tda.content import Image, Text
from panic_tda.errors import InvalidOutput, ModelCallFailed
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from support.models import fake_spec
from support.programs import called, entry
from support.talkers import Mumbler

DIRECT: dict[str, Any] = {"signature": "text -> said", "strategy": "direct", "model": "Mumbler"}
TEMPLATE: dict[str, Any] = {
    "signature": "text, count: int, style: Literal['dry', 'wet'] -> said",
    "strategy": "template",
    "model": "Talker",
    "parameters": {"template": "{{{count}}} {style}: {text}", "style": "dry", "system": "Be brief."},
}
PAINT: dict[str, Any] = {"signature": "text -> picture: Image", "strategy": "direct", "model": "DummyT2I"}
CHAIN: dict[str, Any] = {"signature": "text, count: int -> said", "strategy": "pipeline"}
SAY: dict[str, Any] = {**TEMPLATE, "model": "Mumbler"}

pytestmark = pytest.mark.usefixtures("talkers")


def test_direct_gives_the_model_the_input_as_it_is_with_seed_and_parameters(executor: InProcessExecutor) -> None:
    spec = entry(DIRECT | {"parameters": {"temperature": 0}})
    assert called(executor, spec, "a boat", "a car", seed=3) == ["a boat (3)", "a car (3)"]
    assert [each.text for each in Mumbler.heard] == ["a boat", "a car"]
    assert {each.seed for each in Mumbler.heard} == {3}
    assert Mumbler.heard[0].parameters == {"temperature": 0.0, "max_tokens": 40, "template": "Say: {text}"}


def test_a_template_is_all_that_the_model_gets(executor: InProcessExecutor) -> None:
    assert called(executor, entry(TEMPLATE), "a boat", count=2) == ["{2} dry: a boat (7)"]
    assert called(executor, entry(SAY), "a boat", count=2, style="wet") == ["{2} wet: a boat (7)"]
    first, second = Mumbler.heard
    assert first.turns == [("system", "Be brief."), ("user", "{2} dry: a boat")]
    assert (first.sampling.temperature, first.sampling.max_tokens) == (0.5, 40)
    assert second.parameters["template"] == "{text}"


def test_the_model_is_loaded_once_for_all_programs_over_it_and_for_itself(executor: InProcessExecutor) -> None:
    other = fake_spec("Other")
    called(executor, entry(DIRECT), "a")
    called(executor, entry(DIRECT | {"parameters": {"max_tokens": 3}}), "a")
    called(executor, other, "a")
    [part] = entry(DIRECT).parts
    called(executor, part, "a", temperature=0.5)
    assert Mumbler.loaded == ["Mumbler"]
    loads_of_programs, loads_of_models = 2, 2
    assert executor.loads == loads_of_programs + loads_of_models
    assert {"Mumbler", "Other", entry(DIRECT).name} <= executor.resident()


def test_a_typed_output_that_the_model_misses_is_an_invalid_output_and_its_neighbours_are_unharmed(
    executor: InProcessExecutor, fakes: dict[str, ModelSpec]
) -> None:
    spec = entry({"signature": "text: int -> said: Literal['3 (7)']", "strategy": "direct", "model": "Mumbler"})
    good, bad, worse = called(executor, spec, "3", "4", "three")
    assert good == "3 (7)"
    assert isinstance(bad, InvalidOutput)
    assert "said must be one of '3 (7)', not '4 (7)'" in bad.message
    assert isinstance(worse, ModelCallFailed)
    assert "text must be a whole number, not 'three'" in worse.message


def test_a_pipeline_hands_on_what_each_step_makes_with_the_same_seed(executor: InProcessExecutor) -> None:
    spec = entry(CHAIN | {"model": "Paint, DummyI2T, Say"}, Paint=PAINT, Say=SAY)
    [said] = called(executor, spec, "Test prompt", seed=42, count=5)
    assert said == "{5} dry: dummy caption: simple view #849 (42)"
    [picture] = called(executor, entry(PAINT), "Test prompt", seed=42)
    assert isinstance(picture, Image)
    assert picture.pixels[:3] == bytes((32, 224, 202))


def test_in_a_pipeline_an_item_that_failed_stays_failed_and_the_others_go_on(executor: InProcessExecutor) -> None:
    spec = entry({"signature": "text -> said", "strategy": "pipeline", "model": "Echo, Mumbler"})
    good, bad = called(executor, spec, "fine", "error please")
    assert isinstance(good, str)
    assert good.endswith(" (7)")
    assert isinstance(bad, ModelCallFailed)
    assert bad.message == "Echo refuses 'error please'"
    assert len(Mumbler.heard) == 1


def test_a_model_that_makes_the_wrong_kind_is_told_by_name(executor: InProcessExecutor) -> None:
    spec = entry({"signature": "text -> said", "strategy": "pipeline", "model": "Echo, Mumbler"})
    [wrong] = called(executor, spec, "number please")
    assert isinstance(wrong, InvalidOutput)
    assert wrong.message == "Echo made a int where text was expected"
    [direct] = called(executor, entry(DIRECT | {"model": "Echo"}), "number please")
    assert isinstance(direct, InvalidOutput)


def test_running_out_of_memory_inside_a_program_halves_the_batch(executor: InProcessExecutor) -> None:
    spec = entry({**TEMPLATE, "signature": "text -> said", "parameters": {"template": "{text}"}})
    fine, forgotten = called(executor, spec, "fine", "forget it")
    assert fine == "fine (7)"
    assert isinstance(forgotten, ModelCallFailed)
    assert "ran out of memory on a single item" in forgotten.message


def test_no_item_depends_on_its_neighbours(executor: InProcessExecutor) -> None:
    spec = entry(CHAIN | {"model": "Paint, DummyI2T, Say"}, Paint=PAINT, Say=SAY)
    texts = ["one", "two", "three"]
    alone = [called(executor, spec, text, count=1)[0] for text in texts]
    assert called(executor, spec, *texts[::-1], count=1) == alone[::-1]
    assert len({Text(each).sha256 for each in alone}) == 3
