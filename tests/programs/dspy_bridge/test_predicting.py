"""DSPy's Predict and ChainOfThought over models of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

import dspy
import pytest

from panic_tda.errors import InvalidOutput, ModelCallFailed
from panic_tda.programs.dspy_bridge.predicting import another_seed
from panic_tda.runtime.inprocess import InProcessExecutor
from support.programs import called, entry
from support.talkers import Mumbler

ASK: dict[str, Any] = {
    "signature": "question -> answer: Literal['yes', 'no']",
    "strategy": "predict",
    "model": "Talker",
    "parameters": {"temperature": 1.0},
}
THINK: dict[str, Any] = {**ASK, "strategy": "chain_of_thought"}
MUMBLE: dict[str, Any] = {**ASK, "model": "Mumbler"}

pytestmark = pytest.mark.usefixtures("talkers")


def test_a_typed_answer_is_asked_for_with_its_schema_seed_and_parameters(executor: InProcessExecutor) -> None:
    assert called(executor, entry(ASK), "Is it late?", seed=8) == ["yes"]
    assert called(executor, entry(ASK), "Is it late?", seed=9) == ["no"]
    heard = Mumbler.heard[0]
    assert heard.schema["properties"]["answer"]["enum"] == ["yes", "no"]
    assert (heard.seed, heard.sampling.temperature, heard.sampling.max_tokens) == (8, 1.0, 256)
    assert [role for role, _ in heard.turns] == ["system", "user"]
    assert "Is it late?" in heard.text


def test_a_chain_of_thought_is_thought_first_and_kept_to_itself(executor: InProcessExecutor) -> None:
    assert called(executor, entry(THINK), "Is it late?", seed=8) == ["yes"]
    assert list(Mumbler.heard[0].schema["properties"]) == ["reasoning", "answer"]


def test_several_outputs_are_one_json_object(executor: InProcessExecutor) -> None:
    signature = "question, mood, times: int -> answer, score: float, count: int, sure: bool"
    [made] = called(executor, entry(ASK | {"signature": signature}), "Is it late?", seed=8, mood="gay", times=3)
    assert json.loads(made) == {"answer": "said 8", "score": 4.0, "count": 8, "sure": True}
    assert "gay" in Mumbler.heard[0].text


def test_instructions_and_demos_are_told(executor: InProcessExecutor) -> None:
    learnt = {"instructions": "Answer like a pirate.", "demos": [{"question": "Is rum good?", "answer": "yes"}]}
    called(executor, entry(ASK | {"parameters": learnt}), "Is it late?")
    turns = Mumbler.heard[0].turns
    assert [role for role, _ in turns] == ["system", "user", "assistant", "user"]
    assert "Answer like a pirate." in turns[0][1]
    assert "Is rum good?" in turns[1][1]


def test_a_bad_answer_is_asked_for_again_with_a_seed_drawn_from_the_first(executor: InProcessExecutor) -> None:
    [answer] = called(executor, entry(ASK), "Are you shy ?", seed=7)
    assert answer in ("yes", "no")
    assert [each.seed for each in Mumbler.heard] == [7, another_seed(7, 1)]
    assert called(executor, entry(ASK), "Are you shy ?", seed=7) == [answer]


@pytest.mark.parametrize(("parameters", "attempts"), [({}, 3), ({"attempts": 5}, 5), ({"temperature": 0}, 1)])
def test_after_its_attempts_there_is_an_error_and_never_a_wrong_answer(
    executor: InProcessExecutor, parameters: dict[str, Any], attempts: int
) -> None:
    [answer] = called(executor, entry(ASK | {"parameters": parameters}), "Are you mute ?")
    assert isinstance(answer, InvalidOutput)
    assert f"no valid answer in {attempts} attempt" in answer.message
    assert len({each.seed for each in Mumbler.heard}) == attempts


def test_an_answer_that_was_cut_is_none(executor: InProcessExecutor) -> None:
    [answer] = called(executor, entry(ASK), "Are you endless ?")
    assert isinstance(answer, InvalidOutput)
    assert "no whole answer under the schema within 2 tokens" in answer.message


def test_what_the_model_raises_comes_through_as_it_is(executor: InProcessExecutor) -> None:
    refused, fine = called(executor, entry(ASK), "Do you refuse ?", "Do you not?")
    assert isinstance(refused, ModelCallFailed)
    assert refused.message == "the talker refuses"
    assert fine == "no"
    [forgotten] = called(executor, entry(ASK), "Do you forget ?")
    assert "ran out of memory on a single item" in forgotten.message


def test_a_model_that_takes_texts_only_is_asked_in_fields_and_its_answer_is_parsed(executor: InProcessExecutor) -> None:
    assert called(executor, entry(MUMBLE), "Is it late?", seed=8) == ["yes"]
    heard = Mumbler.heard[0]
    assert heard.parameters["template"] == "{text}"
    assert "[[ ## question ## ]]\nIs it late?" in heard.text
    [bad] = called(executor, entry(MUMBLE), "Are you mute ?")
    assert isinstance(bad, InvalidOutput)


def test_threads_with_their_own_seeds_do_not_mix(executor: InProcessExecutor) -> None:
    spec = entry(ASK | {"signature": "question -> answer"})
    executors = [executor, InProcessExecutor(), InProcessExecutor()]
    found: dict[int, list[Any]] = {}

    def work(number: int) -> None:
        found[number] = [called(executors[number], spec, "Who?", seed=100 * number + step)[0] for step in range(8)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in executors[1:]:
        other.close()
    assert found == {number: [f"said {100 * number + step}" for step in range(8)] for number in range(3)}


def test_nothing_is_configured_for_everybody_and_nothing_is_remembered(executor: InProcessExecutor) -> None:
    from dspy.clients.base_lm import GLOBAL_HISTORY

    before = len(GLOBAL_HISTORY)
    called(executor, entry(ASK), "Is it late?")
    assert dspy.settings.lm is None
    assert dspy.settings.adapter is None
    assert len(GLOBAL_HISTORY) == before


def test_neither_litellm_nor_anything_else_that_dspy_can_do_without_is_imported() -> None:
    unwanted = ("litellm", "openai", "diskcache", "cachetools", "tenacity", "gepa", "optuna")
    program = f"""
import sys
for name in {unwanted!r}:
    sys.modules[name] = None
from panic_tda.programs.dspy_bridge.engine import Engine, adapter, language_model
from panic_tda.models.language import Ending, Usage, Written
import dspy
answer = Written('{{"answer": "yes"}}', Ending("stop", Usage()))
engine = Engine(lambda *_: answer, {{}}, 1, keeps_schemas=True)
with dspy.context(lm=language_model("x", engine), adapter=adapter(engine)):
    print(dspy.Predict("question -> answer")(question="?").answer)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("yes\n", "")
