"""Embeddings: one request for a whole batch, in order, of length 1."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from panic_tda.content import Text
from panic_tda.errors import EndpointUnavailable, InvalidOutput, ModelCallFailed, ModelError, PrerequisiteError
from support.openai_server import (
    EMBEDDINGS,
    FORBIDDEN,
    OpenAIServer,
    altered,
    embedding,
    first_embedding,
    status,
)
from support.remote import embedder, remote_spec, server, still
from support.times import StillTime

__all__ = ["server", "still"]


def measured(server: OpenAIServer, *texts: str, **options: Any) -> list[Any]:
    with embedder(remote_spec(server.url, "text->vector", **options)) as model:
        return list(model.embed([Text(text) for text in texts]))


def unit(text: str, dims: int = 8) -> Any:
    return embedding(text, dims) / np.float32(3)


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_a_batch_is_one_request_and_comes_back_in_order_with_length_one(server: OpenAIServer, encoding: str) -> None:
    texts = [f"text {number}" for number in range(9)]
    vectors = measured(server, *texts, encoding=encoding)
    assert server.paths == [EMBEDDINGS]
    assert server.asked[0].body == {"model": "m", "input": texts, "encoding_format": encoding}
    for text, vector in zip(texts, vectors, strict=True):
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(vector, unit(text), atol=1e-6)


def test_shorter_vectors_are_asked_for_only_when_told(server: OpenAIServer) -> None:
    [vector] = measured(server, "a", dims=5, dimensions=True)
    np.testing.assert_allclose(vector, unit("a", 5), atol=1e-6)
    assert server.asked[0].body["dimensions"] == 5
    [found] = measured(server, "a", dims=5)
    assert isinstance(found, InvalidOutput)
    assert found.message == (
        "Far made a vector of 8 numbers where 5 were expected (see the options dims and dimensions)"
    )


NO_NUMBERS = "made an embedding that is no list of numbers"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1.0] * 7, "made a vector of 7 numbers where 8 were expected"),
        ([], "made a vector of 0 numbers"),
        ([[1.0] * 8], r"made a vector of shape \(1, 8\)"),
        ([0.0] * 8, "zero or not finite"),
        ([float("nan")] + [1.0] * 7, "zero or not finite"),
        ([float("inf")] + [1.0] * 7, "zero or not finite"),
        ([1e300] * 8, "zero or not finite"),
        ([None] * 8, "zero or not finite"),
        (["x"] * 8, NO_NUMBERS),
        ([[1.0], [1.0, 2.0]], NO_NUMBERS),
        ({"a": 1}, NO_NUMBERS),
        ("%%%", NO_NUMBERS),
        (base64.b64encode(b"12345").decode(), NO_NUMBERS),
    ],
)
def test_a_wrong_vector_is_the_error_of_its_item_alone(server: OpenAIServer, value: Any, message: str) -> None:
    server.fail(altered(lambda right: first_embedding(right).update(embedding=value)))
    wrong, good = measured(server, "a", "b")
    assert isinstance(wrong, InvalidOutput)
    with pytest.raises(InvalidOutput, match=message):
        raise wrong
    np.testing.assert_allclose(good, unit("b"), atol=1e-6)
    assert len(server.asked) == 1


def test_a_text_that_is_refused_harms_no_other(server: OpenAIServer) -> None:
    texts = [f"text {number}" for number in range(8)]
    texts[5] = FORBIDDEN
    outcomes = measured(server, *texts)
    assert [isinstance(outcome, ModelCallFailed) for outcome in outcomes] == [text == FORBIDDEN for text in texts]
    np.testing.assert_allclose(outcomes[7], unit("text 7"), atol=1e-6)
    assert [len(each.body["input"]) for each in server.asked] == [8, 4, 4, 2, 1, 1, 2]


@pytest.mark.parametrize(
    "change",
    [
        lambda right: right["data"].pop(),
        lambda right: right["data"].append(right["data"][0]),
        lambda right: right["data"][0].update(index=right["data"][1]["index"]),
        lambda right: right["data"][0].update(index="0"),
        lambda right: right["data"][0].pop("embedding"),
        lambda right: right.pop("data"),
    ],
)
def test_an_answer_that_does_not_fit_the_batch_is_asked_for_in_halves(server: OpenAIServer, change: Any) -> None:
    server.fail(altered(change))
    outcomes = measured(server, "a", "b", "c")
    for text, vector in zip("abc", outcomes, strict=True):
        np.testing.assert_allclose(vector, unit(text), atol=1e-6)
    assert [len(each.body["input"]) for each in server.asked] == [3, 1, 2]


def test_a_server_that_always_sends_too_few_is_an_error_for_each(server: OpenAIServer) -> None:
    server.always = altered(lambda right: right["data"].pop())
    assert {type(outcome) for outcome in measured(server, "a", "b", "c")} == {InvalidOutput}


@pytest.mark.parametrize(("code", "error"), [(401, PrerequisiteError), (503, EndpointUnavailable)])
def test_what_is_no_fault_of_the_texts_is_not_asked_for_in_halves(
    server: OpenAIServer, still: StillTime, code: int, error: type[ModelError]
) -> None:
    server.always = status(code)
    assert [type(outcome) for outcome in measured(server, *"abcdefgh")] == [error] * 8
    assert len(server.asked) == (1 if code == 401 else 4)


def test_without_an_index_the_order_counts(server: OpenAIServer) -> None:
    def bare(right: dict[str, Any]) -> None:
        right["data"] = [{"embedding": row["embedding"]} for row in sorted(right["data"], key=lambda row: row["index"])]

    server.fail(altered(bare))
    np.testing.assert_allclose(measured(server, "a", "b")[1], unit("b"), atol=1e-6)
