"""Definitions: what may be stored, and what is refused when a program is made."""

from __future__ import annotations

from typing import Any

import pytest

from panic_tda.errors import ConfigurationError, PanicError, SignatureError, UnknownModel
from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec, Tier
from panic_tda.programs.definition import Definition
from panic_tda.programs.making import program_spec

SHORT: dict[str, Any] = {
    "signature": "text, style -> summary",
    "strategy": "template",
    "model": "SmolLM2",
    "parameters": {"template": "Say in {style} words: {text}", "temperature": 0.5},
}
ASK: dict[str, Any] = {
    "signature": "question -> answer: Literal['yes', 'no']",
    "strategy": "predict",
    "model": "SmolLM2",
    "parameters": {"attempts": 2, "demos": [{"question": "Is snow white?", "answer": "yes"}]},
}
PAINT = {"signature": "text -> picture: Image", "strategy": "direct", "model": "Glyph"}
READ = {"signature": "picture: Image -> text", "strategy": "direct", "model": "RapidOCR"}
CHAIN = {"signature": "text, style -> answer", "strategy": "pipeline", "model": ["Paint", "RapidOCR", "Short", "Ask"]}
ALL = {"Short": SHORT, "Ask": ASK, "Paint": PAINT, "Read": READ, "Chain": CHAIN}


def made(name: str, entries: dict[str, Any] = ALL, **changes: Any) -> ModelSpec:
    entries = entries | {name: {**entries[name], **changes}}
    return program_spec(name, {key: Definition.from_json(entry) for key, entry in entries.items()})


def refused(name: str, entries: dict[str, Any] = ALL, **changes: Any) -> PanicError:
    with pytest.raises(PanicError) as caught:
        made(name, entries, **changes)
    return caught.value


def test_a_definition_is_spelled_in_one_way_whatever_way_it_was_written_in() -> None:
    loose = Definition.from_json({**CHAIN, "signature": "text,style->answer", "model": "Paint,RapidOCR ,Short,  Ask"})
    assert loose == Definition.from_json(CHAIN)
    assert loose.models == ("Paint", "RapidOCR", "Short", "Ask")
    assert (
        Definition.from_json(
            {**loose.to_json(), "name": "Chain", "model_name": "Chain@1", "version": "1", "created_at": "then"}
        )
        == loose
    )


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (3, "a program is a mapping of keys"),
        ({}, "signature is required; strategy is required; model is required"),
        (SHORT | {"modell": 1}, "'modell': unknown key; did you mean model?"),
        (SHORT | {"model": 7}, "model must be a text, not 7"),
        (SHORT | {"parameters": [1]}, "parameters must be a mapping"),
        (SHORT | {"strategy": "direkt"}, "unknown strategy 'direkt'"),
        (SHORT | {"signature": "text"}, "'text' is not a signature"),
    ],
)
def test_what_is_no_definition_is_refused(value: Any, fault: str) -> None:
    with pytest.raises((ConfigurationError, SignatureError)) as caught:
        Definition.from_json(value)
    assert fault in caught.value.message


def test_a_program_is_a_model_that_carries_its_definition_and_its_parts() -> None:
    spec = made("Chain")
    assert [each.name.partition("@")[0] for each in spec.whole()] == [
        "Chain", "Paint", "Glyph", "RapidOCR", "Short", "SmolLM2", "Ask", "SmolLM2",
    ]  # fmt: skip
    assert (spec.family, str(spec.signature), spec.memory_bytes) == ("program", "text -> text", 0)
    assert [(each.name, each.required) for each in spec.parameters] == [("style", True)]
    assert spec.tier is Tier.EXACT
    assert find(spec.name) == spec
    assert Definition.from_json(CHAIN).canonical == spec.option("definition")


def test_another_definition_anywhere_inside_is_another_model_and_the_same_one_is_the_same() -> None:
    names = {
        made("Chain").name,
        made("Chain", ALL | {"Short": SHORT | {"parameters": {**SHORT["parameters"], "temperature": 0.6}}}).name,
        made("Chain", ALL | {"Ask": ASK | {"strategy": "chain_of_thought"}}).name,
        made("Chain", model="Paint, Read, Short, Ask").name,
    }
    assert len(names) == 4
    assert made("Chain").name in names
    assert all(name.startswith("Chain@") for name in names)


