"""Models and embeddings, asked for with OpenAI's own client."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import numpy as np
import pytest
from openai import APIStatusError, BadRequestError, NotFoundError, OpenAI

from panic_tda.content import Text
from panic_tda.errors import ModelCallFailed
from panic_tda.models.catalogue import catalogue, find
from panic_tda.runtime.execution import BatchLimits, execute
from panic_tda.runtime.mock import MockExecutor
from panic_tda.runtime.result import Call
from panic_tda.server.collector import Collector
from panic_tda.services.choice import recommend
from panic_tda.services.embedding import embed, similarity
from panic_tda.services.host import Host
from panic_tda.settings import Settings
from support.contents import numbered, texts
from support.models import FakeModel, fake_spec, vector_of
from support.servers import Running, running

TEXTS = ["a red apple", "a green pear", "Ångström 🍎"]


@pytest.fixture(scope="module")
def expected() -> np.ndarray[Any, Any]:
    with Host() as host:
        return embed(TEXTS, "MiniLM", host=host).vectors


def test_every_model_of_the_catalogue_is_listed(openai: OpenAI) -> None:
    assert [model.id for model in openai.models.list()] == list(catalogue())


def test_a_model_tells_its_version(openai: OpenAI) -> None:
    assert openai.models.retrieve("MiniLM").model_dump()["version"] == find("MiniLM").version


def test_vectors_over_http_are_those_of_this_process_bit_by_bit(openai: OpenAI, expected: Any) -> None:
    answer = openai.embeddings.create(model="MiniLM", input=TEXTS)  # the client asks for base64
    np.testing.assert_array_equal(np.array([each.embedding for each in answer.data], np.float32), expected)
    assert [each.index for each in answer.data] == [0, 1, 2]
    assert answer.model == f"MiniLM@{find('MiniLM').version}"


def test_the_similarity_of_two_texts_is_that_of_this_process(server: Running) -> None:
    answer = server.post("/similarity", {"a": TEXTS[0], "b": TEXTS[1]})
    assert answer.json() == {"model": find("MiniLM").reference, "similarity": similarity(TEXTS[0], TEXTS[1])}
    assert server.post("/similarity", {"a": "x", "b": "x", "model": "PixelStats"}).status_code == 400
    assert server.post("/similarity", {"a": "x", "b": "x", "model": "Nobody"}).status_code == 404


def test_models_are_recommended_as_on_the_command_line(server: Running) -> None:
    answer = server.get("/recommendations?task=text-%3Evector").json()
    assert answer == json.loads(json.dumps([each.to_json() for each in recommend("text -> vector")]))
    assert "MiniLM" in [each["model"] for each in answer if each["runs"]]
    assert server.get("/recommendations?task=song").json()["error"]["message"] == "'song' is not a signature"


def test_numbers_and_base64_are_the_same_vectors(server: Running, expected: Any) -> None:
    def asked(form: str) -> Any:
        body = {"model": "MiniLM", "input": TEXTS[0], "encoding_format": form, "dimensions": 384}
        return server.post("/v1/embeddings", body).json()["data"][0]["embedding"]

    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(asked("base64")), "<f4"), expected[0])
    np.testing.assert_array_equal(np.array(asked("float"), np.float32), expected[0])


def test_no_texts_have_no_vectors(server: Running) -> None:
    assert server.post("/v1/embeddings", {"model": "DummyText", "input": []}).json()["data"] == []


def test_an_unknown_model_is_not_found_and_similar_names_are_told(openai: OpenAI) -> None:
    with pytest.raises(NotFoundError, match="MiniLn") as caught:
        openai.embeddings.create(model="MiniLn", input="x")
    assert isinstance(caught.value.body, dict)
    assert "MiniLM" in caught.value.body["hint"]
    assert caught.value.body["code"] == "UnknownModel"


def test_queries_and_documents_are_measured_each_in_its_way() -> None:
    spec = fake_spec("Prompted", "text -> vector", loader="support.models:load_prompted")
    with running(Settings(executor="inprocess"), find=lambda name: spec) as server:

        def asked(**kind: str) -> Any:
            answer = server.post("/v1/embeddings", {"model": "Prompted", "input": "a", **kind})
            return np.array(answer.json()["data"][0]["embedding"], np.float32)

        query, document, unsaid = asked(input_type="query"), asked(input_type="document"), asked()
    np.testing.assert_array_equal(query, np.asarray(vector_of(Text("query: a"))))
    np.testing.assert_array_equal(document, np.asarray(vector_of(Text("a"))))
    np.testing.assert_array_equal(unsaid, document)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model": "MiniLM", "input": "x", "dimensions": 256}, "384"),
        ({"model": "DummyT2I", "input": "x"}, "text -> image"),
        ({"model": "MiniLM", "input": "a\0b"}, "NUL"),
        ({"model": "MiniLM", "input": [[1, 2, 3]]}, "input"),
        ({"model": "MiniLM"}, "input"),
        ({"model": "MiniLM", "input": "x", "input_type": "question"}, "input_type"),
        ({"model": "MiniLM", "input": "x", "imput": 1}, "imput"),
        ([], "dictionary"),
    ],
)
def test_what_cannot_be_embedded_is_a_bad_request_that_says_why(server: Running, body: Any, words: str) -> None:
    answer = server.post("/v1/embeddings", body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_a_bad_request_is_openais_own_error(openai: OpenAI) -> None:
    with pytest.raises(BadRequestError):
        openai.embeddings.create(model="MiniLM", input="x", dimensions=3)


def test_a_missing_weight_is_told_and_no_vector_invented(openai: OpenAI) -> None:
    absent = next(
        spec.name for spec in catalogue().values() if spec.repository and str(spec.signature) == "text -> vector"
    )
    with pytest.raises(APIStatusError) as caught:
        openai.embeddings.create(model=absent, input="x")
    assert caught.value.status_code == 424


class Counting(MockExecutor):
    """Fake models, and how many inputs each call had."""

    def __init__(self) -> None:
        super().__init__(lambda call: execute(call, FakeModel(call.spec), BatchLimits()))

    @property
    def sizes(self) -> list[int]:
        return [len(call.inputs) for call in self.history]


EMBEDDER = fake_spec("Embedder", "text -> vector", batch_size=8)


def measured(executor: Counting, *requests: tuple[Text, ...]) -> list[Any]:
    async def ask() -> list[Any]:
        collector = Collector(executor)
        return await asyncio.gather(*(collector.measure(EMBEDDER, each) for each in requests), return_exceptions=True)

    return asyncio.run(ask())


def test_requests_of_many_clients_share_batches() -> None:
    executor = Counting()
    requests = [(text,) for text in numbered(24)]
    found = measured(executor, *requests)
    for (text,), (vector,) in zip(requests, found, strict=True):
        np.testing.assert_array_equal(vector, vector_of(text))
    assert executor.sizes == [8, 8, 8]


def test_a_request_larger_than_a_batch_comes_back_in_order() -> None:
    executor = Counting()
    [found] = measured(executor, numbered(19))
    np.testing.assert_array_equal(np.stack(found), np.stack([np.asarray(vector_of(text)) for text in numbered(19)]))
    assert sum(executor.sizes) == 19


def test_a_bad_text_is_the_error_of_its_own_request_only() -> None:
    good, bad, other = measured(Counting(), texts("a"), texts("error"), texts("b"))
    assert isinstance(bad[0], ModelCallFailed)
    np.testing.assert_array_equal(
        np.stack([*good, *other]), np.stack([np.asarray(vector_of(t)) for t in texts("a", "b")])
    )


def test_a_call_that_fails_as_a_whole_fails_its_requests_and_not_the_next() -> None:
    executor = Counting()
    executor.enqueue_error(ModelCallFailed("the worker is gone"))

    async def ask() -> list[Any]:
        collector = Collector(executor)
        first = await asyncio.gather(collector.measure(EMBEDDER, texts("a")), return_exceptions=True)
        return [*first, await collector.measure(EMBEDDER, texts("b"))]

    first, second = asyncio.run(ask())
    assert isinstance(first, ModelCallFailed)
    np.testing.assert_array_equal(second[0], vector_of(Text("b")))


def test_what_nobody_waits_for_any_more_is_not_measured() -> None:
    executor = Counting()

    async def ask() -> None:
        collector = Collector(executor)
        dropped = asyncio.ensure_future(collector.measure(EMBEDDER, texts("dropped")))
        await asyncio.sleep(0)
        dropped.cancel()
        await collector.measure(EMBEDDER, texts("kept"))

    asyncio.run(ask())
    assert [call.inputs for call in executor.history] == [texts("kept")]


def test_the_collector_gives_what_single_calls_give() -> None:
    executor = Counting()
    alone = [executor.submit(Call(EMBEDDER, (text,), (0,))).result().outputs[0] for text in numbered(5)]
    [found] = measured(Counting(), numbered(5))
    np.testing.assert_array_equal(np.stack(found), np.stack([np.asarray(each) for each in alone]))
