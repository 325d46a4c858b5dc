"""The programs of a record, from creating to deleting, and as what DSPy's optimisers work on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dspy
import pytest

from panic_tda.errors import ConfigurationError, PrerequisiteError, ProgramNotFound, RequestError, SignatureError
from panic_tda.lab.programs import Programs
from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec
from panic_tda.programs.definition import Definition
from panic_tda.programs.dspy_bridge.modules import definition_from, module_of
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.mock import MockExecutor
from panic_tda.store.database import Record
from support.laboratory import fakes, performed
from support.talkers import MUMBLER, TALKER

__all__ = ["fakes"]

ASK: dict[str, Any] = {
    "signature": "question -> answer: Literal['yes', 'no']",
    "strategy": "predict",
    "model": "SmolLM2",
    "parameters": {"temperature": 1.0, "max_tokens": 24},
}
SAY: dict[str, Any] = {
    "signature": "text, style -> said",
    "strategy": "template",
    "model": "Mumbler",
    "parameters": {"template": "{style} {text}", "style": "dry"},
}


@pytest.fixture
def programs(record: Record, fakes: dict[str, ModelSpec]) -> Iterator[Programs]:
    """Programs of an empty record, and talkers to make them from."""
    fakes |= {spec.name: spec for spec in (TALKER, MUMBLER)}
    with Programs(record) as opened:
        yield opened


def test_a_program_is_created_run_listed_got_and_deleted_and_then_not_found(programs: Programs) -> None:
    spec = programs.create("Say", SAY)
    made = programs.run("Say", text="a boat", style="wet", seed=5)
    assert (made.outputs, made.model, made.seed) == ({"said": "wet a boat (5)"}, f"{spec.name}@{spec.version}", 5)
    assert programs.run("Say", text="a boat").outputs == {"said": "dry a boat (0)"}
    assert [each.name for each in programs.list()] == ["Say"]
    assert programs.get("Say").definition == Definition.from_json(SAY)
    programs.delete("Say")
    for gone in (programs.run, programs.get, programs.delete, programs.entry):
        with pytest.raises(ProgramNotFound, match="there is no program 'Say'"):
            gone("Say")
    assert programs.list() == []


@pytest.mark.parametrize(
    ("inputs", "fault"),
    [
        ({}, "text is missing"),
        ({"text": 3}, "text must be a text, not 3"),
        ({"text": "a", "styl": "wet"}, "there is no input 'styl'"),
        ({"text": "a", "style": True}, "style must be a text, not True"),
    ],
)
def test_inputs_that_the_signature_refuses_call_no_model(record: Record, inputs: dict[str, Any], fault: str) -> None:
    executor = MockExecutor()
    with Programs(record, executor=executor) as programs:
        programs.create("Say", SAY | {"model": "SmolLM2"})
        with pytest.raises(SignatureError) as caught:
            programs.run_on("Say", inputs)
        assert fault in caught.value.message
        assert executor.history == []
        executor.enqueue("fine")
        assert programs.run("Say", text="a").outputs == {"said": "fine"}


def test_a_name_is_taken_once_and_replaced_only_when_asked(programs: Programs) -> None:
    first = programs.create("Say", SAY)
    with pytest.raises(RequestError, match="there is a program Say already"):
        programs.create("Say", SAY)
    second = programs.create("Say", SAY | {"strategy": "direct", "signature": "a -> b", "parameters": {}}, replace=True)
    assert first.name != second.name
    assert programs.get("Say").definition.strategy == "direct"
    assert find(first.name) == first
    for name, fault in (("SmolLM2", "is taken by a model"), ("a b", "is no name"), ("Say@1", "is no name")):
        with pytest.raises(RequestError, match=fault):
            programs.create(name, SAY)


def test_a_program_cannot_be_changed_so_that_it_contains_itself(programs: Programs) -> None:
    chain = {"signature": "a -> b", "strategy": "pipeline"}
    programs.create("Say", SAY)
    programs.create("Chain", chain | {"model": "Say"})
    with pytest.raises(ConfigurationError, match="Say → Chain → Say"):
        programs.create("Say", chain | {"model": "Chain"}, replace=True)
    assert programs.run("Chain", a="x").outputs == {"b": "dry x (0)"}


def test_a_program_whose_part_is_gone_says_so(programs: Programs) -> None:
    programs.create("Say", SAY)
    programs.create("Chain", {"signature": "a -> b", "strategy": "pipeline", "model": "Say"})
    programs.delete("Say")
    with pytest.raises(RequestError, match="program Chain: unknown model 'Say'"):
        programs.run("Chain", a="x")


def test_without_dspy_its_strategies_say_how_to_install_it(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import util

    spec = programs.create("Ask", ASK | {"model": "Talker"})
    monkeypatch.setattr(
        "panic_tda.models.model.find_spec", lambda name: None if name == "dspy" else util.find_spec(name)
    )
    with pytest.raises(PrerequisiteError, match="package dspy is not installed") as caught:
        programs.run("Ask", question="?")
    assert caught.value.hint == "pip install 'panic-tda[dspy]' && pip install --no-deps 'dspy>=3.4,<4'"
    assert spec.extra == "dspy"


AGAIN = """
import json, sys
from panic_tda.lab.programs import Programs
from panic_tda.store.database import open_record
with open_record(sys.argv[1]) as record, Programs(record) as programs:
    programs.create("Ask", json.load(open(sys.argv[2])))
    print(json.dumps(dict(programs.run("Ask", question="Is the sky blue?", seed=3).outputs)))
