"""The experiment file's schema: valid itself, generous to what is right, and a source of 2,000 trials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from jsonschema import Draft202012Validator

from panic_tda.errors import ConfigurationError
from panic_tda.lab.config import DiagramsStage, ExperimentConfig, config_schema
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.validation import validate_config
from panic_tda.models.catalogue import catalogue

SCHEMA = config_schema()
EXAMPLES: list[dict[str, Any]] = [
    {
        "networks": [["Glyph", "RapidOCR"], [{"model": "SmolLM2", "instruction": "rephrase", "temperature": 0.8}]],
        "prompts": ["a red apple"],
        "seeds": [42, -1],
        "num_runs": 1,
        "embedding_models": ["MiniLM"],
        "max_length": 100,
        "stages": {"diagrams": {"max_dim": 2}},
    },
    {
        "network": ["Glyph", "RapidOCR"],
        "prompts": ["a red apple"],
        "seeds": [1, 2],
        "twins": {"noise": {"count": 2, "step": 4}, "prompt": {"count": 3, "changes": [1, 4]}},
        "embedding_models": ["MiniLM"],
        "max_length": 20,
    },
    {
        "network": ["DummyT2I", "DummyI2T"],
        "prompts": ["a red apple"],
        "num_runs": 3,
        "embedding_models": ["DummyText"],
        "max_length": 1,
    },
    {
        "networks": [["DummyT2I", "DummyI2T"]],
        "prompts": ["a"],
        "seeds": [2**31 - 1],
        "embedding_models": ["DummyText", "DummyVision2"],
        "max_length": 1_000_000,
        "stages": {"diagrams": False},
    },
    {
        "network": ["DummyT2I", "DummyI2T"],
        "prompts": ["a"],
        "embedding_models": ["DummyText"],
        "max_length": 2,
        "programs": None,
    },
]
WRONG: list[dict[str, Any]] = [
    {},
    EXAMPLES[2] | {"networks": [["DummyT2I", "DummyI2T"]]},
    EXAMPLES[2] | {"max_length": 0},
    EXAMPLES[2] | {"seeds": ["1"]},
    EXAMPLES[2] | {"seeds": [2**31]},
    EXAMPLES[2] | {"seeds": []},
    EXAMPLES[2] | {"sed": [1]},
    EXAMPLES[2] | {"embedding_models": ["DummyT2I"]},
    EXAMPLES[2] | {"network": ["DummyText"]},
    EXAMPLES[2] | {"prompts": [{"image": ""}]},
    EXAMPLES[1] | {"twins": {"noise": {"steps": 4}}},
    EXAMPLES[1] | {"twins": {"noise": {"count": 0}}},
    EXAMPLES[1] | {"twins": {"prompt": {"changes": [0]}}},
    EXAMPLES[1] | {"twins": {"prompt": {"changes": []}}},
    EXAMPLES[1] | {"twins": {"prompts": {}}},
    EXAMPLES[2] | {"programs": {"Say": {"strategy": "direct", "model": "SmolLM2"}}},
    EXAMPLES[2] | {"programs": {"Say": {"signature": "a -> b", "strategy": "direct", "model": 3}}},
]


def judged(config: Any) -> Experiment | tuple[str, ...]:
    """What validating says: an experiment, or issues that a person can read. Anything else is a defect."""
    try:
        return validate_config(config, folder=Path("/nowhere"))
    except ConfigurationError as refused:
        issues = refused.issues
    assert issues
    assert all(issue.strip() and issue.isprintable() and len(issue) <= 400 for issue in issues)
    assert len(set(issues)) == len(issues)
    return issues


def test_the_schema_is_valid_draft_2020_12_and_json() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("config", EXAMPLES)
def test_the_schema_and_the_validator_accept_the_documented_files(config: dict[str, Any]) -> None:
    Draft202012Validator(SCHEMA).validate(config)
    assert isinstance(judged(config), Experiment)


@pytest.mark.parametrize("config", WRONG)
def test_the_schema_and_the_validator_refuse_the_same_mistakes(config: dict[str, Any]) -> None:
    assert not Draft202012Validator(SCHEMA).is_valid(config)
    assert isinstance(judged(config), tuple)


def test_the_schema_names_every_model_where_it_may_stand() -> None:
    generators = [spec.name for spec in catalogue().values() if spec.signature.is_generator]
    embedders = [spec.name for spec in catalogue().values() if not spec.signature.is_generator]
    assert SCHEMA["$defs"]["NodeConfig"]["properties"]["model"]["enum"] == generators
    assert SCHEMA["properties"]["embedding_models"]["items"]["enum"] == embedders
    for key in ("networks", "network"):
        assert json.dumps(generators) in json.dumps(SCHEMA["properties"][key])


def test_every_key_is_described() -> None:
    described = [key for key, entry in SCHEMA["properties"].items() if entry.get("description")]
    assert set(described) >= SCHEMA["properties"].keys() - {"stages"}


@pytest.mark.parametrize(
    ("stages", "wanted"),
    [
        ({}, DiagramsStage(max_dim=2, max_points=2000)),
        ({"diagrams": True}, DiagramsStage()),
        ({"diagrams": False}, None),
        ({"diagrams": {"max_dim": 1}}, DiagramsStage(max_dim=1)),
    ],
)
def test_diagrams_are_on_unless_switched_off(stages: dict[str, Any], wanted: DiagramsStage | None) -> None:
    assert ExperimentConfig.model_validate(EXAMPLES[0] | {"stages": stages}).diagrams == wanted


def values_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a part of the schema allows. Leaves come from hypothesis-jsonschema, which at present makes no
    objects under newer versions of hypothesis; they are put together here."""
    if reference := schema.get("$ref"):
        return values_of(SCHEMA["$defs"][reference.rpartition("/")[2]])
    if choices := schema.get("oneOf", schema.get("anyOf")):
        return st.one_of([values_of(choice) for choice in choices])
    if schema.get("type") == "array":
        return st.lists(values_of(schema["items"]), min_size=schema.get("minItems", 0), max_size=4)
    if schema.get("type") == "object" and isinstance(values := schema.get("additionalProperties"), dict):
        return st.dictionaries(st.sampled_from(["Say", "Twice", "a b", "", "Glyph"]), values_of(values), max_size=2)
    if schema.get("type") == "object":
        return objects_of(schema, schema.get("required", []))
    leaves: st.SearchStrategy[Any] = from_schema(schema)
    return leaves


