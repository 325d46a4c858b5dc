"""What DSPy makes becomes data, and data becomes what DSPy runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dspy
import pytest

from panic_tda.errors import SignatureError
from panic_tda.programs.definition import Definition
from panic_tda.programs.dspy_bridge.modules import definition_from, module_of, parameters_from_state

DEMOS = [{"question": "Is snow white?", "mood": "calm", "answer": "yes", "score": 3}]
ENTRY: dict[str, Any] = {
    "signature": "question, mood -> answer: Literal['yes', \"it's no\"], score: int",
    "strategy": "predict",
    "model": "SmolLM2",
    "parameters": {"temperature": 0.2, "instructions": "Answer well.", "demos": DEMOS},
}


@pytest.mark.parametrize("strategy", ["predict", "chain_of_thought"])
def test_a_definition_becomes_a_module_and_the_module_the_same_definition(strategy: str) -> None:
    definition = Definition.from_json(ENTRY | {"strategy": strategy})
    assert definition_from(module_of(definition), "SmolLM2", {"temperature": 0.2}) == definition


@pytest.mark.parametrize("strategy", ["predict", "chain_of_thought"])
def test_instructions_and_demos_are_read_from_what_dspy_saved(strategy: str, tmp_path: Path) -> None:
    definition = Definition.from_json(ENTRY | {"strategy": strategy})
    module = module_of(definition)
    for predictor in module.predictors():
        predictor.demos[0]["augmented"] = True
    module.save(str(tmp_path / "saved.json"))
    state = json.loads((tmp_path / "saved.json").read_text())
    assert parameters_from_state(state) == {"instructions": "Answer well.", "demos": DEMOS}


def test_what_is_no_state_of_dspy_is_none() -> None:
    assert parameters_from_state(ENTRY) is None
    assert parameters_from_state({"predict": 3}) is None


def test_other_modules_and_types_are_refused() -> None:
    with pytest.raises(SignatureError, match="a ReAct is neither"):
        definition_from(dspy.ReAct("a -> b", tools=[]), "SmolLM2")
    with pytest.raises(SignatureError, match="which is none of"):
        definition_from(dspy.Predict("a -> b: list[str]"), "SmolLM2")
