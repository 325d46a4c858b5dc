from __future__ import annotations

from dataclasses import replace

import pytest

from panic_tda.errors import ModelLoadError, PrerequisiteError
from panic_tda.models.catalogue import find
from panic_tda.models.model import Parameter, ParameterValue, Placement, parameter_faults
from panic_tda.models.weights import Weights

STRENGTH = Parameter("strength", 0.5, "how much", minimum=0.0, maximum=1.0)
STEPS = Parameter("steps", 4, "how many", minimum=1)
STYLE = Parameter("style", "ink", "which", choices=("ink", "oil"))
WORDS = Parameter("words", "say it", "free text")
FLAG = Parameter("flag", True, "whether")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [(STRENGTH, 0), (STRENGTH, 1.0), (STEPS, 10**9), (STYLE, "oil"), (WORDS, "anything"), (FLAG, False)],
)
def test_values_of_the_right_type_and_range_pass(parameter: Parameter, value: ParameterValue) -> None:
    assert parameter.fault(value) is None


@pytest.mark.parametrize(
    ("parameter", "value", "fault"),
    [
        (STRENGTH, -0.1, "strength must be at least 0, not -0.1"),
        (STRENGTH, 1.5, "strength must be at most 1, not 1.5"),
        (STRENGTH, float("nan"), "strength must be at least 0, not nan"),
        (STRENGTH, "0.5", "strength must be of type float, not '0.5'"),
        (STRENGTH, True, "strength must be of type float, not True"),
        (STEPS, 4.0, "steps must be of type int, not 4.0"),
        (STEPS, True, "steps must be of type int, not True"),
        (STEPS, 0, "steps must be at least 1, not 0"),
        (STYLE, "chalk", "style must be one of ink, oil, not 'chalk'"),
        (WORDS, "  ", "words must not be empty"),
        (FLAG, 1, "flag must be of type bool, not 1"),
    ],
)
def test_a_wrong_value_is_told_in_one_sentence(parameter: Parameter, value: object, fault: str) -> None:
    assert parameter.fault(value) == fault


def test_defaults_fill_what_is_not_given_and_whole_numbers_become_floats() -> None:
    spec = replace(find("Glyph"), parameters=(STRENGTH, STEPS, STYLE))
    complete = spec.with_defaults({"strength": 1})
    assert complete == {"strength": 1.0, "steps": 4, "style": "ink"}
    assert isinstance(complete["strength"], float)


def test_misspelt_parameters_are_faults_that_list_the_right_ones() -> None:
    spec = replace(find("Glyph"), parameters=(STRENGTH, STEPS))
    assert parameter_faults(spec, {"strengh": 1, "steps": 0}) == [
        "Glyph has no parameter 'strengh' (it has: strength, steps)",
        "Glyph: steps must be at least 1, not 0",
    ]
    assert parameter_faults(find("RapidOCR"), {"confidence": 0.2}) == []
    assert parameter_faults(find("DummyT2I"), {"x": 1}) == ["DummyT2I has no parameter 'x' (it has: none)"]


def test_a_version_is_our_revision_and_the_hashes_of_the_weights() -> None:
    files = (Weights("a", "1", "a", "a" * 64, 1), Weights("b", "1", "b", "b" * 64, 1))
    assert replace(find("MiniLM"), revision=3, weights=files).version == f"3+{'a' * 12}.{'b' * 12}"
    assert replace(find("Glyph"), revision=2).version == "2"


def test_a_missing_package_is_named_with_how_to_install_it() -> None:
    spec = replace(find("MiniLM"), requires=("no_such_package_here",))
    with pytest.raises(PrerequisiteError, match="no_such_package_here is not installed") as missing:
        spec.load(Placement())
    assert missing.value.hint == "pip install no_such_package_here"


def test_the_version_of_a_model_that_borrows_others_follows_theirs_and_its_own_options() -> None:
    part = find("Glyph")
    spec = replace(find("DummyI2T"), parts=(part,), options=(("definition", "one"),))
    others = (replace(spec, parts=(replace(part, revision=99),)), replace(spec, options=(("definition", "two"),)))
    assert len({spec.version, *(other.version for other in others)}) == 3
    assert spec.version == replace(spec, summary="said differently").version
    assert [each.name for each in replace(part, parts=(spec,)).whole()] == ["Glyph", "DummyI2T", "Glyph"]


def test_a_parameter_that_is_required_must_be_given() -> None:
    spec = replace(find("Glyph"), parameters=(STEPS, replace(STYLE, required=True)))
    assert parameter_faults(spec, {"steps": 2}) == ["Glyph needs a value of style"]
    assert parameter_faults(spec, {"style": "oil"}) == []


def test_a_place_without_a_lender_lends_nothing() -> None:
    with pytest.raises(ModelLoadError, match="Glyph is to be borrowed"):
        Placement().borrowed(find("Glyph"))
