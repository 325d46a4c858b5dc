"""The packaged language model, asked directly: counts, seeds, streams, batches, constraints, stops, limits."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import Any

import jsonschema
import pytest

import panic_tda
from panic_tda.content import Image
from panic_tda.errors import (
    ConfigurationError,
    ConstraintError,
    InsufficientMemory,
    InvalidConstraint,
    ModelCallFailed,
    RequestError,
    SignatureError,
)
from panic_tda.models.catalogue import find
from panic_tda.models.language import Message
from panic_tda.models.weights import require
from panic_tda.services.host import Host
from panic_tda.services.language import Generation, generate, generate_batch, stream
from panic_tda.settings import Settings
from support.gguf_tokens import tokenizer_of

FRANCE = "What is the capital of France?"
CHAT = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
)
AGE: dict[str, Any] = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["age"],
    "additionalProperties": False,
}
SEEDS = range(20)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    spec = find("SmolLM2")
    return tokenizer_of(require(spec.weights[0], model=spec.name))


def continued(host: Host, seed: int = 1, **wishes: Any) -> str:
    """What the model says after two tokens, which takes it the least time."""
    return generate("A:", host=host, raw=True, seed=seed, **{"temperature": 1.5, "max_tokens": 40, **wishes}).text


def test_a_greedy_answer_knows_the_capital_of_france_and_its_tokens_are_counted(host: Host, tokenizer: Any) -> None:
    made = generate(FRANCE, temperature=0, max_tokens=20, host=host)
    [answer] = made.completions
    assert "Paris" in made.text
    assert answer.finish_reason == "stop"
    assert answer.usage.prompt_tokens == len(tokenizer.encode(CHAT.format(FRANCE)).ids)
    assert answer.usage.completion_tokens == len(tokenizer.encode(made.text).ids) + 1  # the mark that ends it
    assert made.model == f"SmolLM2@{find('SmolLM2').version}"
    assert made.timings.run_s > 0


def test_a_seed_repeats_an_answer_here_and_in_a_fresh_process_and_another_does_not(host: Host) -> None:
    wishes = {"temperature": 1.0, "max_tokens": 8}
    once, again, other = (generate("Hi", host=host, seed=seed, **wishes).text for seed in (5, 5, 6))  # type: ignore[arg-type]
    assert once == again != other
    words = ["--json", "generate", "Hi", "--seed", "5", "--temperature", "1", "--max-tokens", "8"]
    ran = subprocess.run([sys.executable, "-m", "panic_tda", *words], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["outputs"][0]["text"] == once


def test_greedy_answers_ignore_the_seed(host: Host) -> None:
    assert len({continued(host, seed, temperature=0, max_tokens=6) for seed in (1, 2)}) == 1


def test_a_seed_that_was_drawn_is_told_and_repeats_the_answer(host: Host) -> None:
    made = generate("A:", host=host, raw=True, max_tokens=6, temperature=1.5)
    seed = made.completions[0].seed
    assert 0 <= seed < 2**31
    assert continued(host, seed, max_tokens=6) == made.text


def test_several_answers_take_the_seeds_that_follow(host: Host) -> None:
    made = generate("A:", host=host, raw=True, max_tokens=6, temperature=1.5, seed=3, n=2)
    assert [each.seed for each in made.completions] == [3, 4]
    assert (
        made.completions[1].output
        == generate("A:", host=host, raw=True, max_tokens=6, temperature=1.5, seed=4).completions[0].output
    )


def test_a_stream_begins_before_the_answer_ends_and_joins_to_the_whole(host: Host) -> None:
    with stream("Tell a story.", host=host, seed=2, max_tokens=12) as pieces:
        first = next(pieces)
        assert pieces.completion is None
        assert pieces._answer.ending is None
        told = [first, *pieces]
    assert len(told) >= 3
    whole = generate("Tell a story.", host=host, seed=2, max_tokens=12)
    assert "".join(told) == whole.text
    assert pieces.completion == whole.completions[0]


def test_closing_a_stream_early_frees_the_model_within_a_second(host: Host) -> None:
    pieces = stream("Count to a thousand.", host=host, max_tokens=1000)
    next(pieces)
    begun = time.perf_counter()
    pieces.close()
    with host.turn(find("SmolLM2")):
        assert time.perf_counter() - begun < 1
    assert list(pieces) == []
    assert pieces.completion is not None
    assert pieces.completion.finish_reason == "cancelled"


def test_a_batch_of_unequal_prompts_equals_single_calls(host: Host) -> None:
    prompts = ["Hi", FRANCE, "A colour:", "The sea, the ships upon it, and the wind"]
    batch = generate_batch(prompts, host=host, raw=True, temperature=0, max_tokens=4)
    alone = [generate(prompt, host=host, raw=True, temperature=0, max_tokens=4).text for prompt in prompts]
    assert [each.text for each in batch if isinstance(each, Generation)] == alone


def test_a_prompt_that_fails_leaves_its_neighbours_alone(host: Host) -> None:
    first, long, last = generate_batch(["A", "word " * 3000, "A"], host=host, temperature=0, max_tokens=2)
    assert isinstance(long, ModelCallFailed)
    assert "2048" in long.message
    assert isinstance(first, Generation)
    assert isinstance(last, Generation)
    assert first.text == last.text


def test_every_seed_keeps_to_a_schema_and_without_it_one_does_not(host: Host) -> None:
    answers = [continued(host, seed, schema=AGE) for seed in SEEDS]
    for answer in answers:
        jsonschema.validate(json.loads(answer), AGE)
    assert len(set(answers)) > 5
    with pytest.raises(ValueError):
        json.loads(continued(host, 0, max_tokens=10))


def test_patterns_choices_and_grammars_hold(host: Host) -> None:
    for seed in range(4):
        assert re.fullmatch(r"[a-z]{3,5}-\d\d/", continued(host, seed, regex=r"[a-z]{3,5}-\d\d/"))
        assert continued(host, seed, choices=["yes", "no"]) in ("yes", "no")
        assert re.fullmatch(r"no( no)?\.", continued(host, seed, grammar='root ::= "no" (" no")? "."'))


def test_what_cannot_be_finished_in_time_is_an_error_and_never_half_an_answer(host: Host) -> None:
    long = {"type": "object", "properties": {"a": {"type": "string", "minLength": 100}}, "required": ["a"]}
    with pytest.raises(ConstraintError, match="no whole answer under the schema within 4 tokens"):
        continued(host, schema=long, max_tokens=4)
    pieces = stream("A:", raw=True, host=host, schema=long, max_tokens=4)
    with pytest.raises(ConstraintError):
        list(pieces)
    assert pieces.completion is None


@pytest.mark.parametrize(
    "wish", [{"schema": {"type": "nonsense"}}, {"regex": "(a"}, {"grammar": "root ::= ("}, {"choices": []}]
)
def test_an_impossible_constraint_fails_before_the_model_is_loaded(wish: Any) -> None:
    with Host() as fresh:
        with pytest.raises(InvalidConstraint):
            generate("A", host=fresh, **wish)
        assert fresh.loads == 0


def test_a_stop_text_across_tokens_ends_the_answer_before_it(host: Host) -> None:
    made = generate("The capital of France is", raw=True, host=host, temperature=0, max_tokens=20, stop="ris.\n")
    assert (made.text, made.completions[0].finish_reason) == (" Pa", "stop")


@pytest.mark.parametrize("most", [1, 5])
def test_max_tokens_is_exact(host: Host, tokenizer: Any, most: int) -> None:
    [answer] = generate("The sea", raw=True, host=host, temperature=0, max_tokens=most).completions
    assert (answer.finish_reason, answer.usage.completion_tokens) == ("length", most)
    assert len(tokenizer.encode(getattr(answer.output, "value", "")).ids) == most


def test_a_dialogue_is_read_as_it_was_held_and_a_system_message_takes_its_place(host: Host, tokenizer: Any) -> None:
    said = (("system", "Be a pirate."), ("user", "Hi"), ("assistant", "Ahoy!"), ("user", "Who?"))
    turns = [Message(role, text) for role, text in said]  # type: ignore[arg-type]
    spelt = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in said) + "<|im_start|>assistant\n"
    answers = [
        generate(turns, host=host, temperature=0, max_tokens=3),
        generate(turns[1:], system="Be a pirate.", host=host, temperature=0, max_tokens=3),
        generate(spelt, raw=True, host=host, temperature=0, max_tokens=3),
    ]
    assert {each.text for each in answers} == {answers[0].text}
    tokens = {each.completions[0].usage.prompt_tokens for each in answers}
    assert tokens == {len(tokenizer.encode(spelt).ids)}


def test_a_model_that_is_too_large_says_so_in_numbers_before_it_is_loaded() -> None:
    with pytest.raises(
        InsufficientMemory, match=r"CodeLlama7B needs \d+\.\d\d GiB \(estimated\), the memory budget is 3\.73 GiB"
    ):
        generate("def f(", "CodeLlama7B", settings=Settings(memory_budget=4000))
    with pytest.raises(InsufficientMemory):
        stream("def f(", "CodeLlama7B", settings=Settings(memory_budget=4000))


def test_a_model_of_images_draws_by_its_own_parameters(host: Host) -> None:
    made = generate("a red apple", "DummyT2I", seed=42, n=2, host=host)
    assert [each.seed for each in made.completions] == [42, 43]
    assert all(isinstance(each.output, Image) for each in made.completions)
    assert made.synthetic
    with pytest.raises(SignatureError, match="made an image"):
        _ = made.text
    with pytest.raises(ConfigurationError, match="has no parameter 'steps'"):
        generate("a red apple", "DummyT2I", parameters={"steps": 3}, host=host)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model": "MiniLM"}, "measures"),
        ({"model": "DummyI2T"}, "takes one image"),
        ({"model": "DummyT2I", "temperature": 1.0}, "no use for temperature"),
        ({"parameters": {"max_tokens": 2}}, "no use for parameters"),
        ({"n": 0}, "n must be at least 1"),
        ({"seed": -2}, "at least 0"),
        ({"raw": True, "system": "x"}, "raw prompt"),
        ({"temperature": float("nan"), "max_tokens": 0}, "temperature must be 0 to 5, not nan; max_tokens"),
        ({"regex": "a", "choices": ["a"]}, "regex and choices exclude one another"),
        ({"regex": "a", "stop": "b"}, "exclude one another"),
        ({"stop": [""]}, "must not be empty"),
    ],
)
def test_a_wrong_request_is_refused_in_one_line(host: Host, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=re.escape(words)):
        generate("x", host=host, **asked)


def test_only_language_models_write_piece_by_piece() -> None:
    with pytest.raises(RequestError, match="only language models"):
        stream("x", "DummyT2I")
    with pytest.raises(RequestError, match="at least one message"):
        stream([])
    with pytest.raises(SignatureError, match="NUL"):
        stream("a\x00b")


def test_the_public_functions_load_a_model_for_one_call() -> None:
    made = panic_tda.generate("The sea", raw=True, max_tokens=1, temperature=0)
    assert made.timings.load_s > 0
    with panic_tda.stream("The sea", raw=True, max_tokens=1, temperature=0) as pieces:
        assert "".join(pieces) == made.text
