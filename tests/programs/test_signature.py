"""Signatures of programs: reading, writing, and what inputs they refuse."""

from __future__ import annotations

import keyword
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.content import Image, Text
from panic_tda.errors import SignatureError
from panic_tda.programs.fields import Field, Value
from panic_tda.programs.signature import ProgramSignature
from panic_tda.signature import Signature

PIXEL = Image("RGB", 1, 1, b"abc")


def test_names_and_types_are_read() -> None:
    parsed = ProgramSignature.parse("picture: image, style -> answer: Literal['yes','no'], score: float")
    assert parsed.inputs == (Field("picture", "Image"), Field("style"))
    assert parsed.outputs == (Field("answer", "str", ("yes", "no")), Field("score", "float"))
    assert parsed.kinds == Signature.parse("image -> text")
    assert str(parsed) == "picture: Image, style -> answer: Literal['yes', 'no'], score: float"


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))
CHOICES = st.lists(
    st.text("abc é'\"\\[]:,", min_size=1).filter(lambda text: text == text.strip()), min_size=1, max_size=3
)
TYPES = st.sampled_from(["str", "int", "float", "bool"])
FIELDS = st.one_of(
    st.builds(Field, NAMES, TYPES),
    st.builds(lambda name, choices: Field(name, "str", tuple(choices)), NAMES, CHOICES),
)


@given(st.lists(FIELDS, min_size=2, max_size=5, unique_by=lambda field: field.name), st.data())
def test_what_is_written_is_read_again(fields: list[Field], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(fields) - 1))
    signature = ProgramSignature(tuple(fields[:cut]), tuple(fields[cut:]))
    assert ProgramSignature.parse(str(signature)) == signature


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "one ->"),
        ("text", "one ->"),
        ("a -> b -> c", "one ->"),
        (" -> b", "an input and an output"),
        ("a ->", "an input and an output"),
        ("a, a -> b", "a occurs twice"),
        ("a -> a", "a occurs twice"),
        ("a = 1 -> b", "not a list of names and types"),
        ("*a -> b", "not a list of names and types"),
        ("a, /, c -> b", "not a list of names and types"),
        ("a): pass\ndef _(c -> b", "not a list of names and types"),
        ("a) -> b", "not a list of names and types"),
        ("class -> b", "not a list of names and types"),
        ("a: list[str] -> b", "list[str], which is none of"),
        ("a: Literal -> b", "Literal, which is none of"),
        ("a: Literal[1] -> b", "texts in quotes"),
        ("a: Literal[' x'] -> b", "without space"),
        ("a, b: Image -> c", "b is neither"),
        ("a -> b, c: Image", "c is neither"),
        ("(" * 1000 + " -> b", "not a list of names and types"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(SignatureError, match="is not a signature") as caught:
        ProgramSignature.parse(text)
    assert reason in caught.value.message


@given(st.text(max_size=40) | st.text("ab:->, Literal['x'](){}=*\n", max_size=40))
def test_any_text_is_a_signature_or_refused(text: str) -> None:
    with suppress(SignatureError):
        parsed = ProgramSignature.parse(text)
        assert ProgramSignature.parse(str(parsed)) == parsed


SIGNATURE = ProgramSignature.parse("text, count: int, share: float, loud: bool, style: Literal['dry', 'wet'] -> out")
GOOD: dict[str, Any] = {"text": "a", "count": 2, "share": 1, "loud": False, "style": "dry"}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"text": 3}, "text must be a text, not 3"),
        ({"text": PIXEL}, "text must be a text, not an image"),
        ({"text": "\x00"}, "NUL"),
        ({"count": 2.0}, "count must be a whole number, not 2.0"),
        ({"count": True}, "count must be a whole number, not True"),
        ({"share": "1"}, "share must be a number, not '1'"),
        ({"loud": 1}, "loud must be true or false, not 1"),
        ({"style": "damp"}, "style must be one of 'dry', 'wet', not 'damp'"),
        ({"extra": 1}, "there is no input 'extra'"),
    ],
)
def test_wrong_and_extra_inputs_are_refused(changes: dict[str, Any], fault: str) -> None:
    SIGNATURE.check(GOOD)
    with pytest.raises(SignatureError) as caught:
        SIGNATURE.check(GOOD | changes)
    assert fault in caught.value.message
    assert caught.value.hint == f"the signature is: {SIGNATURE}"


def test_missing_inputs_are_refused_unless_they_have_defaults_and_all_faults_are_told_at_once() -> None:
    told = "^count is missing; style must be a text, not 1; there is no input 'more'$"
    with pytest.raises(SignatureError, match=told):
        SIGNATURE.check({"text": "a", "style": 1, "more": 2}, known=["share", "loud"])


@given(FIELDS, st.data())
def test_a_value_that_is_written_is_read_again(field: Field, data: st.DataObject) -> None:
    plain: dict[str, st.SearchStrategy[Value]] = {
        "str": st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
        "int": st.integers(-(10**9), 10**9),
        "float": st.floats(allow_nan=False),
        "bool": st.booleans(),
    }
    value = data.draw(st.sampled_from(field.choices) if field.choices else plain[field.type])
    assert field.fault(value) is None
    assert field.read(field.written(value)) == value
    assert ProgramSignature((field,), (Field("out"),)).value_of(Text(field.written(value))) == value
