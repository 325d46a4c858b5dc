"""Dialogues and continuations, asked for with OpenAI's own client."""

from __future__ import annotations

import json
import time
from typing import Any

import jsonschema
import pytest
from openai import APIError, BadRequestError, OpenAI

from panic_tda.models.language import Ending, Prompt, Sampling, Usage
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.services.host import Host
from panic_tda.services.language import generate
from panic_tda.settings import Settings
from support.models import fake_spec
from support.servers import Running, events, running
from support.waiting import eventually

MODEL = "SmolLM2"
QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]
SHORT: Any = {"model": MODEL, "messages": QUESTION, "max_tokens": 12, "temperature": 1.2}
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["n"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def host(server: Running) -> Host:
    """The host of the server, asked without HTTP."""
    return server.facilities.host


def test_a_greedy_answer_is_that_of_this_process_and_its_tokens_are_counted(openai: OpenAI, host: Host) -> None:
    answer = openai.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, max_tokens=24)
    expected = generate("What is the capital of France?", MODEL, temperature=0, max_tokens=24, host=host)
    assert "Paris" in (answer.choices[0].message.content or "")
    assert answer.choices[0].message.content == expected.text
    assert answer.usage is not None
    counted = expected.completions[0].usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (
        counted.prompt_tokens,
        counted.completion_tokens,
    )


def test_a_stream_is_the_whole_answer_in_pieces(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(**SHORT, seed=5)
    [whole], usage = answer.choices, answer.usage
    assert usage is not None
    chunks = list(openai.chat.completions.create(**SHORT, seed=5, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content for chunk in chunks[:-2]]
    assert len(pieces) >= 3
    assert "".join(piece or "" for piece in pieces) == whole.message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == whole.finish_reason
    assert (chunks[-1].choices, chunks[-1].usage and chunks[-1].usage.completion_tokens) == (
        [],
        usage.completion_tokens,
    )


def test_several_answers_have_the_seeds_that_follow(openai: OpenAI) -> None:
    both = openai.chat.completions.create(**SHORT, seed=7, n=2).choices
    alone = openai.chat.completions.create(**SHORT, seed=8).choices[0]
    assert both[1].message.content == alone.message.content != both[0].message.content
    assert [choice.index for choice in both] == [0, 1]


def test_an_answer_tells_the_seed_that_repeats_it(openai: OpenAI) -> None:
    first = openai.chat.completions.create(**SHORT).choices[0]
    again = openai.chat.completions.create(**SHORT, seed=first.model_dump()["seed"]).choices[0]
    assert again.message.content == first.message.content


def test_a_schema_holds(openai: OpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
    answer = openai.chat.completions.create(model=MODEL, messages=QUESTION, temperature=1.5, response_format=form)
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), SCHEMA)


def test_an_answer_ends_before_a_stop_text(openai: OpenAI) -> None:
    request: Any = {"model": MODEL, "prompt": "one, two, three,", "temperature": 0, "max_tokens": 16}
    [whole] = openai.completions.create(**request).choices
    stop = whole.text[4:6]
    [stopped] = openai.completions.create(**request, stop=[stop]).choices
    assert stopped.text == whole.text.partition(stop)[0]
    assert stopped.finish_reason == "stop"
    streamed = openai.completions.create(**request, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == whole.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "no"}}}},
            "schema",
        ),
        ({"temperature": -1}, "temperature"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"messages": []}, "messages"),
        ({"model": "DummyT2I"}, "piece by piece"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_granted_is_a_bad_request(openai: OpenAI, change: Any, words: str, stream: bool) -> None:
    with pytest.raises(BadRequestError, match=words):
        openai.chat.completions.create(**SHORT | change, stream=stream)


class Endless:
    """A language model that writes until nobody listens; asked to, it fails on the way."""

    ended = 0

    def write(self, prompt: Prompt, seed: int, sampling: Sampling, emit: Any) -> Ending:
        for number in range(100_000):
            if not emit(f"{number} "):
                break
            if "fail" in str(prompt) and number == 3:
                raise RuntimeError("the weights are gone")
            time.sleep(0.002)  # as long as a fast model takes for a token
        type(self).ended += 1
        return Ending("cancelled", Usage(1, 1))

    def close(self) -> None:
        """Nothing to free."""


def load_endless(spec: ModelSpec, placement: Placement) -> Endless:
    return Endless()


ENDLESS = fake_spec("Endless", loader=f"{__name__}:load_endless")


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("panic_tda.services.language.find", lambda name: ENDLESS)
    Endless.ended = 0
    with running(Settings(executor="inprocess"), find=lambda name: ENDLESS) as server:
        yield server


BODY = {"model": "Endless", "messages": QUESTION, "max_tokens": 100_000}


def test_a_client_that_drops_in_the_middle_of_a_stream_frees_the_model(endless: Running) -> None:
    for number in range(1, 4):
        with endless.client.stream("POST", "/v1/chat/completions", json=BODY | {"stream": True}) as answer:
            assert [next(iter(answer.iter_lines()))]
        assert eventually(lambda number=number: Endless.ended == number, seconds=10)  # type: ignore[misc]


def test_a_client_that_drops_before_a_whole_answer_frees_the_model(endless: Running) -> None:
    import httpx2

    with pytest.raises(httpx2.ReadTimeout):
        endless.post("/v1/chat/completions", BODY, timeout=1)
    assert eventually(lambda: Endless.ended == 1, seconds=10)


def test_a_fault_in_the_middle_of_a_stream_is_its_last_event(endless: Running) -> None:
    body = BODY | {"stream": True, "messages": [{"role": "user", "content": "fail"}]}
    with endless.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        told = [data for _, data in events(answer.iter_lines())]
    assert told[-1] == "[DONE]"
    assert told[-2]["error"]["code"] == "ModelCallFailed"
    client = OpenAI(base_url=f"{endless.url}/v1", api_key="none", max_retries=0)
    with client, pytest.raises(APIError, match="the weights are gone"):
        list(client.chat.completions.create(**body))


def test_closing_the_server_ends_a_stream_within_its_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panic_tda.services.language.find", lambda name: ENDLESS)
    before = Endless.ended
    with running(Settings(executor="inprocess"), find=lambda name: ENDLESS, grace_s=1) as server:
        answer = server.client.send(
            server.client.build_request("POST", "/v1/chat/completions", json=BODY | {"stream": True}), stream=True
        )
        assert next(iter(answer.iter_lines()))
        began = time.monotonic()
        server.serving.close()
        assert time.monotonic() - began < 10
        answer.close()
    assert Endless.ended == before + 1