def objects_of(schema: dict[str, Any], required: list[str]) -> st.SearchStrategy[Any]:
    parts = {key: values_of(part) for key, part in schema.get("properties", {}).items()}
    optional = {key: part for key, part in parts.items() if key not in required}
    objects = st.fixed_dictionaries({key: parts[key] for key in required}, optional=optional)
    if not schema.get("additionalProperties"):
        return objects
    more = st.dictionaries(st.text(max_size=8) | st.sampled_from(PARAMETERS), ANYTHING, max_size=2)
    return st.builds(lambda extra, known: extra | known, more, objects)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PARAMETERS = sorted({parameter.name for spec in catalogue().values() for parameter in spec.parameters})
WITHOUT = {"networks": "network", "network": "networks"}
OF_THE_SCHEMA = st.deferred(  # a second to put together, which only the process that tests with it is to take
    lambda: st.one_of(
        [
            objects_of(
                SCHEMA | {"properties": {key: part for key, part in SCHEMA["properties"].items() if key != other}},
                [*SCHEMA["required"], network],
            )
            for network, other in WITHOUT.items()
        ]
    )
)
QUICKLY = settings(
    max_examples=500, derandomize=True, database=None, deadline=2_000, suppress_health_check=list(HealthCheck)
)


@QUICKLY
@given(OF_THE_SCHEMA)
def test_whatever_the_schema_allows_is_accepted_or_refused_with_reasons(config: dict[str, Any]) -> None:
    Draft202012Validator(SCHEMA).validate(config)
    judged(config)


KEYS = st.text(max_size=6) | st.sampled_from(["plain", "object", "image", "model", "network", "networks"])


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A good file with one to three values dropped, replaced or added at any place."""
    config = json.loads(json.dumps(draw(st.sampled_from(EXAMPLES))))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = config
        while children := [value for value in _values(place) if isinstance(value, (dict, list)) and value]:
            if draw(st.booleans()):
                break
            place = draw(st.sampled_from(children))
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys)) if keys else None
        match draw(st.sampled_from(["drop", "replace", "add"])):
            case "drop" if key is not None:
                del place[key]
            case "replace" if key is not None:
                place[key] = draw(ANYTHING)
            case _ if isinstance(place, dict):
                place[draw(st.text(max_size=6) | st.sampled_from(["plain", "object", "image", "model"]))] = draw(
                    ANYTHING
                )
            case _:
                place.append(draw(ANYTHING))
    return config


def _values(place: Any) -> list[Any]:
    return list(place.values()) if isinstance(place, dict) else list(place)


@QUICKLY
@given(mutated())
def test_a_file_with_random_damage_is_accepted_or_refused_with_reasons(config: dict[str, Any]) -> None:
    judged(config)
