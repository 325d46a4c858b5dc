"""Every language model that can be held to a schema is, in a dialogue and in a typed program, whatever computes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from panic_tda.errors import ConfigurationError, ConstraintError, InvalidOutput, ModelCallFailed
from panic_tda.models import constraints, torch_lm
from panic_tda.models.catalogue import find
from panic_tda.models.language import Message
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.programs.asking import Messages, asking
from panic_tda.programs.conversing import ask_through, keeps_schemas
from panic_tda.runtime.inprocess import InProcessExecutor
from support.checkpoints import Twins, require_libraries, twins
from support.programs import called, entry
from support.talkers import MUMBLER, TALKER, Mumbler

require_libraries()

__all__ = ["twins"]

COLOUR = {"enum": ["red", "blue"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"colour": COLOUR, "sure": {"type": "boolean"}},
    "required": ["colour", "sure"],
    "additionalProperties": False,
}
HELD = constraints.schema(SCHEMA)
QUESTION: Messages = (
    Message("user", "My boat is called Ida."),
    Message("assistant", "Good."),
    Message("user", "Which colour?"),
)


@pytest.fixture(scope="module")
def twin(twins: Twins) -> ModelSpec:
    """A torch model that knows no word, with room for what DSPy asks."""
    row = torch_lm.MODELS[0]
    assert row.repository is not None
    folder = twins.folder(row)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"max_position_embeddings": 4096}))
    return replace(
        row, name="Twin", repository=replace(row.repository, folder=str(folder)), device="cpu", dtype="float32"
    )


@pytest.fixture(scope="module")
def place() -> Iterator[InProcessExecutor]:
    made = InProcessExecutor()
    yield made
    made.close()


@pytest.fixture(params=["SmolLM2", "Twin"])
def part(request: pytest.FixtureRequest, twin: ModelSpec) -> ModelSpec:
    return twin if request.param == "Twin" else find("SmolLM2")


def parameters(part: ModelSpec, **given: Any) -> Parameters:
    return part.with_defaults({"temperature": 5.0, "one_line": False, "max_tokens": 40, **given})


def test_a_dialogue_is_answered_in_the_schema_at_any_temperature(place: InProcessExecutor, part: ModelSpec) -> None:
    assert keeps_schemas(place, part)
    ask = ask_through(place, part)
    answers = [ask(QUESTION, seed, parameters(part), HELD) for seed in range(4)]
    for answer in answers:
        made = json.loads(answer.text)
        assert (made["colour"] in ("red", "blue"), made["sure"] in (True, False), len(made)) == (True, True, 2)
        assert answer.ending.usage.completion_tokens > 0
    assert len({answer.text for answer in answers}) > 1
    assert ask(QUESTION, 0, parameters(part), HELD) == answers[0]


def test_what_is_not_whole_or_does_not_fit_is_an_error(place: InProcessExecutor, part: ModelSpec) -> None:
    ask = ask_through(place, part)
    with pytest.raises(ConstraintError, match="no whole answer under the schema within 3 tokens"):
        ask(QUESTION, 1, parameters(part, max_tokens=3), HELD)
    with pytest.raises(ModelCallFailed, match=f"{part.name}: "):
        ask((Message("user", "word " * 3000),), 1, parameters(part), None)


def test_without_a_schema_an_answer_ends_at_its_limit_and_says_so(place: InProcessExecutor, part: ModelSpec) -> None:
    answer = ask_through(place, part)(QUESTION, 3, parameters(part, max_tokens=5), None)
    assert (answer.ending.finish_reason, answer.ending.usage.completion_tokens) == ("length", 5)
    assert answer.ending.usage.prompt_tokens > 20


def test_a_torch_model_that_knows_no_word_answers_in_the_types_of_its_program(
    place: InProcessExecutor, fakes: dict[str, ModelSpec], twin: ModelSpec
) -> None:
    fakes["Twin"] = twin
    signature = "question -> colour: Literal['red', 'blue'], sure: bool"
    ask = {"signature": signature, "strategy": "predict", "model": "Twin", "parameters": {"temperature": 5.0}}
    answers = [json.loads(called(place, entry(ask), "Which?", seed=seed)[0]) for seed in range(4)]
    assert {answer["colour"] for answer in answers} == {"red", "blue"}
    assert {type(answer["sure"]) for answer in answers} == {bool}


def test_a_model_that_takes_texts_only_gets_all_messages_as_one_and_is_held_to_nothing() -> None:
    ask = asking("Mumbler", Mumbler())
    given = MUMBLER.with_defaults({})
    assert ask(QUESTION, 2, given, None).text == "My boat is called Ida.\n\nGood.\n\nWhich colour? (2)"
    with pytest.raises(InvalidOutput, match="Mumbler cannot hold its answers to a schema"):
        ask(QUESTION, 2, given, HELD)


def test_one_line_ends_an_answer_unless_a_constraint_does_and_bad_values_are_refused(talkers: None) -> None:
    ask = asking("Talker", TALKER.load(Placement()))
    given = {"temperature": 0.5, "max_tokens": 9, "one_line": True}
    ask(QUESTION, 8, given, None)
    ask(QUESTION, 8, given, HELD)
    with pytest.raises(ConfigurationError, match="temperature must be 0 to 5, not 9"):
        ask(QUESTION, 8, given | {"temperature": 9}, None)
    assert [each.sampling.stop for each in Mumbler.heard] == [("\n",), ()]
