"""Chat and vision: what is asked, and what becomes of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from panic_tda.content import Image, Text
from panic_tda.errors import InvalidOutput, ModelCallFailed, ModelError
from panic_tda.models.text_parameters import INSTRUCTIONS
from support.openai_server import Fault, OpenAIServer, answer, chat_answer, choice, painting
from support.remote import generator, remote_spec, server, still

__all__ = ["server", "still"]

PICTURES = (painting("a", 1, 5, 3), Image("RGBA", 2, 1, bytes([1, 2, 3, 0, 250, 251, 252, 128])))


def one(server: OpenAIServer, fault: Fault | None = None, text: str = "hello", **parameters: Any) -> Text | ModelError:
    """The outcome of one text, met by the fault."""
    server.always = fault
    spec = remote_spec(server.url)
    with generator(spec) as model:
        [outcome] = model.generate([Text(text)], [7], spec.with_defaults(parameters))
    assert isinstance(outcome, (Text, ModelError))
    return outcome


def test_a_text_is_sent_with_seed_and_sampling_settings(server: OpenAIServer) -> None:
    outcome = one(server, temperature=0.25, max_tokens=9, top_p=0.5)
    question = f"{INSTRUCTIONS['rephrase']}\nhello"
    assert outcome == Text(f"{chat_answer(question, 7)}\nand more")
    assert server.asked[0].body == {
        "model": "m",
        "messages": [{"role": "user", "content": question}],
        "seed": 7,
        "temperature": 0.25,
        "top_p": 0.5,
        "max_tokens": 9,
    }
    assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("parameters", "question"),
    [
        ({"instruction": "describe"}, f"{INSTRUCTIONS['describe']}\nhe{{instruction}} {{text}}o"),
        ({"template": "{text}"}, "he{instruction} {text}o"),
        (
            {"template": "<{text}> {instruction} {other}", "instruction": "Do it."},
            "<he{instruction} {text}o> Do it. {other}",
        ),
    ],
)
def test_the_template_is_filled_once(server: OpenAIServer, parameters: dict[str, Any], question: str) -> None:
    one(server, text="he{instruction} {text}o", **parameters)
    assert server.asked[0].body["messages"] == [{"role": "user", "content": question}]


def test_one_line_ends_at_the_first_line_break(server: OpenAIServer) -> None:
    assert one(server, one_line=True, template="{text}") == Text(chat_answer("hello", 7))


def test_options_leave_fields_out_rename_and_add_them(server: OpenAIServer) -> None:
    extra = '{"reasoning_effort": "low", "stop": ["x"]}'
    spec = remote_spec(server.url, omit="seed, top_p", token_limit="max_completion_tokens", body=extra)
    with generator(spec) as model:
        model.generate([Text("hello")], [7], spec.with_defaults({"max_tokens": 5}))
    sent = server.asked[0].body
    assert sent.keys() == {"model", "messages", "temperature", "max_completion_tokens", "reasoning_effort", "stop"}
    assert (sent["max_completion_tokens"], sent["stop"]) == (5, ["x"])


def test_the_server_sees_the_exact_pixels(server: OpenAIServer) -> None:
    spec = remote_spec(server.url, "image->text")
    with generator(spec) as model:
        outcomes = model.generate(PICTURES, [1, 2], spec.with_defaults({}))
    assert outcomes == [
        Text(f"{chat_answer(picture, seed)}\nand more") for seed, picture in enumerate(PICTURES, start=1)
    ]
    question, picture = server.asked[0].body["messages"][0]["content"]
    assert question == {"type": "text", "text": "Describe this image briefly."}
    assert picture["type"] == "image_url"


def test_an_answer_cut_by_its_length_is_kept(server: OpenAIServer) -> None:
    assert one(server, answer(choice(" half an ans", "length"))) == Text("half an ans")


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (choice(""), InvalidOutput, "Far: the answer is empty$"),
        (choice(" \n "), InvalidOutput, "the answer is empty$"),
        (choice(None), InvalidOutput, "the answer is empty$"),
        (choice("", "length"), InvalidOutput, "the answer is empty .all of max_tokens went elsewhere"),
        (choice("a\0b"), InvalidOutput, "may not contain the NUL character"),
        (choice("\ud800"), InvalidOutput, "lone surrogates"),
        (choice([{"type": "text"}]), InvalidOutput, "is no text but list"),
        (choice(None, refusal="I cannot"), ModelCallFailed, "refused this input: 'I cannot'"),
        (choice("half", "content_filter"), ModelCallFailed, "refused this input: 'content filter'"),
        ({"choices": []}, InvalidOutput, "holds no choice with a message"),
        ({"choices": [{"text": "old style"}]}, InvalidOutput, "holds no choice with a message"),
        ({"choices": [{"message": "hello"}]}, InvalidOutput, "holds no choice with a message"),
        ({"choices": {"a": 1}}, InvalidOutput, "holds no choice with a message"),
    ],
)
def test_what_is_no_answer_is_a_typed_error(
    server: OpenAIServer, reply: Any, error: type[ModelError], message: str
) -> None:
    found = one(server, answer(reply))
    assert type(found) is error
    with pytest.raises(error, match=message):
        raise found


def test_an_answer_of_white_space_before_its_first_line_is_read_from_its_first_word(server: OpenAIServer) -> None:
    assert one(server, answer(choice("\n\n first \nsecond")), one_line=True) == Text("first")