@pytest.mark.parametrize(
    ("name", "changes", "fault"),
    [
        ("Short", {"strategy": "direct", "parameters": {}}, "direct takes one input and makes one output"),
        ("Short", {"signature": "text, style -> a, b"}, "template makes one output"),
        ("Short", {"signature": "text: Image, style -> b"}, "an image does not go into a template"),
        ("Short", {"model": "RapidOCR"}, "RapidOCR is image -> text, template needs text -> text"),
        ("Ask", {"model": "Glyph"}, "predict is for texts: Glyph is text -> image"),
        ("Ask", {"model": "MiniLM"}, "MiniLM is an embedder"),
        ("Paint", {"signature": "text -> text"}, "text occurs twice"),
        ("Paint", {"signature": "text -> words"}, "Glyph is text -> image, direct needs text -> text"),
        ("Chain", {"model": "Paint, Short, Ask"}, "takes str, Paint@"),
        ("Chain", {"model": "Paint"}, "the pipeline takes str, Paint@"),
        ("Chain", {"model": "Read, Short, Ask"}, "takes Image, the pipeline gives str"),
        ("Chain", {"signature": "text, style -> answer: Literal['yes']"}, "the pipeline takes Literal['yes'], Ask@"),
        ("Chain", {"signature": "text -> answer"}, "needs style, which is no further input of the pipeline"),
        ("Chain", {"signature": "text, style, mood -> answer"}, "no step takes the input mood"),
        ("Chain", {"signature": "text, style: int -> answer"}, "takes str as style, not int"),
        ("Chain", {"signature": "text, style -> answer, why"}, "a pipeline makes one output"),
    ],
)
def test_types_that_do_not_fit_are_signature_errors(name: str, changes: dict[str, Any], fault: str) -> None:
    if name == "Chain" and "int" in changes.get("signature", ""):
        changes = {**changes, "model": "Short, Strict"}
        strict = {**SHORT, "signature": "text, style: Literal['dry'] -> summary"}
        told = refused(name, ALL | {"Strict": strict}, **changes)
        fault = "takes Literal['dry'] as style, not int"
    else:
        told = refused(name, **changes)
    assert isinstance(told, SignatureError)
    assert fault in told.message


@pytest.mark.parametrize(
    ("name", "parameters", "fault"),
    [
        ("Short", {}, "template is required, a text with the inputs between braces: {text} {style}"),
        ("Short", {"template": "{text}"}, "template: the input {style} does not occur"),
        ("Short", {"template": "{text} {style} {mood}"}, "template: there is no input 'mood'"),
        ("Short", {"template": "{text.upper} {style}"}, "{text.upper} is not an input"),
        ("Short", {"template": "{text!r} {style}"}, "{text} is not an input"),
        ("Short", {"template": "{text"}, "expected '}' before end of string"),
        ("Short", {"template": "{text} {style}", "instruction": "x"}, "there is no parameter 'instruction'"),
        ("Short", {"template": "{text} {style}", "temperature": 9}, "temperature must be at most 5, not 9"),
        ("Short", {"template": "{text} {style}", "style": 3}, "style must be a text, not 3"),
        ("Ask", {"one_line": True}, "there is no parameter 'one_line'"),
        ("Ask", {"attempts": 0}, "attempts must be a whole number from 1 to 100"),
        ("Ask", {"instructions": " "}, "instructions must be a text"),
        ("Ask", {"demos": {}}, "demos must be a list"),
        ("Ask", {"demos": [{"answer": "perhaps"}]}, "demos[0]: answer must be one of"),
        ("Ask", {"demos": [{"why": "so"}]}, "demos[0]: there is no field 'why'"),
        ("Paint", {"distortion": 9.0}, "distortion must be at most"),
        ("Chain", {"temperature": 1.0}, "there is no parameter 'temperature' (there are: style)"),
    ],
)
def test_parameters_that_are_unknown_or_wrong_are_told(name: str, parameters: dict[str, Any], fault: str) -> None:
    told = refused(name, parameters=parameters)
    assert isinstance(told, ConfigurationError)
    assert fault in told.message
    assert all(issue.startswith(f"program {name}: ") for issue in told.issues)


def test_an_input_may_not_have_the_name_of_a_parameter() -> None:
    parameters = {"template": "{text} {temperature}"}
    told = refused("Short", signature="text, temperature -> summary", parameters=parameters)
    assert "the input temperature has the name of a parameter" in told.message


def test_an_unknown_model_is_told_with_the_nearest_names() -> None:
    told = refused("Chain", model="Pain, RapidOCR")
    assert isinstance(told, UnknownModel)
    assert (told.message, told.hint) == ("program Chain: unknown model 'Pain'", "did you mean Paint or Chain or Sana?")


@pytest.mark.parametrize("inner", ["Outer", "Middle"])
def test_programs_that_contain_themselves_are_refused(inner: str) -> None:
    step = {"signature": "text -> answer", "strategy": "pipeline"}
    told = refused("Outer", {"Outer": step | {"model": "Middle"}, "Middle": step | {"model": inner}})
    assert isinstance(told, ConfigurationError)
    assert "programs may not contain themselves" in told.message
    assert f"{inner} → " in told.message


def test_pipelines_cannot_explode() -> None:
    step = {"signature": "text -> answer", "strategy": "pipeline"}
    entries: dict[str, Any] = {f"P{level}": step | {"model": [f"P{level + 1}"] * 2} for level in range(40)}
    entries["P40"] = step | {"model": "SmolLM2"}
    assert "is made of more than 100 parts" in refused("P0", entries).message