"""


def test_a_typed_answer_of_the_packaged_model_is_the_same_from_saved_json_in_a_new_process(
    sqlite_record: Record, tmp_path: Path
) -> None:
    with Programs(sqlite_record) as programs:
        programs.create("Ask", ASK)
        made = programs.run("Ask", question="Is the sky blue?", seed=3).outputs
        assert made["answer"] in ("yes", "no")
        (tmp_path / "ask.json").write_text(json.dumps(programs.get("Ask").to_json()))
    command = [sys.executable, "-c", AGAIN, str(tmp_path / "new.sqlite"), str(tmp_path / "ask.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (json.loads(done.stdout or "null"), done.stderr) == (made, "")


def rows() -> list[Any]:
    """Twenty questions with their answers."""
    questions = [f"Is {number} more than 10?" for number in range(1, 21)]
    answers = ["yes" if number > 10 else "no" for number in range(1, 21)]
    return [
        dspy.Example(question=question, answer=answer).with_inputs("question")
        for question, answer in zip(questions, answers, strict=True)
    ]


def right(example: Any, prediction: Any, trace: object = None) -> bool:
    return bool(prediction.answer == example.answer)


def valid(example: Any, prediction: Any, trace: object = None) -> bool:
    return prediction.answer in ("yes", "no")


def compiled(programs: Programs, model: str, metric: Any, labeled: int, **parameters: Any) -> Any:
    """What DSPy's BootstrapFewShot makes of a program on the twenty rows."""
    student = module_of(Definition.from_json(ASK | {"model": model}))
    optimiser = dspy.BootstrapFewShot(metric=metric, max_bootstrapped_demos=2, max_labeled_demos=labeled)
    with dspy.context(lm=programs.language_model(model, **parameters), adapter=dspy.JSONAdapter()):
        return optimiser.compile(student, trainset=rows())


def test_what_an_optimiser_learnt_is_stored_and_stands_in_a_network(programs: Programs, record: Record) -> None:
    definition = definition_from(compiled(programs, "Talker", right, 2, seed=8), "Talker")
    assert [demo["answer"] for demo in definition.parameters["demos"]] == ["yes", "yes"]
    programs.create("Learnt", definition)
    config = {
        "networks": [["Learnt"]],
        "programs": {"Learnt": programs.get("Learnt").definition.to_json()},
        "prompts": ["Is it late?"],
        "seeds": [1],
        "embedding_models": ["DummyText"],
        "max_length": 3,
    }
    assert performed(record, config).status == "completed"


def test_an_optimiser_works_on_the_packaged_model_wherever_it_runs(sqlite_record: Record) -> None:
    executor = InProcessExecutor()
    with Programs(sqlite_record, executor=executor) as programs:
        learnt = compiled(programs, "SmolLM2", valid, 0, seed=1, max_tokens=24, temperature=1.0)
        spec = programs.create("Learnt", definition_from(learnt, "SmolLM2", {"max_tokens": 24}))
        assert len(programs.get("Learnt").definition.parameters["demos"]) == 2
        assert programs.run("Learnt", question="Is 15 more than 10?").outputs["answer"] in ("yes", "no")
    assert executor.resident() == {"SmolLM2", "SmolLM2@conversation", spec.name}
    assert executor.loads == 3
    executor.close()
