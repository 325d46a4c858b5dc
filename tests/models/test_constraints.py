"""A constraint accepts the texts it names and no others, and says so beforehand when it cannot be obeyed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panic_tda.errors import ConstraintError, InvalidConstraint
from panic_tda.models.constraints import (
    Constraint,
    ConstraintKind,
    accepts,
    choices,
    grammar,
    regex,
    require_accepted,
    schema,
)

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)


@settings(max_examples=25)
@given(st.lists(WORDS, min_size=1, max_size=4), WORDS)
def test_choices_are_the_texts_themselves_whatever_signs_they_hold(options: list[str], other: str) -> None:
    constraint = choices(options)
    assert all(accepts(constraint, option) for option in options)
    assert accepts(constraint, other) == (other in options)


@pytest.mark.parametrize("pattern", [r"[a-z]{2,3}-\d", "a/b", r"a\/b", "[/]+", "a\nb", r"(yes|no)?!", "é+", r"\\/"])
@pytest.mark.parametrize("text", ["ab-1", "abc-1", "abcd-1", "a/b", "//", "a\nb", "yes!", "!", "éé", "\\/", ""])
def test_a_pattern_accepts_what_matches_it_whole(pattern: str, text: str) -> None:
    assert accepts(regex(pattern), text) == bool(re.fullmatch(pattern, text))


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8), st.integers(0, 10**9))
def test_a_schema_accepts_valid_json_as_python_writes_it(name: str, age: int) -> None:
    assert accepts(schema(PERSON), json.dumps({"name": name, "age": age}, ensure_ascii=False))


@pytest.mark.parametrize(
    "text", ["", "{", '{"name": "x"}', '{"name": "x", "age": -1}', '{"name": "x", "age": 1', '{"name":  "x", "age": 1}']
)
def test_a_schema_accepts_no_other_text_and_no_part_of_one(text: str) -> None:
    assert not accepts(schema(json.dumps(PERSON)), text)


def test_a_number_that_may_grow_is_accepted_once_it_is_valid() -> None:
    hundreds = schema({"type": "integer", "minimum": 100})
    assert [accepts(hundreds, text) for text in ("1", "10", "100", "1000")] == [False, False, True, True]


@pytest.mark.parametrize("text", ['root ::= "yes" | "no" "!"*', 'start: "yes" | "no" "!"*'])
def test_a_grammar_may_be_written_in_either_dialect(text: str) -> None:
    found = [accepts(grammar(text), answer) for answer in ("yes", "no", "no!!", "yes!", "")]
    assert found == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"type": "nonsense"}, "Invalid type: nonsense"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"not": {"type": "string"}}, "not"),
        ({"$ref": "#/nowhere"}, "nowhere"),
        ({"type": "integer", "minimum": 5, "maximum": 3}, "Unsatisfiable"),
        ("{", "not JSON"),
        ("[1]", "is an object"),
    ],
)
def test_a_schema_that_cannot_be_enforced_is_refused_with_the_reason(wanted: Any, words: str) -> None:
    with pytest.raises(InvalidConstraint, match=re.escape(words)) as refused:
        schema(wanted)
    assert "\n" not in refused.value.message
    assert "%json" not in refused.value.message


@pytest.mark.parametrize(
    ("make", "text"),
    [(regex, "(a"), (regex, r"(a)\1"), (regex, "(?=a)b"), (grammar, "root ::= ("), (grammar, "start: other")],
)
def test_patterns_and_grammars_that_cannot_be_obeyed_are_refused(make: Any, text: str) -> None:
    with pytest.raises(InvalidConstraint, match=r"regex|grammar"):
        make(text)


@pytest.mark.parametrize("options", [[], [""], ["a", ""]])
def test_there_are_choices_and_none_is_empty(options: list[str]) -> None:
    with pytest.raises(InvalidConstraint):
        choices(options)


def test_an_unfinished_answer_is_an_error_that_shows_its_beginning() -> None:
    require_accepted(None, "{", model="M", tokens=1)
    require_accepted(choices(["a"]), "a", model="M", tokens=1)
    with pytest.raises(ConstraintError, match=r"M: no whole answer under the choices within 3 tokens; it began 'ye'"):
        require_accepted(choices(["yes"]), "ye", model="M", tokens=3)


def test_a_constraint_remembers_how_it_was_asked_for() -> None:
    found = choices(["é", "b"])
    assert isinstance(found, Constraint)
    assert (found.kind, json.loads(found.text)) == (ConstraintKind.CHOICES, ["é", "b"])
    assert regex("a+").text == "a+"
